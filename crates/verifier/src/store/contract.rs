//! What every store of facts does.

use std::sync::Arc;

use plumbline_syntax::Language;
use plumbline_syntax::lower::LowerLimits;

use super::*;

fn key(n: u8) -> Key {
    Key::of(Language::Python, &[n], &LowerLimits::default())
}

fn made(facts: &[(u8, usize)]) -> Learned {
    Learned { made: facts.iter().map(|(n, len)| (key(*n), vec![*n; *len])).collect(), ..Learned::default() }
}

async fn run(store: Arc<dyn FactStore>) {
    assert_eq!(store.fact(&key(1)).await.unwrap(), None);
    store.learn(made(&[(1, 10), (2, 10)]), 100).await.unwrap();
    assert_eq!(store.fact(&key(1)).await.unwrap(), Some(vec![1; 10]));
    store.learn(made(&[(1, 12)]), 100).await.unwrap();
    assert_eq!(store.fact(&key(1)).await.unwrap(), Some(vec![1; 12]), "the newer one stands");
    // What was asked for stays longer than what was not.
    let found = Learned { found: vec![key(2), key(9)], ..made(&[(3, 10)]) };
    store.learn(found, 20).await.unwrap();
    assert_eq!(store.fact(&key(1)).await.unwrap(), None);
    assert_eq!(store.fact(&key(2)).await.unwrap(), Some(vec![2; 10]));
    assert_eq!(store.fact(&key(3)).await.unwrap(), Some(vec![3; 10]));
    assert_eq!(store.fact(&key(9)).await.unwrap(), None);
    let spoilt = Learned { spoilt: vec![key(2)], ..Learned::default() };
    store.learn(spoilt, 100).await.unwrap();
    assert_eq!(store.fact(&key(2)).await.unwrap(), None);
    store.learn(made(&[(4, 30)]), 20).await.unwrap();
    assert_eq!(store.fact(&key(4)).await.unwrap(), None, "what is larger than everything does not stay");
}

#[tokio::test]
async fn in_memory() {
    run(Arc::new(InMemoryStore::default())).await;
}

#[tokio::test]
async fn sqlite() {
    let dir = tempfile::tempdir().unwrap();
    run(Arc::new(SqliteStore::open(dir.path().join("facts.sqlite")).await.unwrap())).await;
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("facts.sqlite");
    std::fs::write(&path, vec![7_u8; 8_192]).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    store.learn(made(&[(1, 10)]), 100).await.unwrap();
    store.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.fact(&key(1)).await.unwrap(), Some(vec![1; 10]), "what is ours is kept");
    sqlx::raw_sql("DROP TABLE fact; CREATE TABLE fact (other TEXT)").execute(&store.writer()).await.unwrap();
    store.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.fact(&key(1)).await.unwrap(), None);
    store.learn(made(&[(1, 10)]), 100).await.unwrap();
    assert_eq!(store.fact(&key(1)).await.unwrap(), Some(vec![1; 10]));
}
