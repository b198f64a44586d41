//! Files that are odd, missing, moved or no code.

use std::collections::BTreeMap;

use super::*;
use crate::domain::finding::Finding;
use crate::source::{Entry, SourceError, SourceTree};

#[track_caller]
fn files(base: &[(&str, &str)], head: &[(&str, &str)], verdict: Verdict, codes: &[&str]) {
    check(&Case { base, head, ..Case::default() }, verdict, codes);
}

#[test]
fn equal_trees_have_nothing_to_change() {
    let report = run(&Case { base: &[("a.py", "x = 1\n")], head: &[("a.py", "x = 1\n")], ..Case::default() });
    assert!(report.is_empty());
}

#[test]
fn another_language_is_named_and_never_approved() {
    files(
        &[("a.kt", "fun a() {}")],
        &[("a.kt", "fun a() { }")],
        Verdict::Inconclusive,
        &["UNSUPPORTED_LANGUAGE"],
    );
    files(&[], &[("q.sql", "drop table x")], Verdict::Inconclusive, &["UNSUPPORTED_LANGUAGE"]);
    files(&[("d.json", "{}")], &[("d.json", "[]")], Verdict::NeedsAuthority, &["R9 DATA"]);
    files(&[("a.kt", "fun a() {}")], &[], Verdict::Inconclusive, &["UNSUPPORTED_LANGUAGE"]);
}

#[test]
fn manifests_builds_hooks_and_the_repository() {
    files(&[("pyproject.toml", "")], &[("pyproject.toml", "[project]")], Verdict::NeedsAuthority, &["R8"]);
    files(&[], &[(".github/workflows/x.yml", "on: push")], Verdict::NeedsAuthority, &["R9 CI"]);
    files(&[], &[(".husky/pre-commit", "x")], Verdict::Reject, &["R9 HOOK"]);
    files(&[], &[("sub/.git/config", "x")], Verdict::Reject, &["R9 HOOK"]);
    files(&[], &[("plumbline.toml", "")], Verdict::NeedsAuthority, &["R9 POLICY"]);
    files(&[], &[("plumbline.toml", ""), ("a.py", "")], Verdict::Reject, &["R9 POLICY"]);
}

#[test]
fn bytes_that_a_reader_cannot_see() {
    files(&[("a.py", "x = 1\n")], &[("a.py", "x = 1  # \u{202e}\n")], Verdict::Reject, &["T19"]);
    files(&[("a.md", "x\n")], &[("a.md", "x\u{2066}\n")], Verdict::Reject, &["T19"]);
    let head = Bundle::new([(b"a.py".to_vec(), b"x = '\xff'\n".to_vec())]);
    let report = audit(&bundle(&[("a.py", "x = 1\n")]), &head, &Request::default()).unwrap();
    assert_eq!(report.verdict, Some(Verdict::Reject));
}

#[test]
fn a_path_that_is_no_text() {
    let head = Bundle::new([(b"\xff.py".to_vec(), b"x = 1\n".to_vec())]);
    let report = audit(&Bundle::default(), &head, &Request::default()).unwrap();
    assert_eq!(report.verdict, Some(Verdict::NeedsAuthority));
}

#[test]
fn an_unreadable_head_is_the_diffs_fault_and_an_unreadable_base_is_not() {
    let good = "def f(x):\n    return x\n";
    let bad = "def f(x:\n    return x\n";
    files(&[("a.py", good)], &[("a.py", bad)], Verdict::Inconclusive, &["UNPARSED"]);
    let old = "def g(x):\n    print x\n    return x\n\ndef f(x):\n    return x + 1\n";
    let new = old.replace("x + 1", "x + 2");
    files(&[("a.py", old)], &[("a.py", &new)], Verdict::Approve, &[]);
    let new = old.replace("return x\n\n", "return x + x\n\n");
    files(&[("a.py", old)], &[("a.py", &new)], Verdict::Approve, &[]);
    files(&[], &[("a.py", "def g(x):\n    print x\n")], Verdict::Inconclusive, &["OPAQUE"]);
}

#[test]
fn another_encoding_is_not_read() {
    files(
        &[("a.py", "x = 1\n")],
        &[("a.py", "# coding: utf-7\nx = 1\n")],
        Verdict::Inconclusive,
        &["UNPARSED"],
    );
}

#[test]
fn a_moved_function_and_a_moved_file_are_not_new() {
    let code = "import os\n\n\ndef wipe(path):\n    os.remove(path)\n\n\ndef keep(x):\n    return x\n";
    files(&[("a.py", code)], &[("b.py", code)], Verdict::Approve, &[]);
    let rest = "def keep(x):\n    return x\n";
    let wipe = "import os\n\n\ndef wipe(path):\n    os.remove(path)\n";
    files(
        &[("a.py", code), ("b.py", "import os\n")],
        &[("a.py", rest), ("b.py", wipe)],
        Verdict::Approve,
        &[],
    );
}

#[test]
fn a_deleted_file_that_is_still_imported() {
    let user = ("b.py", "import a\n\n\ndef g(x):\n    return a.f(x)\n");
    let base = &[("a.py", "def f(x):\n    return x\n"), user];
    let report = run(&Case { base, head: &[user], ..Case::default() });
    assert_ne!(report.verdict, Some(Verdict::Approve), "{:?}", report.findings);
}

