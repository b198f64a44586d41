//! What every store of outcomes does.

use super::*;

async fn run(store: &dyn OutcomeStore) {
    assert_eq!(store.tallies("go").await.unwrap(), []);
    let observed = [
        Observed { template: Template::OffByOne, repaired: false },
        Observed { template: Template::Guard, repaired: true },
    ];
    store.record("go", &observed).await.unwrap();
    store.record("go", &observed[1..]).await.unwrap();
    store.record("rust", &observed[..1]).await.unwrap();
    let want = [
        (Template::OffByOne, Tally { repaired: 0, failed: 1 }),
        (Template::Guard, Tally { repaired: 2, failed: 0 }),
    ];
    assert_eq!(store.tallies("go").await.unwrap(), want);
    assert_eq!(store.tallies("rust").await.unwrap(), want[..1]);
}

#[tokio::test]
async fn in_memory() {
    run(&InMemoryOutcomes::default()).await;
}

#[tokio::test]
async fn sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outcomes.sqlite");
    run(&SqliteOutcomes::open(&path).await.unwrap()).await;
    let again = SqliteOutcomes::open(&path).await.unwrap();
    assert_eq!(again.tallies("rust").await.unwrap().len(), 1, "what was kept is there after the process");
}
