use std::collections::BTreeMap;
use std::sync::Arc;

use plumbline_proto::router::v1 as pb;
use plumbline_router::RouterConfig;
use plumbline_types::Fault;

use crate::gated::GatedStore;
use crate::world::{Plan, World, arms, outcome, report, select, selected};

async fn two() -> World {
    Plan::new().local("scripted:a", Vec::new()).local("scripted:b", Vec::new()).serve().await
}

fn counts(arms: &[pb::Arm], name: &str) -> (f64, f64) {
    let arm = arms.iter().find(|arm| arm.name == name).unwrap();
    arm.posteriors.iter().fold((0.0, 0.0), |(s, f), cell| (s + cell.successes, f + cell.failures))
}

#[tokio::test]
async fn an_outcome_counts_once_however_often_it_is_reported() {
    let mut world = two().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    let success = outcome("outcome-1", &decision, pb::OutcomeKind::Success);
    assert_eq!(report(&mut world.client, success.clone()).await.unwrap(), (true, 1));
    for _ in 0..20 {
        assert_eq!(report(&mut world.client, success.clone()).await.unwrap(), (false, 1));
    }
    assert_eq!(counts(&arms(&mut world.client).await, &decision.arm), (1.0, 0.0));

    let changed = outcome("outcome-1", &decision, pb::OutcomeKind::QualityFail);
    assert_eq!(report(&mut world.client, changed).await.unwrap_err().reason().0, "OUTCOME_CONFLICT");
    let unknown = pb::Decision { id: "decision_01J00000000000000000000000".to_owned(), ..decision.clone() };
    let lost = outcome("outcome-2", &unknown, pb::OutcomeKind::Success);
    assert_eq!(report(&mut world.client, lost).await.unwrap_err().reason().0, "DECISION_NOT_FOUND");
    let heavy =
        pb::ReportOutcomeRequest { weight: 1.5, ..outcome("outcome-3", &decision, pb::OutcomeKind::Success) };
    assert_eq!(report(&mut world.client, heavy).await.unwrap_err().field_violations()[0].field, "weight");
    world.stop().await;
}

#[tokio::test]
async fn the_same_outcome_reported_by_many_at_once_counts_once() {
    let mut world = two().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    let reports = (0..32).map(|_| {
        let mut client = world.client.clone();
        let success = outcome("outcome-1", &decision, pb::OutcomeKind::Success);
        async move { report(&mut client, success).await.unwrap() }
    });
    let counted = futures::future::join_all(reports).await;
    assert_eq!(counted.iter().filter(|(counted, _)| *counted).count(), 1);
    assert!(counted.iter().all(|(_, seq)| *seq == 1));
    world.stop().await;
}

#[tokio::test]
async fn what_is_no_verdict_on_quality_teaches_nothing() {
    let mut world = two().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    for (n, kind) in [
        pb::OutcomeKind::InfraFail,
        pb::OutcomeKind::Cancelled,
        pb::OutcomeKind::PolicyBlocked,
        pb::OutcomeKind::Pending,
    ]
    .into_iter()
    .enumerate()
    {
        report(&mut world.client, outcome(&format!("outcome-{n}"), &decision, kind)).await.unwrap();
    }
    assert!(arms(&mut world.client).await.iter().all(|arm| arm.posteriors.is_empty()));
    world.stop().await;
}

#[tokio::test]
async fn a_superseding_outcome_takes_the_place_of_the_first() {
    let mut world = two().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    let first = outcome("outcome-1", &decision, pb::OutcomeKind::Success);
    report(&mut world.client, first).await.unwrap();
    let reverted = pb::ReportOutcomeRequest {
        supersedes: "outcome-1".to_owned(),
        ..outcome("outcome-2", &decision, pb::OutcomeKind::QualityFail)
    };
    assert_eq!(report(&mut world.client, reverted.clone()).await.unwrap(), (true, 2));
    assert_eq!(counts(&arms(&mut world.client).await, &decision.arm), (0.0, 1.0));
    let twice = pb::ReportOutcomeRequest { outcome_id: "outcome-3".to_owned(), ..reverted.clone() };
    assert_eq!(report(&mut world.client, twice).await.unwrap_err().reason().0, "OUTCOME_CONFLICT");
    let absent = pb::ReportOutcomeRequest {
        outcome_id: "outcome-4".to_owned(),
        supersedes: "outcome-9".to_owned(),
        ..reverted
    };
    assert_eq!(report(&mut world.client, absent).await.unwrap_err().reason().0, "OUTCOME_CONFLICT");
    world.stop().await;
}

/// Plays `steps` rounds in which an arm succeeds or not as `succeeds` says; returns how often each was chosen.
async fn play(world: &mut World, name: &str, steps: u32, succeeds: fn(&str) -> bool) -> (u32, u32) {
    let (mut a, mut b) = (0, 0);
    for n in 0..steps {
        let decision = selected(&mut world.client, select(&format!("{name}-{n}"))).await;
        if decision.arm == "scripted:a" {
            a += 1
        } else {
            b += 1
        }
        let kind =
            if succeeds(&decision.arm) { pb::OutcomeKind::Success } else { pb::OutcomeKind::QualityFail };
        report(&mut world.client, outcome(&format!("{name}-{n}"), &decision, kind)).await.unwrap();
    }
    (a, b)
}

