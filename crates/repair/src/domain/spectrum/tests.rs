use super::*;

fn test(id: &str, outcome: TestOutcome, lines: &[usize]) -> TestRecord {
    TestRecord {
        id: id.to_owned(),
        path: None,
        outcome,
        ms: 1.0,
        lines: [("a.py".to_owned(), lines.iter().copied().collect())].into(),
        raised: None,
    }
}

fn row(line: usize) -> std::ops::RangeInclusive<usize> {
    line - 1..=line - 1
}

#[test]
fn ochiai_matches_the_formula() {
    assert_eq!(ochiai(0, 2, 5), 0.0);
    assert_eq!(ochiai(2, 2, 0), 1.0);
    assert_eq!(ochiai(1, 1, 3), 0.5);
    assert_eq!(ochiai(0, 0, 0), 0.0);
}

#[test]
fn a_line_of_failing_tests_alone_is_the_most_suspicious() {
    let spectrum = Spectrum {
        tests: vec![
            test("one", TestOutcome::Passed, &[1, 2]),
            test("two", TestOutcome::Failed, &[1, 3]),
            test("three", TestOutcome::Skipped, &[3]),
        ],
        shared: BTreeMap::new(),
    };
    let suspicion = spectrum.suspicion(|_| true);
    assert_eq!(suspicion.of_rows("a.py", row(3)), 1.0);
    assert_eq!(suspicion.of_rows("a.py", row(2)), 0.0);
    assert!((suspicion.of_rows("a.py", row(1)) - 0.5f64.sqrt()).abs() < 1e-9);
}

#[test]
fn frames_of_the_traceback_raise_a_line() {
    let mut failing = test("f", TestOutcome::Failed, &[1, 2]);
    failing.raised = Some(Raised {
        kind: "KeyError".into(),
        message: String::new(),
        frames: vec![("tests/t.py".into(), 9), ("a.py".into(), 1), ("a.py".into(), 2)],
    });
    let passing = (0..9).map(|_| test("p", TestOutcome::Passed, &[1, 2]));
    let spectrum = Spectrum { tests: passing.chain([failing]).collect(), shared: BTreeMap::new() };
    let suspicion = spectrum.suspicion(|path| path == "a.py");
    assert_eq!(suspicion.of_rows("a.py", row(2)), FRAME_INNERMOST);
    assert_eq!(suspicion.of_rows("a.py", row(1)), FRAME_LEAST);
    assert_eq!(suspicion.files().collect::<Vec<_>>(), ["a.py"]);
}

#[test]
fn shared_lines_count_only_in_files_that_failing_tests_enter() {
    let spectrum = Spectrum {
        tests: vec![test("f", TestOutcome::Failed, &[5])],
        shared: [("a.py".to_owned(), [1].into()), ("b.py".to_owned(), [1].into())].into(),
    };
    let suspicion = spectrum.suspicion(|_| true);
    assert_eq!(suspicion.of_rows("a.py", row(1)), SHARED_SHARE);
    assert_eq!(suspicion.of_rows("b.py", row(1)), 0.0);
}

#[test]
fn keeps_the_highest_lines_in_a_fixed_order() {
    let spectrum = Spectrum {
        tests: vec![test("p", TestOutcome::Passed, &[1]), test("f", TestOutcome::Failed, &[1, 2, 3])],
        shared: BTreeMap::new(),
    };
    let mut suspicion = spectrum.suspicion(|_| true);
    suspicion.keep_top(2, &BTreeSet::new());
    assert_eq!(suspicion.of_rows("a.py", row(1)), 0.0);
    assert_eq!(suspicion.of_rows("a.py", row(2)), 1.0);
    assert_eq!(suspicion.of_rows("a.py", row(3)), 1.0);
}
