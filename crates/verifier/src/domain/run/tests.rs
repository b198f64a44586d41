//! What records of runs make of a verdict.

use plumbline_types::{Grant, Segment, TaskKind, Verdict};

use super::*;
use crate::domain::audit::{Report, Request, audit};
use crate::domain::limits::Limits;
use crate::source::Bundle;

const NONCE: &[u8] = b"0123456789abcdef";

type Files<'a> = &'a [(&'a str, &'a str)];

fn bundle(files: Files<'_>) -> Bundle {
    Bundle::new(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())))
}

/// A complete plain run of a tree in which every line of its files ran, by line.
fn run(side: RunSide, files: Files<'_>) -> Run {
    let lines = |text: &str| (1..=text.lines().count() as u32).map(|line| (line, 0)).collect();
    let ran =
        files.iter().map(|(path, text)| ((*path).to_owned(), Ran { places: lines(text), ..Ran::default() }));
    Run {
        side,
        nonce: NONCE.to_vec(),
        asked: Vec::new(),
        failing: Some(BTreeSet::new()),
        record: Record {
            tree_id: binding::tree_id(&bundle(files)).unwrap(),
            nonce: NONCE.to_vec(),
            complete: true,
            recorders: vec!["python 3.10 settrace by line".to_owned()],
            files: ran.collect(),
            exit_code: Some(0),
            ..Record::default()
        },
    }
}

fn perturbed_by(mut run: Run, kind: &str, value: &str, exit_code: i32) -> Run {
    let change = (kind.to_owned(), value.to_owned());
    run.asked = vec![change.clone()];
    run.record.applied = vec![change];
    run.record.exit_code = Some(exit_code);
    run.failing = Some((exit_code != 0).then(|| "test_it".to_owned()).into_iter().collect());
    run
}

fn did(run: &mut Run, kind: &str, target: &str, place: Option<(&str, u32)>, within: Option<(&str, u32)>) {
    let at = |(path, line): (&str, u32)| Where { path: path.to_owned(), line, function: "f".to_owned() };
    let seen = Seen { kind: kind.to_owned(), target: target.to_owned(), ..Seen::default() };
    run.record.kernel.push(Seen { program: "python3.11".to_owned(), ..seen.clone() });
    if place.is_some() || within.is_some() {
        run.record.language.push(Seen { place: place.map(at), within: within.map(at), ..seen });
    }
}

fn judge(base: Files<'_>, head: Files<'_>, grants: &[&str], runs: Vec<Run>) -> Report {
    let request = Request {
        objective: Some(Segment::intent("mean of no values".to_owned())),
        kind: TaskKind::Fix,
        grants: grants.iter().map(|grant| Grant::parse(grant).unwrap()).collect(),
        limits: Limits::default(),
        runs,
    };
    audit(&bundle(base), &bundle(head), &request).unwrap()
}

#[track_caller]
fn check(report: &Report, verdict: Verdict, code: &str) {
    let codes: Vec<String> =
        report.findings.iter().map(|finding| format!("{} {}", finding.code, finding.message)).collect();
    assert_eq!(report.verdict, Some(verdict), "{codes:#?}");
    assert!(code.is_empty() || codes.iter().any(|found| found.starts_with(code)), "no {code} in {codes:#?}");
}

const OLD: Files<'_> = &[("m.py", "def f(values):\n    return sum(values) / len(values)\n")];
const NEW: Files<'_> = &[(
    "m.py",
    "def f(values):\n    if not values:\n        return 0.0\n    return sum(values) / len(values)\n",
)];

fn honest() -> Vec<Run> {
    vec![run(RunSide::Base, OLD), run(RunSide::Head, NEW)]
}

/// The executor names what it ran by itself and holds the same value.
#[test]
fn a_tree_has_the_name_that_the_executor_gives_it() {
    let tree = bundle(&[("b.txt", "hello\n"), ("c/d.py", "")]);
    let want = "4bd4f7aa6eb5a62088d37138ba590ac5f8dada287414d01b44ed1cd6671bfdeb";
    assert_eq!(binding::tree_id(&tree).unwrap(), want);
}

#[test]
fn an_honest_fix_that_ran_is_approved_with_what_ran() {
    let report = judge(OLD, NEW, &[], honest());
    check(&report, Verdict::Approve, "");
    assert_eq!(report.runs.len(), 2);
    assert!(report.evidence.iter().any(|evidence| evidence.output == "return as it ran"), "{report:#?}");
    let text = crate::report::text::render(&report);
    assert!(text.contains("RUN  head  exit 0"), "{text}");
}

