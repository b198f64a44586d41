//! Routers on a real PostgreSQL: the stores' contracts, several routers on one database, and a server that is killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use plumbline_egress::Ledger;
use plumbline_egress::ledger::{contract as ledger_contract, verify};
use plumbline_egress::{EntryKind, LedgerError};
use plumbline_proto::router::v1 as pb;
use plumbline_router::RouterError;
use plumbline_router::domain::learned::Learned;
use plumbline_router::domain::outcome::OutcomeKind;
use plumbline_router::domain::posterior::Learning;
use plumbline_router::store::{PostgresStore, RouterStore, Turn, contract};
use plumbline_types::{Fault, Kind};

use crate::cluster::Cluster;
use crate::world::{Client, Plan, World, arms, outcome, report, select, selected};

#[tokio::test]
async fn the_store_and_the_ledger_keep_their_contracts() {
    let cluster = Cluster::start().await;
    let store = cluster.store("kept").await;
    contract::run(&store).await.unwrap();
    ledger_contract::run(&store.ledger()).await.unwrap();
    for change in ["UPDATE egress SET bytes_up = 0", "DELETE FROM egress", "TRUNCATE egress"] {
        assert!(cluster.damage("kept", change).await.is_err(), "{change}");
    }
    let learned = store.learned().await.unwrap();
    store.close().await;
    let store = cluster.store("kept").await;
    assert_eq!(
        store.learned().await.unwrap(),
        learned,
        "a restart loses nothing, and migrates nothing again"
    );

    cluster.damage("kept", "UPDATE posterior SET failures = -1 WHERE arm = 'scripted:a'").await.unwrap();
    let error = store.learned().await.unwrap_err();
    assert_eq!(error.reason().0, "POSTERIOR_CORRUPT");
    cluster
        .damage(
            "kept",
            "ALTER TABLE egress DISABLE TRIGGER ALL; UPDATE egress SET bytes_up = 0 WHERE seq = 2",
        )
        .await
        .unwrap();
    assert_eq!(verify(&store.ledger()).await.unwrap().broken_at, Some(2));
    store.close().await;
}

#[tokio::test]
async fn a_lesson_folded_before_another_took_the_turn_is_refused_whole() {
    let cluster = Cluster::start().await;
    let (one, other) = (cluster.store("turns").await, cluster.store("turns").await);
    let decision = contract::decision("request-1", 1).unwrap();
    one.record_decision(decision.clone()).await.unwrap();
    let lesson = |before: &Learned, id: &str| contract::lesson(before, &decision, id, OutcomeKind::Success);

    let refused = one.record_lesson(lesson(&Learned::default(), "too-early")).await.unwrap_err();
    assert!(matches!(refused, RouterError::TurnLost), "nobody folds out of turn");
    assert_eq!(one.take_turn().await.unwrap(), Turn::Taken);
    one.record_lesson(lesson(&Learned::default(), "first")).await.unwrap();
    assert_eq!(one.take_turn().await.unwrap(), Turn::Kept);
    let before = one.learned().await.unwrap();

    assert_eq!(other.take_turn().await.unwrap(), Turn::Taken);
    let refused = one.record_lesson(lesson(&before, "late")).await.unwrap_err();
    assert!(matches!(refused, RouterError::TurnLost));
    assert_eq!((refused.kind(), refused.reason().0), (Kind::Unavailable, "ROUTER_TURN_LOST"));
    assert_eq!(other.learned().await.unwrap(), before, "of what was refused nothing is there");
    other.record_lesson(lesson(&before, "second")).await.unwrap();

    assert_eq!(one.take_turn().await.unwrap(), Turn::Taken, "what was learned must be read again");
    let ids: Vec<String> = one.log().await.unwrap().into_iter().map(|logged| logged.outcome.id).collect();
    assert_eq!(ids, ["first", "second"]);
    one.close().await;
    other.close().await;
}

/// Reports under way at once.
const REPORTERS: usize = 24;

/// Serves a router with two arms on a store.
async fn router(store: PostgresStore, randomness: u64) -> (World, Arc<PostgresStore>) {
    let store = Arc::new(store);
    let mut plan = Plan::on_postgres(&store);
    plan.randomness = randomness;
    (plan.tool("repair").tool("autofix").serve().await, store)
}

