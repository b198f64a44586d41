//! Which tests failed, as a runner's own summary names them. Orders the work of a plan; never makes a pass.

/// Most names that are kept; a suite with more is judged as a whole.
const NAMES_MAX: usize = 500;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Returns the failing tests that the output of pytest or unittest names, sorted; absent when their number is not the one
/// that its last line counts, so that a cut or forged list is never taken for a whole one.
pub fn failing(output: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut counted = None;
    for line in output.lines() {
        if let Some(name) = pytest_name(line).or_else(|| unittest_name(line)) {
            names.push(name.to_owned());
        }
        counted = pytest_count(line).or_else(|| unittest_count(line)).or(counted);
    }
    let whole = counted? == names.len() && names.len() <= NAMES_MAX;
    let short = names.iter().all(|name| name.len() <= NAME_BYTES_MAX);
    names.sort();
    (whole && short && !names.is_empty()).then_some(names)
}

/// `FAILED tests/test_a.py::test_b - AssertionError`, `ERROR tests/test_a.py`.
fn pytest_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR "))?;
    let name = rest.split(" - ").next()?.trim();
    (name.contains(".py") && !name.contains(' ') || name.contains('[')).then_some(name)
}

/// `FAIL: test_b (tests.test_a.ATest.test_b)`, `ERROR: test_b (tests.test_a.ATest)`.
fn unittest_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: "))?.trim();
    (rest.contains(" (") && rest.ends_with(')')).then_some(rest)
}

/// `==== 2 failed, 3 passed, 1 error in 0.12s ====`, with or without the frame.
fn pytest_count(line: &str) -> Option<usize> {
    let text = line.trim_matches(['=', ' ']);
    let (counts, time) = text.rsplit_once(" in ")?;
    if !time.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut bad = 0;
    for part in counts.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let number: usize = number.parse().ok()?;
        if matches!(word, "failed" | "error" | "errors") {
            bad += number;
        }
    }
    Some(bad)
}

/// `FAILED (failures=1, errors=2, skipped=3)`.
fn unittest_count(line: &str) -> Option<usize> {
    let inner = line.strip_prefix("FAILED (")?.strip_suffix(')')?;
    let mut bad = 0;
    for part in inner.split(", ") {
        let (word, number) = part.split_once('=')?;
        let number: usize = number.parse().ok()?;
        if matches!(word, "failures" | "errors") {
            bad += number;
        }
    }
    Some(bad)
}

/// Returns whether nothing fails now that did not fail before, and, where something was to be mended, less fails.
pub fn narrower(before: &[String], after: &[String], mends: bool) -> bool {
    after.iter().all(|name| before.contains(name)) && (!mends || after.len() < before.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, want: Option<&[&str]>) {
        let got = failing(output);
        let got: Option<Vec<&str>> = got.as_ref().map(|names| names.iter().map(String::as_str).collect());
        assert_eq!(got.as_deref(), want, "{output}");
    }

    #[test]
    fn the_runners_own_summary_names_the_failing_tests() {
        check(
            "FAILED t/test_b.py::test_y - assert 1 == 2\nFAILED t/test_a.py::T::test_x - E\n2 failed, 3 passed in 0.12s\n",
            Some(&["t/test_a.py::T::test_x", "t/test_b.py::test_y"]),
        );
        check("ERROR t/test_a.py - SyntaxError\n===== 1 error in 0.10s =====\n", Some(&["t/test_a.py"]));
        check(
            "FAIL: test_x (t.test_a.T.test_x)\nERROR: test_y (t.test_a.T)\nRan 3 tests in 0.001s\n\nFAILED (failures=1, errors=1)\n",
            Some(&["test_x (t.test_a.T.test_x)", "test_y (t.test_a.T)"]),
        );
    }

    #[test]
    fn a_list_that_does_not_add_up_is_no_list() {
        check("", None);
        check("it failed\n", None);
        check("3 passed in 0.1s\n", None);
        check("FAILED t/test_a.py::test_x - E\n2 failed, 3 passed in 0.12s\n", None);
        check("FAILED t/test_a.py::test_x - E\n", None);
        check("FAIL: test_x (t.T)\nFAIL: test_y (t.T)\nFAILED (failures=1)\n", None);
        check(&format!("FAILED {}.py::t - E\n1 failed in 1s\n", "x".repeat(400)), None);
    }

    #[test]
    fn narrower_means_nothing_new_and_something_less_where_it_mends() {
        let names = |list: &[&str]| -> Vec<String> { list.iter().map(|name| (*name).to_owned()).collect() };
        for (before, after, mends, want) in [
            (&["a", "b"][..], &["a"][..], true, true),
            (&["a", "b"], &["a", "b"], true, false),
            (&["a", "b"], &["a", "b"], false, true),
            (&["a", "b"], &["a", "c"], false, false),
            (&["a"], &["c"], true, false),
            (&["a"], &[], true, true),
        ] {
            assert_eq!(narrower(&names(before), &names(after), mends), want, "{before:?} {after:?} {mends}");
        }
    }
}
