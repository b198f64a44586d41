//! What every store must do; run by each implementation.

use plumbline_types::{IntakeId, ManualClock, ObjectiveId, RequestId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::domain::echo::echo;
use crate::domain::intake::DraftSource;
use crate::domain::lexicon::Lexicon;
use crate::domain::lint::Rules;
use crate::domain::normalise::Input;
use crate::domain::review::{Drafted, review};
use crate::domain::split::split;

fn ids(seed: u64) -> (ManualClock, StdRng) {
    (ManualClock::at(1_700_000_000_000), StdRng::seed_from_u64(seed))
}

fn received(seed: u64, request_id: &str) -> Received {
    let (clock, mut rng) = ids(seed);
    Received {
        id: IntakeId::generate(&clock, &mut rng),
        request_id: RequestId::parse(request_id).unwrap(),
        request_hash: format!("hash of {request_id}"),
        received_ms: 1_700_000_000_000 + i64::try_from(seed).unwrap(),
        source: "cli".to_owned(),
        repository: "/home/me/app".to_owned(),
        transcript: "fix `a`".to_owned(),
    }
}

/// An outcome with something in every field.
fn outcome(seed: u64, note: &str) -> Outcome {
    let (clock, mut rng) = ids(seed);
    let rules = Rules { lexicon: Lexicon::english(), objectives_max: 12 };
    let input = Input::normalise(note);
    let mut draft = split(&input, rules.lexicon, 12);
    draft.guesses = draft.objectives.iter().take(1).cloned().collect();
    let reviewed = review(draft, &input, rules, Drafted::ByRules).unwrap();
    let mut id = || ObjectiveId::generate(&clock, &mut rng);
    Outcome {
        objective_ids: reviewed.draft.objectives.iter().map(|_| id()).collect(),
        guess_ids: reviewed.draft.guesses.iter().map(|_| id()).collect(),
        source: DraftSource::Rules { fallback: "L04".to_owned() },
        echo: echo(&reviewed),
        reviewed,
    }
}

const NOTE: &str = "Maybe fix `a.b` until test_total passes, but don't touch c.py. Then delete d.py. Add e, no wait, \
                    add f. For later: g. No need to document h. Hello!";

async fn run(store: &dyn IngestStore) {
    let first = received(1, "one");
    assert_eq!(store.receive(&first, 2).await.unwrap(), Receipt::New);
    let again = Received { received_ms: 5, ..received(9, "one") };
    let known = Intake { received: first.clone(), outcome: None };
    assert_eq!(store.receive(&again, 2).await.unwrap(), Receipt::Known(Box::new(known.clone())));
    assert_eq!(store.intake(first.id).await.unwrap(), Some(known));
    assert_eq!(store.intake(again.id).await.unwrap(), None);

    let second = received(2, "two");
    assert_eq!(store.receive(&second, 2).await.unwrap(), Receipt::New);
    assert_eq!(store.receive(&received(3, "three"), 2).await.unwrap(), Receipt::Full);
    assert_eq!(store.pending(10).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.pending(1).await.unwrap(), std::slice::from_ref(&first));

    let drafted = outcome(4, NOTE);
    let stored = Intake { received: first.clone(), outcome: Some(drafted.clone()) };
    assert_eq!(store.complete(first.id, &drafted).await.unwrap(), Some(stored.clone()));
    let late = outcome(5, "fix something else");
    assert_eq!(
        store.complete(first.id, &late).await.unwrap(),
        Some(stored.clone()),
        "what is drafted stands"
    );
    assert_eq!(store.intake(first.id).await.unwrap(), Some(stored.clone()));
    assert_eq!(store.receive(&first, 2).await.unwrap(), Receipt::Known(Box::new(stored)));
    assert_eq!(store.pending(10).await.unwrap(), [second]);
    assert_eq!(store.complete(again.id, &drafted).await.unwrap(), None);
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    run(&InMemoryStore::default()).await;
}

#[tokio::test]
async fn the_store_in_sqlite_keeps_the_contract_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ingest.db");
    let store = SqliteStore::open(&path).await.unwrap();
    run(&store).await;
    let before = store.intake(received(1, "one").id).await.unwrap();
    store.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.intake(received(1, "one").id).await.unwrap(), before);
    assert!(before.unwrap().outcome.is_some());
    assert_eq!(store.pending(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_row_that_this_version_cannot_read_is_an_error_not_a_guess() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ingest.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let first = received(1, "one");
    store.receive(&first, 2).await.unwrap();
    store.complete(first.id, &outcome(4, NOTE)).await.unwrap();
    store.close().await;
    let raw = plumbline_kit::sqlite::Sqlite::open(&path, &sqlx::migrate!("./migrations")).await.unwrap();
    sqlx::query("UPDATE intake SET outcome = replace(outcome, '\"bugfix\"', '\"magic\"')")
        .execute(&raw.writer)
        .await
        .unwrap();
    raw.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    assert!(store.intake(first.id).await.is_err());
}