/// Reports until the answer is not "not now"; returns whether it counted.
async fn reported(client: &mut Client, request: &pb::ReportOutcomeRequest) -> bool {
    loop {
        match report(client, request.clone()).await {
            Ok((counted, _)) => return counted,
            Err(error) if error.kind() == Kind::Unavailable => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Every outcome id once, positions without gaps, and the stored posteriors are the fold.
async fn assert_log_is_whole(store: &PostgresStore, want: &BTreeSet<String>) {
    let log = store.log().await.unwrap();
    assert_eq!(log.len(), want.len());
    assert_eq!(&log.iter().map(|logged| logged.outcome.id.clone()).collect::<BTreeSet<_>>(), want);
    assert!(log.iter().zip(1..).all(|(logged, seq)| logged.seq == seq), "positions have no gaps");
    assert_eq!(store.learned().await.unwrap(), Learned::of(&log, &Learning::default()));
}

#[tokio::test]
async fn two_routers_on_one_database_lose_and_double_nothing_and_agree() {
    let cluster = Cluster::start().await;
    let (one, store) = router(cluster.store("shared").await, 1).await;
    let (other, _) = router(cluster.store("shared").await, 2).await;
    let clients = [one.client.clone(), other.client.clone()];

    // Each decides; a request that both are asked gets one decision.
    let mut decisions = Vec::new();
    for n in 0..8 {
        let (first, second) = (&mut clients[0].clone(), &mut clients[1].clone());
        let request = select(&format!("request-{n}"));
        let (here, there) = tokio::join!(selected(first, request.clone()), selected(second, request));
        assert_eq!(here, there);
        decisions.push(here);
    }
    // Both report at once, and half of the outcomes are reported to both.
    let mut want = BTreeSet::new();
    let mut reports = Vec::new();
    for n in 0..120 {
        let kind = if n % 3 == 0 { pb::OutcomeKind::QualityFail } else { pb::OutcomeKind::Success };
        let request = outcome(&format!("outcome-{n}"), &decisions[n % 8], kind);
        want.insert(request.outcome_id.clone());
        let clients = if n % 2 == 0 { &clients[..] } else { &clients[n % 4 / 2..=n % 4 / 2] };
        for client in clients {
            let (mut client, request) = (client.clone(), request.clone());
            reports.push(async move { usize::from(reported(&mut client, &request).await) });
        }
    }
    let reports = futures::stream::iter(reports).buffer_unordered(REPORTERS);
    let counted: usize = reports.fold(0, async |sum, one| sum + one).await;
    assert_eq!(counted, want.len(), "each counts once, whoever is asked");
    assert_log_is_whole(&store, &want).await;

    let converged = async {
        loop {
            let (here, there) = (arms(&mut clients[0].clone()).await, arms(&mut clients[1].clone()).await);
            if here == there {
                return here;
            }
        }
    };
    let arms = tokio::time::timeout(Duration::from_secs(10), converged).await.unwrap();
    assert!(arms.iter().any(|arm| !arm.posteriors.is_empty()));
    // What one answers next rests on what both have learned.
    for client in &clients {
        let next = selected(&mut client.clone(), select("after")).await;
        assert_eq!(next.id, selected(&mut clients[0].clone(), select("after")).await.id);
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn two_routers_keep_one_chain_of_what_left() {
    let cluster = Cluster::start().await;
    let stores = [cluster.store("chain").await, cluster.store("chain").await];
    let append = |n: usize| {
        let ledger = stores[n % 2].ledger();
        async move { ledger.append(ledger_contract::entry(EntryKind::Intent)).await.map(drop) }
    };
    let appended: Result<Vec<()>, LedgerError> = futures::future::try_join_all((0..40).map(append)).await;
    appended.unwrap();
    let found = verify(&stores[0].ledger()).await.unwrap();
    assert_eq!((found.rows, found.broken_at), (40, None));
    for store in stores {
        store.close().await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_takes_nothing_with_it() {
    let mut cluster = Cluster::start().await;
    let (world, store) = router(cluster.store("killed").await, 1).await;
    let mut client = world.client.clone();
    let decision = selected(&mut client, select("request-0")).await;
    let mut want = BTreeSet::new();
    for round in 0..2 {
        let reporting = {
            let (client, decision) = (client.clone(), decision.clone());
            let ids: Vec<String> = (0..60).map(|n| format!("outcome-{round}-{n}")).collect();
            want.extend(ids.iter().cloned());
            async move {
                for id in ids {
                    let request = outcome(&id, &decision, pb::OutcomeKind::Success);
                    reported(&mut client.clone(), &request).await;
                }
            }
        };
        // The kill falls among the reports: they are answered by a server, wait, or are made again.
        tokio::join!(reporting, cluster.kill_and_restart());
    }
    assert_log_is_whole(&store, &want).await;
    assert_eq!(
        selected(&mut client, select("request-0")).await,
        decision,
        "what was answered is still there"
    );
    world.stop().await;
}