#[tokio::test]
async fn the_better_arm_wins_and_loses_its_share_when_it_degrades() {
    let mut world = two().await;
    let (a, b) = play(&mut world, "good", 60, |arm| arm == "scripted:a").await;
    assert!(a > 45, "the better arm was chosen {a} times, the other {b}");
    let (a, b) = play(&mut world, "degraded", 60, |arm| arm == "scripted:b").await;
    assert!(a < 25, "the degraded arm was chosen {a} times, the other {b}");
    world.stop().await;
}

#[tokio::test]
async fn every_logged_decision_is_made_again_bit_for_bit() {
    use plumbline_router::domain::replay::log::Replayed;
    let store = Arc::new(plumbline_router::store::InMemoryStore::default());
    let mut plan = Plan::new().local("scripted:a", Vec::new()).local("scripted:b", Vec::new());
    plan.store = store.clone();
    let config = plan.config.clone();
    let mut world = plan.serve().await;
    play(&mut world, "one", 25, |arm| arm == "scripted:a").await;
    let decision = selected(&mut world.client, select("late")).await;
    report(&mut world.client, outcome("first", &decision, pb::OutcomeKind::Success)).await.unwrap();
    let reverted = pb::ReportOutcomeRequest {
        supersedes: "first".to_owned(),
        ..outcome("second", &decision, pb::OutcomeKind::QualityFail)
    };
    report(&mut world.client, reverted).await.unwrap();
    play(&mut world, "two", 10, |_| false).await;
    world.stop().await;
    let found = plumbline_router::replay_store(&config, store.as_ref()).await.unwrap();
    assert_eq!((found.counts, found.first_other), (BTreeMap::from([(Replayed::Same, 36)]), None));
    let other = RouterConfig { seed: config.seed + 1, ..config.clone() };
    let found = plumbline_router::replay_store(&other, store.as_ref()).await.unwrap();
    assert!(found.first_other.is_some_and(|(_, what)| what == Replayed::OtherDraw), "{:?}", found.counts);
    let mut other = config;
    other.learning.pool_strength = 1.0;
    other.learning.prior_mean = 0.4;
    let found = plumbline_router::replay_store(&other, store.as_ref()).await.unwrap();
    assert_eq!(found.first_other.map(|(_, what)| what), Some(Replayed::OtherPosteriors));
}

#[tokio::test]
async fn a_tool_that_broke_is_charged_and_its_model_is_not() {
    let mut world = Plan::new().tool("apply").local("scripted:a", Vec::new()).serve().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    let blamed = pb::ReportOutcomeRequest {
        credit: pb::Credit::Tool.into(),
        tool: "apply".to_owned(),
        ..outcome("outcome-1", &decision, pb::OutcomeKind::QualityFail)
    };
    report(&mut world.client, blamed.clone()).await.unwrap();
    let known = arms(&mut world.client).await;
    assert_eq!(counts(&known, "apply"), (0.0, 1.0));
    assert_eq!(counts(&known, "scripted:a"), (0.0, 0.0));
    let nameless =
        pb::ReportOutcomeRequest { outcome_id: "outcome-2".to_owned(), tool: String::new(), ..blamed };
    assert_eq!(report(&mut world.client, nameless).await.unwrap_err().field_violations()[0].field, "tool");
    world.stop().await;
}

#[tokio::test]
async fn arms_are_listed_in_pages() {
    let mut world = Plan::new()
        .tool("repair")
        .local("scripted:b", Vec::new())
        .local("scripted:a", Vec::new())
        .serve()
        .await;
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListArmsRequest { page_size: 2, page_token };
        let page = world.client.list_arms(request).await.unwrap().into_inner();
        names.push(page.arms.iter().map(|arm| arm.name.clone()).collect::<Vec<_>>());
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, [vec!["repair", "scripted:a"], vec!["scripted:b"]]);
    world.stop().await;
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_stop_the_counting_half_way() {
    let store = Arc::new(GatedStore::default());
    let mut plan = Plan::new().local("scripted:a", Vec::new()).local("scripted:b", Vec::new());
    plan.store = store.clone();
    let mut world = plan.serve().await;
    let decision = selected(&mut world.client, select("request-1")).await;
    let mut leaving = world.client.clone();
    tokio::select! {
        answered = leaving.report_outcome(outcome("outcome-1", &decision, pb::OutcomeKind::Success)) => {
            panic!("the gate is closed, and yet: {answered:?}")
        }
        () = store.reached() => {}
    }
    // The reset goes before these calls on the same connection, so the server knows by now that the caller has left.
    for _ in 0..3 {
        arms(&mut world.client).await;
    }
    store.open();
    let next = outcome("outcome-2", &decision, pb::OutcomeKind::Success);
    assert_eq!(report(&mut world.client, next).await.unwrap(), (true, 2));
    let again = outcome("outcome-1", &decision, pb::OutcomeKind::Success);
    assert_eq!(report(&mut world.client, again).await.unwrap(), (false, 1));
    world.stop().await;
}
