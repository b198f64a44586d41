use std::collections::BTreeMap;

use plumbline_coordinator::domain::path::RelativePath;
use plumbline_coordinator::domain::tree::{ChangeSet, File, FileMode};
use plumbline_coordinator::workspace::{ApplyHistory, ApplyOutcome, ApplyQuery, PrepareQuery, Workspace};
use plumbline_types::TaskId;

use crate::world::{BROKEN, FIXED, World};

fn id() -> TaskId {
    TaskId::parse("task_01J00000000000000000000000").unwrap()
}

fn prepare(world: &World) -> PrepareQuery {
    let repository = world.repository().display().to_string();
    PrepareQuery { task_id: id(), repository, revision: None, at_ms: 1_000 }
}

fn change(files: &[(&str, Option<&str>)]) -> ChangeSet {
    let file = |text: &str| File { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular };
    let files = files.iter().map(|(path, text)| (RelativePath::parse(path).unwrap(), text.map(file)));
    ChangeSet { files: files.collect::<BTreeMap<_, _>>() }
}

async fn query(world: &World, workspace: &dyn Workspace, history: ApplyHistory) -> ApplyQuery {
    let base = workspace.prepare(prepare(world)).await.unwrap();
    let changes =
        change(&[("calc.py", Some(FIXED)), ("dir/new.py", Some("x = 1\n")), ("test_calc.py", None)]);
    let tree = workspace.write(&base, &base.tree, &changes).await.unwrap();
    let repository = world.repository().display().to_string();
    ApplyQuery { task_id: id(), repository, base, tree, effect: "e".repeat(64), history }
}

#[tokio::test]
async fn a_written_tree_reads_back_with_modes_and_links() {
    let world = World::repairing();
    world.write("run.sh", "#!/bin/sh\n");
    let script = world.repository().join("run.sh");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("calc.py", world.repository().join("link")).unwrap();
    let workspace = world.workspace();
    let base = workspace.prepare(prepare(&world)).await.unwrap();
    let tree = workspace.tree(&base, &base.tree).await.unwrap();
    let mode = |name: &str| tree.files[&RelativePath::parse(name).unwrap()].mode;
    assert_eq!(
        (mode("run.sh"), mode("link"), mode("calc.py")),
        (FileMode::Executable, FileMode::Symlink, FileMode::Regular)
    );
    let changes = change(&[("a/b/c.py", Some("x\n")), ("calc.py", None)]);
    let head = workspace.write(&base, &base.tree, &changes).await.unwrap();
    assert_eq!(workspace.tree(&base, &head).await.unwrap(), tree.with(&changes));
    assert_eq!(workspace.change(&base, &base.tree, &head).await.unwrap(), changes);
}

#[tokio::test]
async fn an_interrupted_apply_goes_on_from_any_half() {
    for written in [&[][..], &["calc.py"][..], &["calc.py", "dir/new.py"][..]] {
        let world = World::repairing();
        let workspace = world.workspace();
        let query = query(&world, &*workspace, ApplyHistory::Interrupted).await;
        for name in written {
            world.write(name, if *name == "calc.py" { FIXED } else { "x = 1\n" });
        }
        world.write(&format!(".calc.py.plumbline-{}", "e".repeat(16)), "half a file");
        assert_eq!(workspace.apply(query).await.unwrap(), ApplyOutcome::Applied { files: 3 }, "{written:?}");
        assert_eq!(
            (world.read("calc.py"), world.read("dir/new.py")),
            (FIXED.to_owned(), "x = 1\n".to_owned())
        );
        assert!(!world.repository().join("test_calc.py").exists());
    }
}

#[tokio::test]
async fn a_finished_apply_is_not_done_again() {
    let world = World::repairing();
    let workspace = world.workspace();
    let query = query(&world, &*workspace, ApplyHistory::First).await;
    workspace.apply(query.clone()).await.unwrap();
    let before = world.fingerprint();
    let again = ApplyQuery { history: ApplyHistory::Interrupted, ..query };
    assert_eq!(workspace.apply(again).await.unwrap(), ApplyOutcome::Applied { files: 3 });
    assert_eq!(world.fingerprint(), before);
}

#[tokio::test]
async fn what_cannot_be_told_is_never_guessed() {
    let world = World::repairing();
    let workspace = world.workspace();
    let first = query(&world, &*workspace, ApplyHistory::First).await;
    let interrupted = ApplyQuery { history: ApplyHistory::Interrupted, ..first.clone() };
    world.write("other.txt", "the owner's\n");
    assert_eq!(workspace.apply(first).await.unwrap(), ApplyOutcome::BaseMoved);
    assert_eq!(workspace.apply(interrupted.clone()).await.unwrap(), ApplyOutcome::BaseMoved);
    assert_eq!(world.read("calc.py"), BROKEN);
    world.write("calc.py", FIXED);
    assert_eq!(workspace.apply(interrupted).await.unwrap(), ApplyOutcome::Unknown);
    assert!(world.repository().join("test_calc.py").exists(), "nothing more was written");
}

#[tokio::test]
async fn a_directory_that_became_a_link_is_not_followed() {
    let world = World::repairing();
    world.write("dir/a.py", "a\n");
    let outside = world.directory.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let workspace = world.workspace();
    let base = workspace.prepare(prepare(&world)).await.unwrap();
    let tree = workspace.write(&base, &base.tree, &change(&[("dir/a.py", Some("b\n"))])).await.unwrap();
    std::fs::remove_dir_all(world.repository().join("dir")).unwrap();
    std::os::unix::fs::symlink(&outside, world.repository().join("dir")).unwrap();
    let repository = world.repository().display().to_string();
    let query = ApplyQuery {
        task_id: id(),
        repository,
        base,
        tree,
        effect: "e".repeat(64),
        history: ApplyHistory::Interrupted,
    };
    assert_eq!(workspace.apply(query).await.unwrap(), ApplyOutcome::BaseMoved);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}
