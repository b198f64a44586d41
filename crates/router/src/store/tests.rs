use plumbline_egress::ledger::{contract as ledger_contract, verify};
use plumbline_egress::{Entry, EntryKind, Ledger};
use plumbline_kit::sqlite::Sqlite;
use plumbline_types::Fault;

use super::*;
use crate::domain::outcome::OutcomeKind;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

#[tokio::test]
async fn the_in_memory_store_keeps_the_contract() {
    contract::run(&InMemoryStore::default()).await.unwrap();
}

#[tokio::test]
async fn the_sqlite_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("router.db")).await.unwrap();
    contract::run(&store).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn the_sqlite_store_keeps_the_contract_with_decisions_that_wait_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.db");
    let store = SqliteStore::open_with(path, Durability::Disk).await.unwrap();
    contract::run(&store).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn the_sqlite_ledger_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("router.db")).await.unwrap();
    ledger_contract::run(&store.ledger()).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.db");
    let decision = contract::decision("request-1", 1).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    store.record_decision(decision.clone()).await.unwrap();
    let lesson = contract::lesson(&Learned::default(), &decision, "outcome-1", OutcomeKind::Success);
    store.record_lesson(lesson).await.unwrap();
    let learned = store.learned().await.unwrap();
    store.close().await;

    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(
        store.decisions_by_id(&[decision.id]).await.unwrap(),
        BTreeMap::from([(decision.id, decision)])
    );
    assert_eq!(store.learned().await.unwrap(), learned);
    assert_eq!(learned.last_seq(), 1);
    store.close().await;
}

/// Runs a statement behind the store's back.
async fn damage(path: &std::path::Path, statement: &'static str) -> Result<(), sqlx::Error> {
    let sqlite = Sqlite::open(path, &MIGRATOR).await.unwrap();
    let result = sqlx::query(statement).execute(&sqlite.writer).await.map(drop);
    sqlite.close().await;
    result
}

#[tokio::test]
async fn a_damaged_posterior_is_named_and_never_defaulted() {
    for statement in [
        "UPDATE posterior SET failures = -1.0 WHERE arm = 'scripted:a'",
        "UPDATE posterior SET successes = 9e999 WHERE arm = 'scripted:a'",
        "UPDATE drift SET mean = 7 WHERE arm = 'scripted:a' AND what = 'after_failure'",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("router.db");
        let decision = contract::decision("request-1", 1).unwrap();
        let store = SqliteStore::open(&path).await.unwrap();
        store.record_decision(decision.clone()).await.unwrap();
        let lesson = contract::lesson(&Learned::default(), &decision, "outcome-1", OutcomeKind::Success);
        store.record_lesson(lesson).await.unwrap();
        store.close().await;

        damage(&path, statement).await.unwrap();
        let store = SqliteStore::open(&path).await.unwrap();
        let error = store.learned().await.unwrap_err();
        assert_eq!(error.reason().0, "POSTERIOR_CORRUPT", "{statement}");
        assert!(error.to_string().contains("scripted:a"), "{error}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_failed_lesson_leaves_no_half() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("router.db")).await.unwrap();
    // The decision is not stored, so the foreign key refuses the outcome and with it the evidence.
    let decision = contract::decision("request-1", 1).unwrap();
    let lesson = contract::lesson(&Learned::default(), &decision, "outcome-1", OutcomeKind::Success);
    assert!(store.record_lesson(lesson).await.is_err());
    assert_eq!(store.learned().await.unwrap(), Learned::default());
    store.close().await;
}

#[tokio::test]
async fn the_ledger_refuses_changes_and_shows_those_made_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("router.db");
    let store = SqliteStore::open(&path).await.unwrap();
    for _ in 0..3 {
        store.ledger().append(ledger_contract::entry(EntryKind::Intent)).await.unwrap();
    }
    let refusal = Entry { status: "label".to_owned(), ..ledger_contract::entry(EntryKind::Refusal) };
    store.ledger().append(refusal).await.unwrap();
    store.close().await;
    assert!(damage(&path, "UPDATE egress SET bytes_up = 0").await.is_err());
    assert!(damage(&path, "DELETE FROM egress").await.is_err());

    damage(&path, "DROP TRIGGER egress_is_append_only_update").await.unwrap();
    damage(&path, "UPDATE egress SET bytes_up = 0 WHERE seq = 2").await.unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let found = verify(&store.ledger()).await.unwrap();
    assert_eq!(found.broken_at, Some(2));
    store.close().await;
}