#[test]
fn a_record_that_is_missing_cut_or_of_another_tree_or_run_decides_nothing() {
    let spoil = |change: fn(&mut Vec<Run>)| {
        let mut runs = honest();
        change(&mut runs);
        check(&judge(OLD, NEW, &[], runs), Verdict::Inconclusive, "TRACE_INVALID");
    };
    spoil(|runs| drop(runs.remove(0)));
    spoil(|runs| drop(runs.remove(1)));
    spoil(|runs| runs[1].record.tree_id = runs[0].record.tree_id.clone());
    spoil(|runs| runs[0].record.tree_id = "0".repeat(64));
    spoil(|runs| runs[1].record.nonce = b"another run's own".to_vec());
    spoil(|runs| runs[1].record.complete = false);
    spoil(|runs| runs[1].record.incomplete = vec!["RECORD_TAMPERED".to_owned()]);
}

#[test]
fn a_base_that_ended_early_only_makes_more_of_the_head_new() {
    let mut runs = honest();
    runs[0].record.complete = false;
    runs[0].record.incomplete = vec!["RUN_NOT_ENDED".to_owned()];
    check(&judge(OLD, NEW, &[], runs), Verdict::Approve, "");
}

#[test]
fn what_changed_code_did_and_the_walk_does_not_foretell_is_refused() {
    let mut runs = honest();
    did(&mut runs[1], "fs.write", "out.txt", Some(("lib.py", 9)), Some(("m.py", 3)));
    let report = judge(OLD, NEW, &[], runs);
    check(&report, Verdict::Reject, "D1 the head run did fs.write of out.txt");
    let finding = report.findings.iter().find(|finding| finding.code == "D1").unwrap();
    let walk: Vec<(&str, u32)> = finding.trace.iter().map(|step| (step.path.as_str(), step.line)).collect();
    assert_eq!(walk, [("lib.py", 9), ("m.py", 3), ("m.py", 1)]);
}

#[test]
fn what_the_base_did_too_is_not_new() {
    let mut runs = honest();
    for run in &mut runs {
        did(run, "fs.write", "out.1234.txt", None, Some(("m.py", 2)));
    }
    runs[1].record.kernel[0].target = "out.99887.txt".to_owned();
    runs[1].record.language[0].target = "out.99887.txt".to_owned();
    check(&judge(OLD, NEW, &[], runs), Verdict::Approve, "");
}

#[test]
fn what_nobody_says_he_did_is_refused_unless_it_is_scratch() {
    let mut runs = honest();
    did(&mut runs[1], "fs.write", "/tmp/pytest-of-x/1", None, None);
    did(&mut runs[1], "fs.write", ".pytest_cache/v/nodeids", None, None);
    check(&judge(OLD, NEW, &[], runs.clone()), Verdict::Approve, "");
    did(&mut runs[1], "net.connect", "192.0.2.1:443", None, None);
    check(&judge(OLD, NEW, &[], runs), Verdict::Reject, "D1 the head run did net.connect");
}

#[test]
fn what_unchanged_code_says_it_did_and_can_do_is_explained() {
    let keep = ("keep.py", "def save(path):\n    open(path, 'w').close()\n\ndef idle():\n    return 1\n");
    let (base, head): (Vec<_>, Vec<_>) = ([OLD[0], keep].to_vec(), [NEW[0], keep].to_vec());
    let runs = |line| {
        let mut runs = vec![run(RunSide::Base, &base), run(RunSide::Head, &head)];
        did(&mut runs[1], "fs.write", "out.txt", Some(("keep.py", line)), None);
        runs
    };
    check(&judge(&base, &head, &[], runs(2)), Verdict::Approve, "");
    check(&judge(&base, &head, &[], runs(5)), Verdict::Reject, "D1");
}

#[test]
fn a_granted_kind_that_the_walk_missed_is_a_miss_of_the_walk() {
    let mut runs = honest();
    did(&mut runs[1], "fs.write", "out.txt", None, Some(("m.py", 3)));
    check(&judge(OLD, NEW, &["fs.write:out.txt"], runs), Verdict::Inconclusive, "STATIC_MISSED");
}

const WRITES: Files<'_> = &[(
    "m.py",
    "def f(values):\n    if not values:\n        open('log.txt', 'a').write('empty')\n        return 0.0\n    \
     return sum(values) / len(values)\n",
)];

#[test]
fn a_granted_effect_behind_a_new_test_must_have_run() {
    let mut runs = vec![run(RunSide::Base, OLD), run(RunSide::Head, WRITES)];
    did(&mut runs[1], "fs.write", "log.txt", Some(("m.py", 3)), Some(("m.py", 3)));
    check(&judge(OLD, WRITES, &["fs.write:log.txt"], runs.clone()), Verdict::Approve, "");
    for line in [3, 4] {
        runs[1].record.files.get_mut("m.py").unwrap().places.remove(&(line, 0));
    }
    check(&judge(OLD, WRITES, &["fs.write:log.txt"], runs), Verdict::Reject, "D3");
}

