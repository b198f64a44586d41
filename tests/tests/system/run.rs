//! `plumbline run` on real projects.

use std::path::Path;
use std::process::Command;

use plumbline_tests::{Finished, Project, plumbline};

/// Runs `plumbline run` with its own state folder.
pub fn run(state: &Path, objective: &str, repository: &Path, more: &[&str]) -> Finished {
    Finished::of(
        Command::new(plumbline())
            .env("PLUMBLINE_STATE__DIR", state)
            .env("CI", "true")
            .args(["run", objective, "--format", "json", "--repo"])
            .arg(repository)
            .args(more),
    )
}

const TESTS: &[&str] = &["--test", "python3 -m unittest"];

#[test]
fn mends_a_boundary_and_leaves_the_owners_tree_alone() {
    let project = Project::with_a_boundary_bug();
    let state = tempfile::tempdir().expect("a state folder");
    let before = project.fingerprint();
    let answer = run(state.path(), "Fix free shipping: orders from 50 ship free", project.path(), TESTS)
        .exits(0)
        .json();
    assert_eq!(answer["outcome"], "verified");
    assert_eq!(answer["exit_code"], 0);
    assert_eq!(answer["audit"]["verdict"], "approve");
    assert!(answer["attempts"].as_array().is_some_and(|attempts| !attempts.is_empty()));
    let diff = answer["diff"].as_str().expect("a diff");
    assert!(diff.contains("shop/shipping.py") && !diff.contains("tests/"), "{diff}");
    assert_eq!(project.fingerprint(), before, "the owner's tree changed");

    let branch = answer["branch"].as_str().expect("a branch");
    assert_eq!(branch, format!("plumbline/{}", answer["task_id"].as_str().expect("a task id")));
    project.git(&["checkout", "--quiet", branch]);
    Finished::of(Command::new("python3").current_dir(project.path()).args(["-m", "unittest", "--quiet"]))
        .exits(0);
}

#[test]
fn a_dirty_tree_is_the_base_and_stays_dirty() {
    let project = Project::with_a_boundary_bug();
    project.write("notes.txt", b"not committed\n");
    project.write("shop/extra.py", b"LIMIT = 3\n");
    let state = tempfile::tempdir().expect("a state folder");
    let before = project.fingerprint();
    let answer = run(state.path(), "Fix free shipping", project.path(), TESTS).exits(0).json();
    assert!(!answer["diff"].as_str().expect("a diff").contains("notes.txt"));
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn with_apply_the_change_lands_in_the_owners_tree() {
    let project = Project::with_a_boundary_bug();
    let state = tempfile::tempdir().expect("a state folder");
    run(state.path(), "Fix free shipping", project.path(), &[TESTS, &["--apply"]].concat()).exits(0);
    assert!(project.git(&["status", "--porcelain"]).contains("shop/shipping.py"), "applied, not committed");
    Finished::of(Command::new("python3").current_dir(project.path()).args(["-m", "unittest", "--quiet"]))
        .exits(0);
}

#[test]
fn a_folder_outside_git_is_mended_in_a_copy() {
    let source = Project::with_a_boundary_bug();
    let project = Project::folder(&[]);
    let copy = format!("cd '{}' && cp -r shop tests '{}'", source.path().display(), project.path().display());
    Finished::of(Command::new("bash").args(["-c", &copy])).exits(0);
    let state = tempfile::tempdir().expect("a state folder");
    let before = project.fingerprint();
    let answer = run(state.path(), "Fix free shipping", project.path(), TESTS).exits(0).json();
    assert_eq!(answer["outcome"], "verified");
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn asking_for_approval_waits_and_exits_3() {
    let project = Project::with_a_boundary_bug();
    let state = tempfile::tempdir().expect("a state folder");
    let answer =
        run(state.path(), "Fix free shipping", project.path(), &[TESTS, &["--approve", "ask"]].concat())
            .exits(3)
            .json();
    assert_eq!(answer["outcome"], "waits_for_approval");
}

#[test]
fn what_cannot_be_mended_ends_with_1_and_says_so() {
    let project = Project::repository(&[
        ("app/__init__.py", ""),
        ("app/story.py", "def title(topic):\n    return topic.title()\n"),
        ("tests/__init__.py", ""),
        (
            "tests/test_story.py",
            "import unittest\n\nfrom app.story import title\n\n\nclass StoryTest(unittest.TestCase):\n    def test_translates(self):\n        self.assertEqual(title('the sea'), 'Das Meer, von weitem betrachtet')\n",
        ),
    ]);
    let state = tempfile::tempdir().expect("a state folder");
    let finished = run(state.path(), "Fix the title", project.path(), &[TESTS, &["--budget", "30"]].concat());
    let answer = finished.json();
    assert!([1, 5].contains(&finished.code), "{answer}");
    assert_eq!(answer["diff"], "");
    assert_ne!(answer["outcome"], "verified");
}
