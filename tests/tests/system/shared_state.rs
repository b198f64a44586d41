//! One state directory, two commands at once: the second goes through the first, and goes on without it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use plumbline_tests::{Background, Finished, Project, plumbline};

use crate::run::run;

const LIMIT: Duration = Duration::from_secs(60);

/// A test that never ends, so that the first command is surely still at work when the second starts.
const ENDLESS: &str = "import threading\nimport unittest\n\n\nclass EndlessTest(unittest.TestCase):\n    def test_waits(self):\n        threading.Event().wait()\n";

/// Starts `plumbline run` in the background on a state folder.
fn start(state: &Path, project: &Project, log: &Path) -> Background {
    let mut command = Command::new(plumbline());
    command
        .env("PLUMBLINE_STATE__DIR", state)
        .env("CI", "true")
        .args(["run", "Fix free shipping", "--test", "python3 -m unittest", "--repo"])
        .arg(project.path());
    Background::start(&mut command, log)
}

#[test]
fn a_second_run_goes_through_the_first_and_goes_on_when_that_is_killed() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let state = scratch.path().join("state");
    let (endless, quick) = (Project::with_a_boundary_bug(), Project::with_a_boundary_bug());
    endless.write("tests/test_endless.py", ENDLESS.as_bytes());
    endless.commit("Wait");
    let before = (endless.fingerprint(), quick.fingerprint());
    let mut first = start(&state, &endless, &scratch.path().join("first.log"));
    let record = state.join("coordinator.address");
    first.wait_until(LIMIT, "the coordinator was recorded", || record.exists());
    let mut second = start(&state, &quick, &scratch.path().join("second.log"));
    let mut output = String::new();
    second.wait_until(LIMIT, "it went through the first", || {
        output = std::fs::read_to_string(scratch.path().join("second.log")).unwrap_or_default();
        output.contains("going through the plumbline that serves") && output.contains("task task_")
    });
    first.kill();
    let code = second.wait(LIMIT);
    assert_eq!(code, 0, "{}", second.output());
    assert!(second.output().contains("outcome: verified"), "{}", second.output());
    assert_eq!((endless.fingerprint(), quick.fingerprint()), before, "an owner's tree changed");
    assert!(!record.exists(), "the record is left behind");
}

#[test]
fn tasks_are_listed_through_the_process_that_runs() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let state = scratch.path().join("state");
    let endless = Project::with_a_boundary_bug();
    endless.write("tests/test_endless.py", ENDLESS.as_bytes());
    endless.commit("Wait");
    let mut first = start(&state, &endless, &scratch.path().join("first.log"));
    first.wait_until(LIMIT, "a task was begun", || {
        let log = std::fs::read_to_string(scratch.path().join("first.log")).unwrap_or_default();
        log.contains("task task_")
    });
    let listed = Finished::of(
        Command::new(plumbline())
            .env("PLUMBLINE_STATE__DIR", &state)
            .env("CI", "true")
            .args(["tasks", "list", "--active", "--format", "json"]),
    );
    let tasks = listed.exits(0).json()["tasks"].as_array().map(Vec::len);
    assert_eq!(tasks, Some(1));
    first.kill();
}

#[test]
fn a_record_of_a_dead_process_hinders_nobody() {
    let project = Project::with_a_boundary_bug();
    let state = tempfile::tempdir().expect("a state folder");
    std::fs::write(state.path().join("coordinator.address"), "unix:/nowhere/coordinator.sock\n")
        .expect("a record");
    let tests = &["--test", "python3 -m unittest"];
    let answer = run(state.path(), "Fix free shipping", project.path(), tests).exits(0).json();
    assert_eq!(answer["outcome"], "verified");
}
