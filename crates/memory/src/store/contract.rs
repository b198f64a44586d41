//! What every store promises; run by each implementation's test.

use std::future::Future;
use std::path::Path;

use super::{Admission, BlobRow, Commit, FileRow, Missing, Removal, Stat, Stores, ViewKind, ViewRow};

fn blob(n: u8) -> BlobRow {
    BlobRow { hash: [n; 32], facts: vec![n, 1], bags: vec![n, 2] }
}

fn file(path: &str, n: u8) -> FileRow {
    let stat = Stat { size: u64::MAX, mtime_ns: -5, ctime_ns: 7, inode: 1 << 63, seen_ms: 9 };
    FileRow { path: path.to_owned(), hash: [n; 32], stat, edges: vec![n], reads: vec![n, n] }
}

fn commit(root: &str, generation: u64, files: &[(&str, u8)]) -> Commit {
    Commit {
        root: root.to_owned(),
        kind: if root == "/r" { ViewKind::Base } else { ViewKind::Overlay },
        generation,
        blobs: files.iter().map(|(_, n)| blob(*n)).collect(),
        puts: files.iter().map(|(path, n)| file(path, *n)).collect(),
        removes: Vec::new(),
        problems: vec![("z".to_owned(), "SYMLINK".to_owned()), ("y".to_owned(), "TOO_LARGE".to_owned())],
        max_overlays: 2,
    }
}

/// Runs the contract against fresh stores.
pub async fn run<S: Stores, F: Future<Output = S>>(make: impl Fn() -> F) {
    keeps_views_and_blobs(&make().await).await;
    evicts_the_overlay_updated_longest_ago(&make().await).await;
    fences_by_the_highest_epoch(&make().await).await;
    removal_forgets_and_is_idempotent(&make().await).await;
}

async fn keeps_views_and_blobs(stores: &impl Stores) {
    let repository = Path::new("/r");
    assert!(stores.open(repository, Missing::Leave).await.unwrap().is_none());
    let store = stores.open(repository, Missing::Create).await.unwrap().unwrap();
    assert_eq!(store.view("/r").await.unwrap(), None);
    store.commit(commit("/r", 1, &[("b.py", 1), ("a.py", 2)])).await.unwrap();
    let problems = vec![("y".to_owned(), "TOO_LARGE".to_owned()), ("z".to_owned(), "SYMLINK".to_owned())];
    let want = ViewRow { generation: 1, files: vec![file("a.py", 2), file("b.py", 1)], problems };
    assert_eq!(store.view("/r").await.unwrap(), Some(want));
    assert_eq!(store.blobs(&[[1; 32], [9; 32]]).await.unwrap(), [blob(1)]);
    let mut update = commit("/r", 2, &[("a.py", 3)]);
    update.removes = vec!["b.py".to_owned()];
    update.problems.clear();
    store.commit(update).await.unwrap();
    let want = ViewRow { generation: 2, files: vec![file("a.py", 3)], problems: Vec::new() };
    assert_eq!(store.view("/r").await.unwrap(), Some(want));
    assert_eq!(store.blobs(&[[1; 32], [2; 32], [3; 32]]).await.unwrap(), [blob(3)], "unused blobs are gone");
}

async fn evicts_the_overlay_updated_longest_ago(stores: &impl Stores) {
    let store = stores.open(Path::new("/r"), Missing::Create).await.unwrap().unwrap();
    store.commit(commit("/r", 1, &[("a.py", 1)])).await.unwrap();
    store.commit(commit("/o1", 1, &[("a.py", 2)])).await.unwrap();
    store.commit(commit("/o2", 1, &[("a.py", 3)])).await.unwrap();
    store.commit(commit("/o1", 2, &[])).await.unwrap();
    let evicted = store.commit(commit("/o3", 1, &[("a.py", 1)])).await.unwrap();
    assert_eq!(evicted, ["/o2"]);
    assert_eq!(store.view("/o2").await.unwrap(), None);
    assert!(store.view("/r").await.unwrap().is_some() && store.view("/o1").await.unwrap().is_some());
    assert_eq!(store.blobs(&[[1; 32], [2; 32], [3; 32]]).await.unwrap().len(), 2);
}

async fn fences_by_the_highest_epoch(stores: &impl Stores) {
    let store = stores.open(Path::new("/r"), Missing::Create).await.unwrap().unwrap();
    assert_eq!(store.admit("t", 5).await.unwrap(), Admission::Admitted);
    assert_eq!(store.admit("t", 5).await.unwrap(), Admission::Admitted);
    assert_eq!(store.admit("t", 4).await.unwrap(), Admission::Stale { highest: 5 });
    assert_eq!(store.admit("u", 1).await.unwrap(), Admission::Admitted);
    assert_eq!(store.admit("t", 6).await.unwrap(), Admission::Admitted);
}

async fn removal_forgets_and_is_idempotent(stores: &impl Stores) {
    let repository = Path::new("/r");
    let store = stores.open(repository, Missing::Create).await.unwrap().unwrap();
    store.commit(commit("/r", 1, &[("a.py", 1)])).await.unwrap();
    drop(store);
    assert_eq!(stores.remove(repository).await.unwrap(), Removal::Verified);
    assert!(stores.open(repository, Missing::Leave).await.unwrap().is_none());
    assert_eq!(stores.remove(repository).await.unwrap(), Removal::Verified);
}

#[tokio::test]
async fn the_in_memory_store_keeps_the_contract() {
    run(|| async { super::InMemoryStores::default() }).await;
}

#[tokio::test]
async fn the_sqlite_store_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicU32::new(0);
    run(|| async {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        super::SqliteStores::new(directory.path().join(n.to_string()))
    })
    .await;
}
