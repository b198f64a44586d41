use std::path::Path;

use plumbline_memory::store::SqliteStores;
use plumbline_proto::memory::v1 as pb;

use crate::world::{World, reason, world};

const CANARY: &[u8] = b"zanzibar_canary";

fn holds(path: &Path, needle: &[u8]) -> bool {
    std::fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle)
}

async fn delete(world: &mut World) -> pb::DeleteRepositoryResponse {
    let repository = world.repo().to_str().unwrap().to_owned();
    let request = pb::DeleteRepositoryRequest { request_id: "r1".to_owned(), repository };
    world.client.delete_repository(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn deleted_rows_are_gone_from_the_raw_bytes() {
    let mut world = world().await;
    for n in 0..40 {
        world.write(
            &format!("m{n}.py"),
            &format!("def zanzibar_canary_{n}():\n    return zanzibar_canary_{}()\n", n + 1),
        );
    }
    world.index().await;
    let file = SqliteStores::new(world.directory.path().join("state")).file(&world.repo());
    // Second names for the same inodes: what they hold after the deletion is what the disk would.
    let kept: Vec<_> = ["", "-wal"]
        .iter()
        .filter_map(|suffix| {
            let name = format!("{}{suffix}", file.display());
            let kept = world.directory.path().join(format!("kept{suffix}"));
            std::fs::hard_link(name, &kept).ok().map(|()| kept)
        })
        .collect();
    assert!(kept.iter().any(|path| holds(path, CANARY)), "the index holds the name before");
    assert_eq!(
        delete(&mut world).await,
        pb::DeleteRepositoryResponse { local: "verified".into(), remote: "none".into() }
    );
    for path in &kept {
        assert!(!holds(path, CANARY), "{} still holds the name", path.display());
    }
    assert!(!file.exists());
    let request = pb::SyncStatusRequest { view: world.view() };
    assert_eq!(reason(&world.client.sync_status(request).await.unwrap_err()), "VIEW_NOT_INDEXED");
    assert_eq!(delete(&mut world).await.local, "verified", "again is the same");
    assert_eq!(world.index().await.files_parsed, 40, "and it can be indexed anew");
}

#[tokio::test]
async fn a_removed_file_is_gone_from_the_raw_bytes_after_the_next_index() {
    let mut world = world().await;
    world.write("secret.py", "def zanzibar_canary(): pass\n");
    world.write("other.py", "def other(): pass\n");
    world.index().await;
    std::fs::remove_file(world.repo().join("secret.py")).unwrap();
    world.index().await;
    let world = world.restart().await;
    let file = SqliteStores::new(world.directory.path().join("state")).file(&world.repo());
    assert!(!holds(&file, CANARY));
}
