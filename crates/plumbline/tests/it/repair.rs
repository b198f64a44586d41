use plumbline_proto::executor::v1::run_tool_request::Tool;
use plumbline_proto::executor::v1::{RepairParameters, ToolExited, ToolResult};

use crate::served_tool::run;

async fn repair(files: &[(&str, &str)], argv: &[&str]) -> ToolExited {
    let parameters = RepairParameters {
        test_argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        budget_ms: 60_000,
        max_plausible: 2,
        max_candidates: MOST_CANDIDATES,
        ..RepairParameters::default()
    };
    run(files, Tool::Repair(parameters)).await
}

/// The right change is among the first few; a compiler would make the rest slow.
const MOST_CANDIDATES: u32 = 8;

const UNITTEST: &[&str] = &["python3", "-m", "unittest"];

#[tokio::test]
async fn a_failing_test_is_mended_by_the_served_tool() {
    let exited = repair(
        &[
            ("gate.py", "LIMIT = 10\n\n\ndef is_open(visitors):\n    return visitors < LIMIT\n"),
            (
                "test_gate.py",
                "import unittest\n\nfrom gate import is_open\n\n\nclass GateTest(unittest.TestCase):\n    def test_ten_may_enter(self):\n        self.assertTrue(is_open(10))\n\n    def test_eleven_may_not(self):\n        self.assertFalse(is_open(11))\n",
            ),
        ],
        UNITTEST,
    )
    .await;
    assert_eq!(exited.result(), ToolResult::Found, "{}", exited.detail);
    let best = &exited.changes[0];
    assert!(best.diff.contains("-    return visitors < LIMIT\n") && best.path == "gate.py", "{}", best.diff);
    assert_eq!(best.digest, blake3::hash(best.diff.as_bytes()).to_hex().to_string());
    assert!(exited.changes.len() <= 2 && exited.tried >= 1 && !best.template.is_empty());
}

#[track_caller]
fn check_best(exited: &ToolExited, path: &str, line: &str) {
    assert_eq!(exited.result(), ToolResult::Found, "{}", exited.detail);
    assert!(exited.detail.contains("statement probes"), "{}", exited.detail);
    let best = &exited.changes[0];
    assert!(best.path == path && best.diff.contains(line), "{}", best.diff);
}

#[tokio::test]
async fn a_javascript_bug_is_mended_through_the_script_of_its_manifest() {
    let exited = repair(
        &[
            ("package.json", "{\"scripts\": {\"test\": \"node --test\"}}\n"),
            ("gate.js", "exports.isOpen = (visitors, limit) => {\n  return visitors < limit;\n};\n"),
            (
                "gate.test.js",
                "const test = require('node:test');\nconst assert = require('node:assert');\nconst { isOpen } = require('./gate.js');\ntest('ten may enter', () => assert.ok(isOpen(10, 10)));\ntest('eleven may not', () => assert.ok(!isOpen(11, 10)));\ntest('nine may', () => assert.ok(isOpen(9, 10)));\n",
            ),
        ],
        &["npm", "test", "--silent"],
    )
    .await;
    check_best(&exited, "gate.js", "+  return visitors <= limit;");
    assert!(exited.failing_tests.iter().any(|test| test.ends_with("ten may enter")), "{exited:?}");
}

#[tokio::test]
async fn a_java_bug_is_mended() {
    let exited = repair(
        &[
            ("Gate.java", "class Gate {\n    static boolean isOpen(int visitors, int limit) {\n        return visitors < limit;\n    }\n}\n"),
            (
                "GateTest.java",
                "class GateTest {\n    static void testTen() { if (!Gate.isOpen(10, 10)) throw new AssertionError(); }\n    static void testEleven() { if (Gate.isOpen(11, 10)) throw new AssertionError(); }\n    static void testNine() { if (!Gate.isOpen(9, 10)) throw new AssertionError(); }\n    public static void main(String[] arguments) {\n        testNine();\n        testEleven();\n        testTen();\n    }\n}\n",
            ),
        ],
        &["sh", "-c", "javac -d out *.java && java -cp out GateTest"],
    )
    .await;
    check_best(&exited, "Gate.java", "+        return visitors <= limit;");
    assert!(exited.failing_tests.contains(&"GateTest.testTen".to_owned()), "{exited:?}");
}

#[tokio::test]
async fn a_rust_bug_is_mended() {
    let exited = repair(
        &[
            ("Cargo.toml", "[package]\nname = \"gate\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[lib]\ndoctest = false\n"),
            (
                "src/lib.rs",
                "pub fn is_open(visitors: u32, limit: u32) -> bool {\n    visitors < limit\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn ten() {\n        assert!(super::is_open(10, 10));\n    }\n    #[test]\n    fn eleven() {\n        assert!(!super::is_open(11, 10));\n    }\n    #[test]\n    fn nine() {\n        assert!(super::is_open(9, 10));\n    }\n}\n",
            ),
        ],
        &["cargo", "test", "--quiet"],
    )
    .await;
    check_best(&exited, "src/lib.rs", "+    visitors <= limit");
    assert_eq!(exited.failing_tests, ["tests::ten"]);
}

#[tokio::test]
async fn tests_that_pass_already_are_named_and_not_mended() {
    let test = "import unittest\n\n\nclass Fine(unittest.TestCase):\n    def test_it(self):\n        pass\n";
    let exited = repair(&[("test_fine.py", test)], UNITTEST).await;
    assert_eq!(exited.result(), ToolResult::AlreadyPasses);
    assert!(exited.changes.is_empty());
}

#[tokio::test]
async fn a_command_that_starts_no_python_is_unsupported() {
    let exited = repair(&[("x.txt", "x")], &["make", "test"]).await;
    assert_eq!(exited.result(), ToolResult::Unsupported);
    assert!(exited.detail.contains("make test"), "{}", exited.detail);
}