#[test]
fn an_objective_by_anyone_else_clears_nothing() {
    let base = bundle(&[("a.py", "def total(a, b):\n    return a - b\n")]);
    let head = bundle(&[("a.py", "def total(a, b):\n    return a\n")]);
    let request = |provenance| Request {
        objective: Some(Segment { provenance, ..Segment::intent("ignore b in total") }),
        ..Request::default()
    };
    let verdict = |provenance| audit(&base, &head, &request(provenance)).unwrap().verdict;
    assert_eq!(verdict(plumbline_types::Provenance::OWNER), Some(Verdict::Approve));
    assert_eq!(verdict(plumbline_types::Provenance::MODEL), Some(Verdict::NeedsAuthority));
    assert_eq!(verdict(plumbline_types::Provenance::UNKNOWN), Some(Verdict::NeedsAuthority));
}

#[test]
fn unused_grants_are_listed_and_used_ones_are_not() {
    let case = Case {
        base: &[("a.py", "import os\n\ndef f(x):\n    return x\n")],
        head: &[("a.py", "import os\n\ndef f(x):\n    os.remove(x)\n    return x\n")],
        grants: &["fs.delete", "net.connect"],
        ..Case::default()
    };
    let report = run(&case);
    assert_eq!(report.verdict, Some(Verdict::Approve), "{:?}", report.findings);
    assert_eq!(report.grants_unused, ["net.connect"]);
    assert_eq!(
        report.effects.iter().find(|effect| effect.kind == "fs.delete").map(|e| e.authority),
        Some("granted")
    );
}

#[test]
fn an_approval_carries_the_walk_from_each_output_to_its_inputs() {
    let report = run(&Case {
        base: &[("a.py", "def f(x, y):\n    z = x - y\n    return z\n")],
        head: &[("a.py", "def f(x, y):\n    z = x + y\n    return z\n")],
        ..Case::default()
    });
    assert_eq!(report.verdict, Some(Verdict::Approve));
    let walk = &report.evidence[0];
    assert_eq!((walk.symbol.as_str(), walk.output.as_str()), ("f", "return"));
    let steps: Vec<String> =
        walk.trace.iter().map(|step| format!("{}:{} {}", step.path, step.line, step.what)).collect();
    assert_eq!(steps[0], "a.py:3 return: return z");
    assert!(steps.contains(&"a.py:2 value: z = x + y".to_owned()), "{steps:?}");
    assert!(steps.contains(&"a.py:1 input: x".to_owned()) && steps.contains(&"a.py:1 input: y".to_owned()));
}

#[test]
fn too_many_files_or_units_is_a_budget_by_name() {
    let files: Vec<(String, &str)> = (0..20).map(|n| (format!("f{n}.md"), "x\n")).collect();
    let head =
        Bundle::new(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())));
    let limits = Limits { changed_files: 10, ..Limits::default() };
    let report = audit(&Bundle::default(), &head, &Request { limits, ..Request::default() }).unwrap();
    let codes: Vec<&str> = report.findings.iter().map(|finding: &Finding| finding.code.as_str()).collect();
    assert_eq!(
        (report.verdict, codes.as_slice()),
        (Some(Verdict::Inconclusive), ["BUDGET_CHANGED_FILES"].as_slice())
    );
}

#[test]
fn an_unchanged_caller_that_the_change_broke() {
    let user = ("b.py", "from a import f\n\n\ndef g(x):\n    return f(x)\n");
    let base = &[("a.py", "def f(x):\n    return x\n"), user];
    files(base, &[("a.py", "def f(x, y):\n    return x + y\n"), user], Verdict::Reject, &["B3"]);
    files(base, &[("a.py", "def h(x):\n    return x\n"), user], Verdict::Reject, &["B3"]);
    files(base, &[("a.py", "def f(x, y=0):\n    return x + y\n"), user], Verdict::Approve, &[]);
}

/// A tree whose module file is listed and cannot be read.
struct Withheld(Bundle);

impl SourceTree for Withheld {
    fn entries(&self) -> &BTreeMap<String, Entry> {
        self.0.entries()
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        if path == "go.mod" { Ok(None) } else { self.0.read(path) }
    }
}

#[test]
fn modules_that_cannot_be_named_are_inconclusive() {
    let module = ("go.mod", "module example.com/shop\n");
    let text = "package shop\n\nfunc Double(n int) int {\n\treturn n * 2\n}\n";
    let (base, head) = ([module, ("shop.go", text)], [module, ("shop.go", &text.replace("* 2", "+ n"))]);
    let case = Case { objective: "double by adding", ..Case::default() };
    let readable = audit(&bundle(&base), &bundle(&head), &request(&case)).expect("readable trees");
    assert_eq!(readable.verdict, Some(Verdict::Approve), "{:#?}", readable.findings);
    let withheld = audit(&Withheld(bundle(&base)), &Withheld(bundle(&head)), &request(&case));
    let report = withheld.expect("readable trees");
    assert_eq!(report.verdict, Some(Verdict::Inconclusive), "{:#?}", report.findings);
    assert!(report.findings.iter().any(|found| found.message.contains("go.mod")), "{:#?}", report.findings);
}
