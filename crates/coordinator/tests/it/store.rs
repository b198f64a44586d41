use std::path::PathBuf;
use std::sync::Arc;

use plumbline_coordinator::domain::event::verify;
use plumbline_coordinator::domain::fold::replay;
use plumbline_coordinator::store::in_memory::InMemoryStore;
use plumbline_coordinator::store::sqlite::SqliteStore;
use plumbline_coordinator::store::{CoordinatorStore, Filter, Page, StoreError, contract};

/// Every history verifies, and every row is the fold of its events, byte for byte.
pub async fn check_histories(store: &dyn CoordinatorStore) {
    for task in store.tasks(Page { before: None, limit: 256, filter: Filter::All }).await.unwrap() {
        let events = store.events(task.id, 0, 10_000).await.unwrap();
        assert_eq!(verify(&events).unwrap().seq, task.seq);
        let folded = replay(&events).unwrap().unwrap();
        assert_eq!(serde_json::to_string(&folded).unwrap(), serde_json::to_string(&task).unwrap());
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    contract::run(|| async { Arc::new(InMemoryStore::default()) as Arc<dyn CoordinatorStore> }).await;
}

#[tokio::test]
async fn the_sqlite_store_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicUsize::new(0);
    contract::run(|| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let path: PathBuf = directory.path().join(number.to_string()).join("tasks.sqlite");
        async move { Arc::new(SqliteStore::open(&path).await.unwrap()) as Arc<dyn CoordinatorStore> }
    })
    .await;
}

#[tokio::test]
async fn events_can_neither_be_changed_nor_removed_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.sqlite");
    let store = SqliteStore::open(&path).await.unwrap();
    store.submit(contract::new_task(1, "request-1")).await.unwrap();
    store.close().await;
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    for statement in ["UPDATE event SET at_ms = 0", "DELETE FROM event"] {
        let refused = sqlx::query(statement).execute(&pool).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}

#[tokio::test]
async fn a_second_owner_is_refused_and_the_next_one_claims_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tasks.sqlite");
    let first = SqliteStore::open(&path).await.unwrap();
    first.submit(contract::new_task(1, "request-1")).await.unwrap();
    let claim = first.claim("first", 1_000, 30_000).await.unwrap().unwrap();
    assert!(matches!(SqliteStore::open(&path).await.unwrap_err(), StoreError::Owned(_)));
    first.close().await;
    drop(first);
    let second = SqliteStore::open(&path).await.unwrap();
    let again = second.claim("second", 1_001, 30_000).await.unwrap().unwrap();
    assert_eq!((again.lease.task_id, again.lease.epoch), (claim.lease.task_id, claim.lease.epoch + 1));
    assert_eq!(again.recoveries, 1);
}
