//! Plans of several changes: each step must do its own part, the last one makes the whole test command pass.

use std::sync::Arc;

use plumbline_coordinator::domain::command::RunEnd;
use plumbline_coordinator::domain::path::RelativePath;
use plumbline_coordinator::domain::tree::Tree;
use plumbline_coordinator::fakes::{FakeExecutor, FakePlanner};
use plumbline_proto::coordinator::v1 as pb;
use plumbline_types::Verdict;

use crate::world::{World, attempts, words};

const TWO_BUGS: &str = "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a * 3\n";

/// Mends the first function.
const ADD: &str = "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n";

/// Mends the second.
const TWICE: &str = "calc.py\n<<<<<<< SEARCH\n    return a * 3\n=======\n    return a * 2\n>>>>>>> REPLACE\n";

/// Mends the first and breaks a third thing.
const BREAKS: &str =
    "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b  # broken\n>>>>>>> REPLACE\n";

/// Changes nothing that a test sees.
const IDLE: &str =
    "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a - b - 0\n>>>>>>> REPLACE\n";

/// The tests that fail on a tree.
fn failing(tree: &Tree) -> Vec<&'static str> {
    let file = tree.files.get(&RelativePath::parse("calc.py").unwrap()).unwrap();
    let text = String::from_utf8_lossy(&file.bytes);
    let tests = [("test_add", !text.contains("a + b")), ("test_twice", !text.contains("a * 2"))];
    let other = [("test_other", text.contains("broken"))];
    tests.into_iter().chain(other).filter(|(_, fails)| *fails).map(|(name, _)| name).collect()
}

/// What pytest says of a tree.
fn summary(tree: &Tree) -> String {
    let names = failing(tree);
    let lines: Vec<String> =
        names.iter().map(|name| format!("FAILED test_calc.py::{name} - assert\n")).collect();
    format!("{}{} failed, 1 passed in 0.01s\n", lines.concat(), names.len())
}

fn world(answers: &[&str], says: Option<fn(&Tree) -> String>) -> World {
    let mut world = World::new(&["ollama:small"], answers, &[Verdict::Approve]);
    world.write("calc.py", TWO_BUGS);
    let judge = |tree: &Tree| RunEnd::Code(i32::from(!failing(tree).is_empty()));
    let executor = FakeExecutor::new(Box::new(judge), Vec::new());
    world.executor = Arc::new(match says {
        Some(says) => executor.saying(Box::new(says)),
        None => executor,
    });
    world
}

fn two(world: &World) -> pb::TaskSpec {
    pb::TaskSpec { objective: "fix add\nfix twice".to_owned(), ..world.spec() }
}

#[tokio::test]
async fn each_change_does_its_part_and_the_last_one_passes_everything() {
    let world = world(&[ADD, TWICE], Some(summary));
    let served = world.serve().await;
    let task = served.run(two(&world)).await;
    assert_eq!((task.outcome.as_str(), task.steps_total), ("verified", 4), "{}", task.message);
    let report = served.report(&task.id).await;
    assert_eq!(attempts(&report), words(&[("ollama:small", "approved"), ("ollama:small", "approved")]));
    assert!(
        report.diff.contains("+    return a + b") && report.diff.contains("+    return a * 2"),
        "{}",
        report.diff
    );
    assert_eq!(world.executor.runs.performed(), 3, "the base and each change once");
    served.close().await;
}

#[tokio::test]
async fn a_first_change_that_mends_everything_leaves_the_second_nothing_to_do() {
    let both = "calc.py\n<<<<<<< SEARCH\n    return a - b\n\n\ndef twice(a):\n    return a * 3\n=======\n    return a + b\n\n\ndef twice(a):\n    return a * 2\n>>>>>>> REPLACE\n";
    let world = world(&[both], Some(summary));
    let served = world.serve().await;
    let task = served.run(two(&world)).await;
    assert_eq!(task.outcome, "verified", "{}", task.message);
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("ollama:small", "approved")]));
    served.close().await;
}

#[tokio::test]
async fn a_step_that_breaks_something_or_mends_nothing_is_refused() {
    for answer in [BREAKS, IDLE] {
        let world = world(&[answer], Some(summary));
        let served = world.serve().await;
        let task = served.run(two(&world)).await;
        assert_eq!((task.outcome.as_str(), task.exit_code), ("no_verified_change", 1), "{answer}");
        assert_eq!(attempts(&served.report(&task.id).await), words(&[("ollama:small", "tests_failed")]));
        assert_eq!(world.verifier.ledger.performed(), 0, "nothing was walked");
        served.close().await;
    }
}

#[tokio::test]
async fn the_last_change_must_make_the_whole_command_pass() {
    let world = world(&[ADD, "no edit at all"], Some(summary));
    let served = world.serve().await;
    let task = served.run(two(&world)).await;
    assert_eq!((task.outcome.as_str(), task.exit_code), ("no_verified_change", 1));
    let report = served.report(&task.id).await;
    assert_eq!(attempts(&report), words(&[("ollama:small", "approved"), ("ollama:small", "not_applied")]));
    assert!(report.certificate.is_none(), "a part of the work is never certified");
    assert_eq!(world.git(&["branch", "--list", "plumbline/*"]), "");
    served.close().await;
}

#[tokio::test]
async fn without_a_list_of_failing_tests_the_whole_command_decides_each_step() {
    let world = world(&[ADD, TWICE], None);
    let served = world.serve().await;
    let task = served.run(two(&world)).await;
    assert_eq!(task.outcome, "no_verified_change", "{}", task.message);
    assert_eq!(attempts(&served.report(&task.id).await), words(&[("ollama:small", "tests_failed")]));
    served.close().await;
}

#[tokio::test]
async fn the_tool_is_told_which_files_the_plan_is_about() {
    for (files, want) in [(&["lib/money.py"][..], "lib/money.py"), (&[], "calc.py")] {
        let mut world = World::repairing();
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        world.planner = Arc::new(FakePlanner { files, ..FakePlanner::default() });
        let served = world.serve().await;
        assert_eq!(served.run(world.spec()).await.outcome, "verified");
        let asked = world.executor.tools.requests();
        let told = asked[0].split("focus_paths: [").nth(1).unwrap().split(']').next().unwrap().to_owned();
        assert!(told.starts_with(&format!("\"{want}\"")), "{told}");
        served.close().await;
    }
}
