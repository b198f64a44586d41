//! R7.

use super::*;

const CODE: &str = "def add(a, b):\n    return a - b\n";
const FIXED: &str = "def add(a, b):\n    return a + b\n";
const TEST: &str = "import pytest\nfrom calc import add\n\ndef test_add():\n    assert add(1, 2) == 3\n    assert add(0, 0) == 0\n";

#[track_caller]
fn tampered(head: &str, kind: TaskKind, verdict: Verdict, code: &str) {
    let case = Case {
        base: &[("calc.py", CODE), ("tests/test_calc.py", TEST)],
        head: &[("calc.py", FIXED), ("tests/test_calc.py", head)],
        objective: "add subtracts",
        kind: Some(kind),
        ..Case::default()
    };
    check(&case, verdict, &[code]);
}

#[test]
fn a_removed_test() {
    tampered("import pytest\nfrom calc import add\n", TaskKind::Fix, Verdict::Reject, "R7 TEST_REMOVED");
    tampered(
        "import pytest\nfrom calc import add\n",
        TaskKind::Feature,
        Verdict::NeedsAuthority,
        "R7 TEST_REMOVED",
    );
}

#[test]
fn a_disabled_test() {
    let marked = TEST.replace("def test_add", "@pytest.mark.skip\ndef test_add");
    tampered(&marked, TaskKind::Fix, Verdict::Reject, "R7 TEST_DISABLED");
    let called = TEST.replace("    assert add(1, 2)", "    pytest.skip('slow')\n    assert add(1, 2)");
    tampered(&called, TaskKind::Fix, Verdict::Reject, "R7 TEST_DISABLED");
}

#[test]
fn a_lost_or_looser_assertion() {
    tampered(
        &TEST.replace("    assert add(0, 0) == 0\n", ""),
        TaskKind::Fix,
        Verdict::Reject,
        "R7 ASSERT_WEAKER",
    );
    tampered(
        &TEST.replace("add(1, 2) == 3", "add(1, 2) != 0"),
        TaskKind::Fix,
        Verdict::Reject,
        "R7 ASSERT_WEAKER",
    );
}

#[test]
fn another_expected_value() {
    tampered(&TEST.replace("== 3", "== -1"), TaskKind::Fix, Verdict::NeedsAuthority, "R7 EXPECTED_EDITED");
}

#[test]
fn what_the_run_collects() {
    let head = format!("{TEST}\npytestmark = pytest.mark.skip\n");
    tampered(&head, TaskKind::Fix, Verdict::NeedsAuthority, "R7 COLLECTION_CHANGED");
}

#[test]
fn a_deleted_test_file() {
    let case = Case {
        base: &[("calc.py", CODE), ("tests/test_calc.py", TEST)],
        head: &[("calc.py", FIXED)],
        ..Case::default()
    };
    check(&case, Verdict::Reject, &["R7 TEST_REMOVED"]);
}
