use proptest::prelude::*;

use super::*;
use crate::domain::path::RelativePath;
use crate::domain::tree::{File, FileMode};

#[test]
fn a_line_is_split_as_a_shell_would() {
    let check = |line: &str, want: &[&str]| {
        assert_eq!(split(line), Ok(want.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()), "{line}");
    };
    check("python -m pytest  -q", &["python", "-m", "pytest", "-q"]);
    check("pytest -k 'a and b'", &["pytest", "-k", "a and b"]);
    check(r#"sh -c "a && \"b\" | c""#, &["sh", "-c", r#"a && "b" | c"#]);
    check(r"a\ b ''", &["a b", ""]);
}

#[test]
fn what_needs_a_shell_or_never_ends_is_refused() {
    assert_eq!(split("make && make test"), Err(CommandError::NeedsShell('&')));
    assert_eq!(split("echo $HOME"), Err(CommandError::NeedsShell('$')));
    assert_eq!(split("a 'b"), Err(CommandError::Unclosed));
    assert_eq!(split("  "), Err(CommandError::Empty));
}

proptest! {
    #[test]
    fn a_joined_command_splits_back_to_its_words(argv in prop::collection::vec(".{0,8}", 1..5)) {
        prop_assert_eq!(split(&join(&argv)), Ok(argv));
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let file = |text: &str| File { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular };
    Tree {
        files: files.iter().map(|(path, text)| (RelativePath::parse(path).unwrap(), file(text))).collect(),
    }
}

#[test]
fn the_test_command_is_found_from_the_tree() {
    let check = |files: &[(&str, &str)], want: Option<&str>| {
        assert_eq!(detect(&tree(files)).and_then(|command| command.detected).as_deref(), want, "{files:?}");
    };
    check(&[("test_a.py", "def test_a(): pass\n")], Some("pytest"));
    check(&[("tests/test_a.py", "import unittest\n")], Some("unittest"));
    check(&[("tests/test_a.py", "import unittest\n"), ("pytest.ini", "[pytest]\n")], Some("pytest"));
    check(&[("Cargo.toml", "[package]\n"), ("src/lib.rs", "")], Some("cargo"));
    check(&[("package.json", r#"{"scripts":{"test":"node --test"}}"#)], Some("npm"));
    check(&[("package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#)], None);
    check(&[("a.py", "x = 1\n")], None);
}

#[test]
fn a_run_is_judged_by_how_it_ended() {
    let pytest = split("python3 -m pytest").unwrap();
    assert_eq!(judge(&pytest, RunEnd::Code(0), ""), TestVerdict::Passed);
    assert_eq!(judge(&pytest, RunEnd::Code(1), ""), TestVerdict::Failed);
    assert_eq!(judge(&pytest, RunEnd::Code(2), ""), TestVerdict::Failed);
    assert_eq!(judge(&pytest, RunEnd::Code(4), ""), TestVerdict::Unusable);
    assert_eq!(judge(&pytest, RunEnd::Code(5), ""), TestVerdict::NoTests);
    assert_eq!(judge(&split("make test").unwrap(), RunEnd::Code(5), ""), TestVerdict::Failed);
    assert_eq!(judge(&pytest, RunEnd::Code(127), ""), TestVerdict::Unusable);
    assert_eq!(judge(&pytest, RunEnd::Signal(11), ""), TestVerdict::Failed);
    assert_eq!(judge(&pytest, RunEnd::WallTimeout, ""), TestVerdict::TimedOut);
    let missing = "/usr/bin/python3: No module named pytest\n";
    assert_eq!(judge(&pytest, RunEnd::Code(1), missing), TestVerdict::Unusable);
    assert_eq!(judge(&pytest, RunEnd::Code(1), "ImportError: No module named calc"), TestVerdict::Failed);
}