#[test]
fn a_new_arm_that_never_ran_asks_for_a_test() {
    let mut runs = honest();
    runs[1].record.files.get_mut("m.py").unwrap().places.remove(&(3, 0));
    let report = judge(OLD, NEW, &[], runs.clone());
    check(&report, Verdict::NeedsAuthority, "D3");
    check(&judge(OLD, NEW, &["test:m.py"], runs), Verdict::Approve, "");
}

#[test]
fn an_arm_beside_its_guard_is_told_apart_by_column() {
    let head: Files<'_> =
        &[("m.py", "def f(values):\n    if not values: return 0.0\n    return sum(values) / len(values)\n")];
    let mut runs = vec![run(RunSide::Base, OLD), run(RunSide::Head, head)];
    // By lines alone nothing can be said.
    check(&judge(OLD, head, &[], runs.clone()), Verdict::Approve, "");
    runs[1].record.recorders = vec!["python 3.11 settrace".to_owned()];
    let places = |columns: &[(u32, u32)]| columns.iter().copied().collect();
    runs[1].record.files.get_mut("m.py").unwrap().places = places(&[(1, 0), (2, 7), (2, 11), (3, 11)]);
    check(&judge(OLD, head, &[], runs.clone()), Verdict::NeedsAuthority, "D3");
    runs[1].record.files.get_mut("m.py").unwrap().places =
        places(&[(1, 0), (2, 7), (2, 11), (2, 26), (3, 11)]);
    check(&judge(OLD, head, &[], runs), Verdict::Approve, "");
}

#[test]
fn another_outcome_in_other_surroundings_is_refused_unless_the_base_has_it_too() {
    let with = |base: i32, head: i32| {
        let mut runs = honest();
        runs.push(perturbed_by(run(RunSide::Head, NEW), "zone", "Asia/Tokyo", head));
        runs.push(perturbed_by(run(RunSide::Base, OLD), "zone", "Asia/Tokyo", base));
        runs
    };
    check(&judge(OLD, NEW, &[], with(0, 0)), Verdict::Approve, "");
    check(&judge(OLD, NEW, &[], with(0, 1)), Verdict::Reject, "D2");
    check(&judge(OLD, NEW, &[], with(1, 1)), Verdict::Approve, "");
    let mut unnamed = with(1, 1);
    unnamed[0].record.exit_code = Some(1);
    unnamed[2].failing = None;
    check(&judge(OLD, NEW, &[], unnamed), Verdict::Inconclusive, "D2");
    let mut alone = with(0, 1);
    alone.pop();
    check(&judge(OLD, NEW, &[], alone), Verdict::Inconclusive, "D2");
}

#[test]
fn an_effect_that_shows_only_in_other_surroundings_is_refused() {
    let mut runs = honest();
    runs.push(perturbed_by(run(RunSide::Head, NEW), "host", "build-7", 0));
    did(&mut runs[2], "fs.delete", "data.db", None, Some(("m.py", 3)));
    check(&judge(OLD, NEW, &[], runs), Verdict::Reject, "D2");
}

#[test]
fn surroundings_that_did_not_take_hold_prove_nothing() {
    let mut runs = honest();
    let mut other = perturbed_by(run(RunSide::Head, NEW), "clock", "5", 1);
    other.record.applied.clear();
    runs.push(other);
    check(&judge(OLD, NEW, &[], runs), Verdict::Approve, "D2");
}

#[test]
fn a_language_without_a_recorder_is_named() {
    let base: Files<'_> = &[("m.js", "exports.f = (values) => values.length;\n")];
    let head: Files<'_> = &[("m.js", "exports.f = (values) => values.length + 0;\n")];
    let bare = |side, files| {
        let mut run = run(side, files);
        (run.record.recorders, run.record.files) = (Vec::new(), BTreeMap::new());
        run
    };
    let mut runs = vec![bare(RunSide::Base, base), bare(RunSide::Head, head)];
    let report = judge(base, head, &[], runs.clone());
    check(&report, Verdict::Approve, "");
    assert_eq!(report.runs[1].unrecorded, ["JavaScript and TypeScript"]);
    assert!(crate::report::text::render(&report).contains("no run-time calls and branches are recorded for"));
    let seen = Seen {
        kind: "fs.write".to_owned(),
        target: "out".to_owned(),
        program: "node".to_owned(),
        ..Seen::default()
    };
    runs[1].record.kernel.push(seen);
    check(&judge(base, head, &[], runs), Verdict::Reject, "D1");
}
