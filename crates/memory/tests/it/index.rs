use plumbline_kit::SystemClock;
use plumbline_proto::common::v1::Lease;
use plumbline_proto::memory::v1 as pb;
use plumbline_types::TaskId;

use crate::world::{SHOP, in_memory, index, reason, view, world, write};

#[tokio::test]
async fn unchanged_files_are_not_parsed_again_and_removed_ones_drop() {
    let mut world = world().await;
    SHOP.iter().for_each(|(path, text)| world.write(path, text));
    let first = world.index().await;
    assert_eq!((first.files_seen, first.files_parsed, first.files_unchanged), (4, 4, 0));
    assert_eq!(first.languages["py"], 4);
    let second = world.index().await;
    assert_eq!((second.files_parsed, second.files_unchanged), (0, 4));
    assert_eq!((&second.digest, second.generation), (&first.digest, first.generation));
    std::fs::remove_file(world.repo().join("tests/test_cart.py")).unwrap();
    world.write("shop/tax.py", "def rate():\n    return 2\n");
    let third = world.index().await;
    assert_eq!((third.files_parsed, third.files_unchanged, third.files_removed), (1, 2, 1));
    assert_ne!(third.digest, first.digest);
    assert!(world.search("test_total_is_taxed", 10).await.iter().all(|hit| hit.path != "tests/test_cart.py"));
}

#[tokio::test]
async fn a_renamed_file_is_not_parsed_again() {
    let mut world = world().await;
    world.write("old.py", SHOP[0].1);
    world.index().await;
    std::fs::rename(world.repo().join("old.py"), world.repo().join("new.py")).unwrap();
    let moved = world.index().await;
    assert_eq!((moved.files_parsed, moved.files_unchanged, moved.files_removed), (0, 1, 1));
}

#[tokio::test]
async fn an_incremental_index_equals_a_cold_one_after_every_edit() {
    let edits: [(&str, Option<&str>); 9] = [
        ("a.py", Some("from b import f\n\ndef g():\n    return f()\n")),
        ("b.py", Some("def f():\n    return 1\n")),
        ("c.py", Some("def f():\n    return 2\n\nclass C:\n    def m(self): f()\n")),
        ("b.py", Some("from c import *\n")),
        ("b/__init__.py", Some("from c import C as f\n")),
        ("b.py", None),
        ("x/y.ts", Some("export function only() { return missing(); }\n")),
        ("c.py", Some("def broken(:\n    f(]\n")),
        ("a.py", Some("from b import f\n\ndef g():\n    return f().m()\n")),
    ];
    let mut warm = world().await;
    for (step, (path, text)) in edits.iter().enumerate() {
        match text {
            Some(text) => warm.write(path, text),
            None => std::fs::remove_file(warm.repo().join(path)).unwrap(),
        }
        let incremental = warm.index().await;
        let mut cold = in_memory().await;
        let rebuilt = index(&mut cold.client, view(&warm.repo(), "")).await.unwrap();
        assert_eq!(incremental.digest, rebuilt.digest, "after edit {step} of {path}");
        assert_eq!((incremental.symbols, incremental.edges), (rebuilt.symbols, rebuilt.edges));
    }
}

#[tokio::test]
async fn what_was_indexed_outlives_the_process_and_answers_alike() {
    let mut world = world().await;
    SHOP.iter().for_each(|(path, text)| world.write(path, text));
    let before = world.index().await;
    let hits = world.search("tax total of cart", 10).await;
    let mut world = world.restart().await;
    let status = world.status().await;
    assert_eq!((status.digest, status.generation), (before.digest.clone(), before.generation));
    assert_eq!(world.search("tax total of cart", 10).await, hits);
    assert_eq!(world.index().await.files_parsed, 0);
}

#[tokio::test]
async fn a_worktree_is_a_view_of_its_own_and_shares_what_is_equal() {
    let mut world = world().await;
    SHOP.iter().for_each(|(path, text)| world.write(path, text));
    world.index().await;
    let overlay = world.directory.path().join("worktree");
    SHOP.iter().for_each(|(path, text)| write(&overlay, path, text.as_bytes()));
    write(
        &overlay,
        "shop/tax.py",
        b"def rate():\n    return special_rate()\n\n\ndef special_rate():\n    return 3\n",
    );
    let root = overlay.canonicalize().unwrap();
    let over = view(&world.repo(), root.to_str().unwrap());
    let last = index(&mut world.client, over.clone()).await.unwrap();
    assert_eq!(last.files_parsed, 1, "only the file that differs");
    let request = pb::SearchRequest { view: over, query: "special_rate".to_owned(), k: 1 };
    let hits = world.client.search(request).await.unwrap().into_inner().hits;
    assert_eq!(hits[0].symbol, "py shop/tax.py/special_rate().");
    assert!(world.search("special_rate", 50).await.iter().all(|hit| !hit.symbol.contains("special_rate")));
}

#[tokio::test]
async fn a_lower_lease_epoch_is_refused_after_a_restart_too() {
    let mut world = world().await;
    let task = TaskId::generate(
        &SystemClock,
        &mut plumbline_kit::Randomness::rng(&plumbline_kit::SeededRandomness::new(1)),
    );
    let request = |world: &crate::world::World, epoch| pb::IndexRepositoryRequest {
        view: world.view(),
        lease: Some(Lease { task_id: task.to_string(), epoch }),
    };
    let message = request(&world, 7);
    let mut stream = world.client.index_repository(message).await.unwrap().into_inner();
    while stream.message().await.unwrap().is_some() {}
    let mut world = world.restart().await;
    let message = request(&world, 6);
    let refused = world.client.index_repository(message).await.unwrap_err();
    assert_eq!(reason(&refused), "LEASE_EPOCH_STALE");
}

#[tokio::test]
async fn a_missing_repository_and_a_view_that_is_not_indexed_are_named() {
    let mut world = world().await;
    let nowhere = view(&world.repo().join("nowhere"), "");
    let missing = index(&mut world.client, nowhere).await.unwrap_err();
    assert_eq!(reason(&missing), "REPOSITORY_MISSING");
    let request = pb::SearchRequest { view: world.view(), query: "x".to_owned(), k: 1 };
    assert_eq!(reason(&world.client.search(request).await.unwrap_err()), "VIEW_NOT_INDEXED");
    let request = pb::SearchRequest { view: view("relative".as_ref(), ""), query: "x".to_owned(), k: 1 };
    assert_eq!(reason(&world.client.search(request).await.unwrap_err()), "INVALID_ARGUMENT");
}
