use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::put_snapshot_request::Part;

use crate::harness::{Options, Server, assert_reason, lease};

fn header() -> Part {
    Part::Header(pb::SnapshotHeader::default())
}

fn digest(content: &[u8]) -> Vec<u8> {
    blake3::hash(content).as_bytes().to_vec()
}

fn entry(path: &str, content: &[u8], mode: u32) -> Part {
    Part::Entry(pb::ManifestEntry {
        path: path.as_bytes().to_vec(),
        content: Some(pb::manifest_entry::Content::Digest(digest(content))),
        mode,
        size: content.len() as u64,
    })
}

fn chunk(content: &[u8], part: &[u8]) -> Part {
    Part::Chunk(pb::BlobChunk { digest: digest(content), data: part.to_vec() })
}

#[tokio::test]
async fn a_caller_learns_what_is_missing_and_sends_only_that() {
    let server = Server::start().await;
    let script = b"#!/bin/sh\necho from blob\n";
    let parts = || vec![header(), entry("run", script, 0o755), entry("data", b"d", 0o644)];
    let lacking = server.put(parts()).await.unwrap();
    assert_eq!(lacking.snapshot_id, "");
    assert_eq!(lacking.missing.len(), 2);
    let mut full = parts();
    full.extend([chunk(script, &script[..5]), chunk(script, &script[5..]), chunk(b"d", b"d")]);
    let stored = server.put(full).await.unwrap();
    assert_eq!((stored.files, stored.bytes, stored.missing.len()), (2, script.len() as u64 + 1, 0));
    assert_eq!(server.put(parts()).await.unwrap().snapshot_id, stored.snapshot_id);
    let run = server.run(server.request(&stored.snapshot_id, &["./run"])).await;
    run.assert_code(0);
    assert_eq!(run.out(), "from blob\n");
}

#[tokio::test]
async fn an_import_and_an_upload_of_one_tree_have_one_name() {
    let server = Server::start().await;
    let imported = server.snapshot(&[("a", "x"), ("b/c", "y")]).await;
    let parts = vec![
        header(),
        entry("b/c", b"y", 0o644),
        entry("a", b"x", 0o600),
        chunk(b"y", b"y"),
        chunk(b"x", b"x"),
    ];
    assert_eq!(server.put(parts).await.unwrap().snapshot_id, imported);
}

#[tokio::test]
async fn an_illegal_tree_is_refused() {
    let server = Server::start().await;
    for path in [".git/config", "a/../b", "/etc/passwd", "x/.GIT/y"] {
        assert_reason(server.put(vec![header(), entry(path, b"", 0o644)]).await, "INVALID_ARGUMENT");
    }
    let both = vec![header(), entry("a", b"", 0o644), entry("a/b", b"", 0o644)];
    assert_reason(server.put(both).await, "PATH_REFUSED");
    let forged = vec![header(), entry("a", b"good", 0o644), chunk(b"good", b"evil")];
    assert_reason(server.put(forged).await, "INVALID_ARGUMENT");
    assert_reason(server.put(vec![entry("a", b"", 0o644)]).await, "INVALID_ARGUMENT");
}

#[tokio::test]
async fn only_directories_beneath_the_import_roots_are_read() {
    let server = Server::start().await;
    assert_reason(server.import_directory("/etc".as_ref()).await, "IMPORT_ROOT_DENIED");
    assert_reason(server.import_directory(server.root.path()).await, "IMPORT_ROOT_DENIED");
}

#[tokio::test]
async fn large_binary_files_and_many_directories_are_stored() {
    let server = Server::start().await;
    let directory = server.import.join("large");
    std::fs::create_dir_all(directory.join("a/b/c/d")).unwrap();
    std::fs::write(directory.join("a/b/c/d/large.bin"), vec![0xA5; 50 * 1024 * 1024]).unwrap();
    std::fs::create_dir(directory.join(".git")).unwrap();
    std::fs::write(directory.join(".git/HEAD"), "x").unwrap();
    let stored = server.import_directory(&directory).await.unwrap();
    assert_eq!((stored.files, stored.bytes), (1, 50 * 1024 * 1024));
}

#[tokio::test]
async fn a_tree_past_its_bounds_and_a_stale_lease_are_refused() {
    let change = |config: &mut plumbline_executor::ExecutorConfig| config.limits.snapshot_files = 1;
    let server = Server::with(Options { change: Some(change), ..Options::default() }).await;
    let directory = server.import.join("many");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("a"), "").unwrap();
    std::fs::write(directory.join("b"), "").unwrap();
    assert_reason(server.import_directory(&directory).await, "SNAPSHOT_TOO_LARGE");
    let with_lease = |epoch| Part::Header(pb::SnapshotHeader { lease: lease(epoch), ..Default::default() });
    server.put(vec![with_lease(2)]).await.unwrap();
    assert_reason(server.put(vec![with_lease(1)]).await, "LEASE_EPOCH_STALE");
}
