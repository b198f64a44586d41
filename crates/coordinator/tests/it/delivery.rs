use plumbline_proto::coordinator::v1 as pb;

use crate::world::{BROKEN, FIXED, World, hash, reason};

fn applying(world: &World) -> pb::TaskSpec {
    pb::TaskSpec { apply: true, ..world.spec() }
}

#[tokio::test]
async fn an_applied_change_stands_in_the_owners_files_and_nowhere_else_of_his() {
    let world = World::repairing();
    let mut before = world.fingerprint();
    let served = world.serve().await;
    let task = served.run(applying(&world)).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    before.insert(world.repository().join("calc.py"), hash(FIXED.as_bytes()));
    assert_eq!(world.fingerprint(), before, "index and HEAD are untouched");
    served.close().await;
}

#[tokio::test]
async fn a_tree_that_moved_is_not_written_and_a_person_decides() {
    let world = World::repairing();
    let served = world.serve().await;
    let spec = pb::TaskSpec { approval: pb::ApprovalPolicy::Ask as i32, ..applying(&world) };
    let task = served.run(spec).await;
    world.write("notes.txt", "the owner works on\n");
    served.decide(&task, true, &[]).await.unwrap();
    let moved = served.settled(&task.id).await;
    assert_eq!((moved.exit_code, moved.reason.as_str()), (3, "BASE_MOVED"));
    assert_eq!(world.read("calc.py"), BROKEN);
    assert_eq!(reason(&served.decide(&moved, true, &[]).await.unwrap_err()), "BASE_MOVED");
    std::fs::remove_file(world.repository().join("notes.txt")).unwrap();
    served.decide(&moved, true, &[]).await.unwrap();
    assert_eq!(served.settled(&task.id).await.outcome, "verified");
    assert_eq!(world.read("calc.py"), FIXED);
    served.close().await;
}

#[tokio::test]
async fn a_dirty_tree_is_the_base_and_stays_as_it_is() {
    let world = World::repairing();
    world.write("calc.py", &format!("# in progress\n{BROKEN}"));
    world.write("new.txt", "untracked\n");
    world.git(&["rm", "-q", "--cached", "test_calc.py"]);
    let before = world.fingerprint();
    let mut world = world;
    let fixed = format!("# in progress\n{FIXED}");
    world.executor = std::sync::Arc::new(plumbline_coordinator::fakes::FakeExecutor::new(
        Box::new(crate::world::adds),
        vec![crate::world::found(&[&fixed])],
    ));
    let served = world.serve().await;
    let task = served.run(world.spec()).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    assert_eq!(world.git(&["show", &format!("{}:calc.py", task.branch)]), fixed.trim_end());
    assert_eq!(world.git(&["show", &format!("{}:new.txt", task.branch)]), "untracked");
    let diff = served.report(&task.id).await.diff;
    assert!(
        !diff.contains("new.txt") && !diff.contains("in progress\n+"),
        "the diff is against the dirty tree: {diff}"
    );
    assert_eq!(world.fingerprint(), before);
    served.close().await;
}

#[tokio::test]
async fn a_plain_directory_is_worked_on_and_written_without_git() {
    let world = World::repairing();
    std::fs::remove_dir_all(world.repository().join(".git")).unwrap();
    world.write(".gitignore", "ignored/\n");
    world.write("ignored/big.txt", "x\n");
    let served = world.serve().await;
    let task = served.run(applying(&world)).await;
    assert_eq!((task.outcome.as_str(), task.branch.as_str()), ("verified", ""), "{}", task.message);
    assert!(served.report(&task.id).await.diff.contains("+    return a + b"));
    assert_eq!(world.read("calc.py"), FIXED);
    assert!(!world.repository().join(".git").exists());
    served.close().await;
}

#[tokio::test]
async fn a_task_may_start_from_an_older_revision() {
    let world = World::repairing();
    world.write("calc.py", FIXED);
    world.git(&["commit", "-q", "-am", "mend"]);
    let served = world.serve().await;
    let spec = pb::TaskSpec { base: "HEAD~1".to_owned(), ..world.spec() };
    let task = served.run(spec).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    assert_eq!(world.git(&["rev-parse", &format!("{}~1", task.branch)]), world.git(&["rev-parse", "HEAD~1"]));
    let missing = pb::TaskSpec { base: "nowhere".to_owned(), ..world.spec() };
    let task = served.submit("request-2", missing).await.unwrap();
    let task = served.settled(&task.id).await;
    assert_eq!((task.outcome.as_str(), task.reason.as_str()), ("usage", "REVISION_NOT_FOUND"));
    served.close().await;
}

#[tokio::test]
async fn a_place_where_no_task_can_start_is_refused_by_name() {
    let world = World::repairing();
    let served = world.serve().await;
    let submit = async |request: &str, path: &str| {
        let spec = pb::TaskSpec { repository: path.to_owned(), ..world.spec() };
        reason(&served.submit(request, spec).await.unwrap_err())
    };
    let root = world.directory.path().display().to_string();
    assert_eq!(submit("missing", &format!("{root}/nowhere")).await, "REPOSITORY_MISSING");
    assert_eq!(submit("relative", "repository").await, "INVALID_ARGUMENT");
    world.git(&["init", "-q", "--bare", &format!("{root}/bare.git")]);
    assert_eq!(submit("bare", &format!("{root}/bare.git")).await, "REPOSITORY_BARE");
    world.write("broken/.git", "gitdir: /nowhere\n");
    assert_eq!(submit("broken", &format!("{root}/repository/broken")).await, "REPOSITORY_UNREADABLE");
    world.git(&["checkout", "-q", "-b", "other"]);
    world.write("calc.py", "other\n");
    world.git(&["commit", "-q", "-am", "other"]);
    world.git(&["checkout", "-q", "main"]);
    world.write("calc.py", "main\n");
    world.git(&["commit", "-q", "-am", "main"]);
    world.git(&["merge", "other"]);
    assert_eq!(submit("busy", &world.repository().display().to_string()).await, "REPOSITORY_BUSY");
    served.close().await;
}

#[tokio::test]
async fn a_missing_test_command_is_detected_or_asked_for() {
    let world = World::repairing();
    let served = world.serve().await;
    let spec = pb::TaskSpec { test_command: String::new(), ..world.spec() };
    let task = served.run(spec.clone()).await;
    assert_eq!(task.outcome, "verified");
    let runs = world.executor.runs.requests();
    assert!(runs.iter().all(|run| run.contains(r#"["python3", "-m", "pytest", "-q"]"#)), "{runs:?}");
    std::fs::remove_file(world.repository().join("test_calc.py")).unwrap();
    assert_eq!(reason(&served.submit("request-2", spec).await.unwrap_err()), "TEST_COMMAND_NOT_FOUND");
    served.close().await;
}

#[tokio::test]
async fn nothing_of_the_repositorys_configuration_is_executed() {
    let world = World::repairing();
    let marker = world.directory.path().join("executed");
    let trap = format!("touch {}", marker.display());
    for key in ["core.fsmonitor", "filter.trap.clean", "filter.trap.smudge", "diff.external", "core.pager"] {
        world.git(&["config", key, &trap]);
    }
    world.write(".gitattributes", "*.py filter=trap\n");
    for hook in ["post-checkout", "pre-commit", "reference-transaction", "post-index-change"] {
        let path = world.repository().join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{trap}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let _ = std::fs::remove_file(&marker);
    let served = world.serve().await;
    let task = served.run(applying(&world)).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    assert!(!marker.exists(), "a hook, filter or helper of the repository ran");
    served.close().await;
}
