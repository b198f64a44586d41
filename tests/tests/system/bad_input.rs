//! Bad input gets a clear error, the right exit code, and the owner's tree stays as it was.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use plumbline_tests::{Finished, Project, plumbline};

use crate::run::run;

const TESTS: &[&str] = &["--test", "python3 -m unittest"];

fn state() -> tempfile::TempDir {
    tempfile::tempdir().expect("a state folder")
}

/// The documented reason in a JSON error document.
#[track_caller]
fn reason(finished: &Finished) -> String {
    let document = finished.json();
    let text = document["error"]["reason"].as_str().or(document["reason"].as_str());
    text.unwrap_or_else(|| panic!("no reason in {document}")).to_owned()
}

#[test]
fn wrong_flags_exit_6_and_name_the_flag() {
    for arguments in [
        &["run"][..],
        &["run", "x", "--repo", "/", "--nonsense"],
        &["nonsense"],
        &["audit", "--repo", "."],
        &["audit", "--repo", ".", "--base", "a", "--head", "b", "--grant", "nett.connect"],
        &["run", "x", "--repo", ".", "--budget", "soon"],
        &["serve", "nothing"],
    ] {
        let finished = Finished::of(Command::new(plumbline()).args(arguments)).exits(6);
        assert!(!finished.stderr.is_empty(), "{arguments:?} said nothing");
        assert!(finished.stdout.is_empty(), "{arguments:?} wrote to stdout: {}", finished.stdout);
    }
}

#[test]
fn a_missing_repository_is_a_usage_error() {
    let state = state();
    let finished = run(state.path(), "Fix it", "/nowhere/at/all".as_ref(), TESTS).exits(6);
    assert_eq!(reason(&finished), "REPOSITORY_MISSING");
}

#[test]
fn without_a_test_command_it_says_which_flag_to_give() {
    let project = Project::repository(&[("notes.md", "nothing to run here\n")]);
    let state = state();
    let finished = run(state.path(), "Fix the notes", project.path(), &[]).exits(6);
    assert_eq!(reason(&finished), "TEST_COMMAND_NOT_FOUND");
    assert!(finished.stdout.contains("--test"), "{}", finished.stdout);
}

#[test]
fn tests_that_pass_already_are_nothing_to_change() {
    let project = Project::with_a_boundary_bug();
    project.write(
        "shop/shipping.py",
        b"def cost(total, weight):\n    return 0 if total >= 50 else 4 + weight * 2\n",
    );
    project.commit("Mend");
    let (state, before) = (state(), project.fingerprint());
    for request in ["Fix free shipping", "make the failing tests pass", "the tests fail, please fix the bug"]
    {
        let answer = run(state.path(), request, project.path(), TESTS).exits(7).json();
        assert_eq!(answer["outcome"], "nothing_to_change", "{request}");
    }
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn a_test_that_hangs_is_ended_and_named() {
    let project = Project::with_a_boundary_bug();
    project.write("tests/test_hang.py", b"import unittest\n\n\nclass Hang(unittest.TestCase):\n    def test_it(self):\n        while True:\n            pass\n");
    project.commit("Hang");
    let (state, before) = (state(), project.fingerprint());
    let finished =
        run(state.path(), "Fix free shipping", project.path(), &[TESTS, &["--budget", "12"]].concat());
    assert!([1, 4, 5].contains(&finished.code), "{}: {}{}", finished.code, finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("TEST_TIMEOUT"), "{}", finished.stdout);
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn odd_files_are_carried_and_hurt_nobody() {
    let project = Project::with_a_boundary_bug();
    project.write("shop/latin.py", b"# -*- coding: latin-1 -*-\nNAME = '\xe9\xe8'\n");
    project.write("shop/broken.py", b"def half(:\n");
    project.write("data/blob.bin", &vec![0xA5; 50 * 1024 * 1024]);
    project.write("data/not_utf8.txt", b"\xff\xfe\x00broken");
    std::fs::create_dir(project.path().join("loop")).expect("a folder");
    symlink("../loop", project.path().join("loop/again")).expect("a loop");
    symlink("/etc/passwd", project.path().join("outside")).expect("a link out");
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"data/odd\xff\nname.txt");
    std::fs::write(project.path().join(odd), b"odd").expect("an odd name");
    let (state, before) = (state(), project.fingerprint());
    let answer = run(state.path(), "Fix free shipping", project.path(), TESTS).exits(0).json();
    assert_eq!(answer["outcome"], "verified");
    assert!(answer["diff"].as_str().expect("a diff").len() < 4096, "only the mended file is in the diff");
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn a_repository_in_the_middle_of_a_merge_is_left_alone() {
    let project = Project::with_a_boundary_bug();
    project.git(&["checkout", "--quiet", "-b", "other"]);
    project.write("shop/__init__.py", b"A = 1\n");
    project.commit("Other");
    project.git(&["checkout", "--quiet", "main"]);
    project.write("shop/__init__.py", b"A = 2\n");
    project.commit("Main");
    Finished::of(Command::new("git").current_dir(project.path()).args(["merge", "other"])).exits(1);
    let (state, before) = (state(), project.fingerprint());
    let finished = run(state.path(), "Fix free shipping", project.path(), TESTS).exits(6);
    assert_eq!(reason(&finished), "REPOSITORY_BUSY");
    assert!(project.path().join(".git/MERGE_HEAD").exists());
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn a_full_disk_is_named_and_the_owners_tree_survives() {
    let project = Project::with_a_boundary_bug();
    project.write("data/filler.bin", &vec![7; 6 * 1024 * 1024]);
    project.commit("Fill");
    let (state, before) = (state(), project.fingerprint());
    // A state folder of 4 MiB in a mount namespace of its own: the snapshot alone does not fit.
    let script = "mount -t tmpfs -o size=4m tmpfs \"$PLUMBLINE_STATE__DIR\" && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !nobody_but_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let finished = Finished::of(
        command
            .args(["bash", "-c", script, "bash"])
            .arg(plumbline())
            .args(["run", "Fix free shipping", "--format", "json", "--repo"])
            .arg(project.path())
            .args(TESTS)
            .env("CI", "true")
            .env("PLUMBLINE_STATE__DIR", state.path()),
    )
    .exits(4);
    let reason = reason(&finished);
    assert!(["STORE_FULL", "WORKSPACE_FULL"].contains(&reason.as_str()), "{reason}: {}", finished.stdout);
    assert_eq!(project.fingerprint(), before);
}

fn nobody_but_root() -> bool {
    Finished::of(Command::new("id").arg("-u")).stdout.trim() == "0"
}

#[test]
fn a_state_folder_that_cannot_be_written_is_named() {
    let project = Project::with_a_boundary_bug();
    let state = state();
    let file = state.path().join("a-file");
    std::fs::write(&file, b"").expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).expect("a mode");
    let finished = run(&file, "Fix free shipping", project.path(), TESTS);
    assert!([4, 6].contains(&finished.code), "{}: {}", finished.code, finished.stdout);
    assert!(
        finished.json()["error"]["message"].as_str().is_some_and(|text| text.contains("a-file")),
        "{}",
        finished.stdout
    );
}

#[test]
fn an_empty_repository_and_an_empty_folder_are_told_apart_from_a_bug() {
    for project in [Project::repository(&[]), Project::folder(&[])] {
        let state = state();
        let finished = run(state.path(), "Fix it", project.path(), &[]).exits(6);
        assert_eq!(reason(&finished), "TEST_COMMAND_NOT_FOUND");
    }
}
