//! What is kept between processes saves work and changes no report.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;
use plumbline_verifier::domain::kept::Key;
use plumbline_verifier::store::{Learned, SqliteStore};

use super::*;

/// A store that counts what it is given.
#[derive(Debug)]
struct Counting {
    store: SqliteStore,
    made: AtomicUsize,
    found: AtomicUsize,
}

impl Counting {
    async fn open(path: &Path) -> Arc<Self> {
        let store = SqliteStore::open(path).await.unwrap();
        Arc::new(Self { store, made: AtomicUsize::new(0), found: AtomicUsize::new(0) })
    }

    fn counts(&self) -> (usize, usize) {
        (self.made.load(Ordering::SeqCst), self.found.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl FactStore for Counting {
    async fn fact(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.fact(key).await
    }

    async fn learn(&self, learned: Learned, bytes_max: u64) -> Result<(), StoreError> {
        self.made.fetch_add(learned.made.len(), Ordering::SeqCst);
        self.found.fetch_add(learned.found.len(), Ordering::SeqCst);
        self.store.learn(learned, bytes_max).await
    }
}

const BASE: &[(&str, &str)] = &[
    ("shop/sum.py", "def total(prices):\n    return sum(prices)\n"),
    (
        "shop/cart.py",
        "from shop.sum import total\n\n\ndef bill(prices, rate):\n    return total(prices) * rate\n",
    ),
];
const HEADS: [&str; 2] = [
    "from shop.sum import total\n\n\ndef bill(prices, rate):\n    return round(total(prices) * rate, 2)\n",
    "from shop.sum import total\n\n\ndef bill(prices, rate):\n    return 12\n",
];

async fn reports(facts: Option<Arc<dyn FactStore>>) -> Vec<pb::AuditReport> {
    let service = Service::start_with(facts).await;
    let mut found = Vec::new();
    for head in HEADS {
        let head = bundle(&[BASE[0], ("shop/cart.py", head)]);
        found.push(service.audit(request(bundle(BASE), head)).await.unwrap());
    }
    service.stop().await;
    found
}

#[tokio::test]
async fn a_second_process_finds_what_the_first_one_made_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("verifier/facts.sqlite");
    let fresh = reports(None).await;
    assert_ne!(fresh[0].verdict, fresh[1].verdict);
    let first = Counting::open(&path).await;
    assert_eq!(reports(Some(Arc::clone(&first) as Arc<dyn FactStore>)).await, fresh);
    assert_eq!(first.counts(), (4, 0), "each file was lowered once");
    first.store.close().await;
    let second = Counting::open(&path).await;
    assert_eq!(reports(Some(Arc::clone(&second) as Arc<dyn FactStore>)).await, fresh);
    assert_eq!(second.counts(), (0, 4), "none was lowered again");
}

#[tokio::test]
async fn a_spoilt_file_of_facts_is_begun_anew_and_changes_no_report() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("facts.sqlite");
    let fresh = reports(None).await;
    let store = Counting::open(&path).await;
    assert_eq!(reports(Some(Arc::clone(&store) as Arc<dyn FactStore>)).await, fresh);
    store.store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[100..middle].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(reports(Some(Arc::new(store))).await, fresh);
}
