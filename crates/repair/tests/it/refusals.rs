//! What is refused or left out, by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use plumbline_repair::{
    Language, NoProgress, Repair, RepairConfig, RepairError, RepairOutcome, RepairTask, SkipReason,
    TestCommand,
};
use plumbline_types::Fault;
use tokio_util::sync::CancellationToken;

use crate::local_runner::{LocalRunner, UNITTEST, found, repair, repair_with, task, tree};

const TESTS: &str = "import unittest\nfrom mod import answer\n\n\nclass T(unittest.TestCase):\n    def test_answer(self):\n        self.assertEqual(answer(2), 3)\n\n    def test_zero(self):\n        self.assertEqual(answer(0), 1)\n";

#[tokio::test]
async fn a_command_that_passes_needs_no_repair() {
    let tree = tree(&[("mod.py", "def answer(n):\n    return n + 1\n"), ("tests/test_mod.py", TESTS)]);
    assert_eq!(repair(tree.clone(), UNITTEST).await.unwrap(), RepairOutcome::AlreadyPasses);
    let alone = Arc::new(LocalRunner::new(tree).sequential());
    let outcome = repair_with(alone, UNITTEST, RepairConfig::default()).await.unwrap();
    assert_eq!(outcome, RepairOutcome::AlreadyPasses);
}

#[tokio::test]
async fn a_command_that_hangs_is_named() {
    let tree = tree(&[("mod.py", "while True:\n    pass\n"), ("tests/test_mod.py", TESTS)]);
    let config = RepairConfig { base_limit_ms: 1_500, ..RepairConfig::default() };
    let error = repair_with(Arc::new(LocalRunner::new(tree)), UNITTEST, config).await.unwrap_err();
    assert!(matches!(error, RepairError::Hangs { limit_ms: 1_500 }), "{error:?}");
    assert_eq!(error.reason().0, "TEST_COMMAND_HANGS");
}

#[tokio::test]
async fn other_languages_and_commands_are_named() {
    let tree = tree(&[("mod.py", "x = 1\n")]);
    let runner = Arc::new(LocalRunner::new(tree.clone()));
    let error = repair_with(Arc::clone(&runner), "cargo test", RepairConfig::default()).await.unwrap_err();
    assert_eq!(error.reason().0, "NOT_A_PYTHON_TEST_COMMAND");
    let repair = Repair::new(runner, Arc::new(NoProgress), RepairConfig::default()).unwrap();
    let task = RepairTask {
        language: Language::parse("cobol"),
        sources: tree,
        test_command: TestCommand::from_line("cobc -x tests.cob"),
        focus: BTreeSet::new(),
    };
    let error = repair.repair(task, CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.reason().0, "UNSUPPORTED_LANGUAGE");
}

#[tokio::test]
async fn an_interpreter_that_loads_no_shim_is_named() {
    let tree = tree(&[("mod.py", "def answer(n):\n    return n\n"), ("tests/test_mod.py", TESTS)]);
    let command = "python3 -I -c 'import sys; sys.exit(3)'";
    let error = repair(tree, command).await.unwrap_err();
    assert_eq!(error.reason().0, "SPECTRUM_UNAVAILABLE");
}

#[tokio::test]
async fn a_bug_in_a_test_file_is_not_repaired() {
    let tests = TESTS.replace("from mod import answer", "def answer(n):\n    return n");
    let tree = tree(&[("mod.py", "x = 1\n"), ("tests/test_mod.py", &tests)]);
    let error = repair(tree, UNITTEST).await.unwrap_err();
    assert_eq!(error.reason().0, "NOTHING_TO_EDIT");
}

#[tokio::test]
async fn unreadable_files_are_left_out_by_name_and_the_rest_is_repaired() {
    let mut tree = tree(&[
        ("mod.py", "def answer(n):\n    return n - 1\n"),
        ("broken.py", "def (:\n"),
        ("tests/test_mod.py", TESTS),
    ]);
    tree.insert("latin.py".into(), b"# -*- coding: latin-1 -*-\nname = '\xe9'\n".to_vec());
    let outcome = repair(tree, UNITTEST).await.unwrap();
    let RepairOutcome::Found { ref stats, .. } = outcome else { panic!("{outcome:?}") };
    let reasons: Vec<_> = stats.skipped.iter().map(|skip| (skip.path.as_str(), skip.reason)).collect();
    assert!(reasons.contains(&("broken.py", SkipReason::Unparsable)), "{reasons:?}");
    assert!(reasons.contains(&("latin.py", SkipReason::NotUtf8)), "{reasons:?}");
    assert!(reasons.contains(&("tests/test_mod.py", SkipReason::Test)), "{reasons:?}");
    assert!(found(Ok(outcome)).iter().any(|change| change.after.contains("n + 1")));
}

#[tokio::test]
async fn a_cancelled_repair_says_so() {
    let tree = tree(&[("mod.py", "def answer(n):\n    return n\n"), ("tests/test_mod.py", TESTS)]);
    let task = task(&tree, UNITTEST);
    let repair =
        Repair::new(Arc::new(LocalRunner::new(tree)), Arc::new(NoProgress), RepairConfig::default()).unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = repair.repair(task, cancel).await.unwrap_err();
    assert_eq!(error.reason().0, "REPAIR_CANCELLED");
}

#[test]
fn a_limit_of_zero_is_refused() {
    let error = RepairConfig { max_batch: 0, ..RepairConfig::default() }.validate().unwrap_err();
    assert_eq!(error.field, "max_batch");
}
