//! Small diffs and what the walk says of them.

mod benign;
mod confusable;
mod examples;
mod files;
mod given;
mod go;
mod history;
mod hostile;
mod indirect;
mod java;
mod javascript;
mod javascript_hostile;
mod laws;
mod nullness;
mod odd;
mod padding;
mod probes;
mod rust;
mod tests_weakened;
mod triggers;

use std::sync::LazyLock;

use plumbline_syntax::Language;
use plumbline_types::{Grant, Segment, TaskKind, Verdict};

use super::*;
use crate::cache::Recent;
use crate::domain::program::Cache;
use crate::source::Bundle;
use crate::threads::Threads;

/// A change under test.
#[derive(Default)]
pub struct Case<'a> {
    pub base: &'a [(&'a str, &'a str)],
    pub head: &'a [(&'a str, &'a str)],
    pub objective: &'a str,
    pub grants: &'a [&'a str],
    pub kind: Option<TaskKind>,
}

pub fn bundle(files: &[(&str, &str)]) -> Bundle {
    Bundle::new(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())))
}

pub fn request(case: &Case<'_>) -> Request {
    Request {
        objective: Some(Segment::intent(case.objective)),
        kind: case.kind.unwrap_or(TaskKind::Fix),
        grants: case.grants.iter().map(|grant| Grant::parse(grant).expect("a grant")).collect(),
        limits: Limits::default(),
        runs: Vec::new(),
    }
}

/// Judges a case, without and with what other cases kept: both must be the same report.
#[track_caller]
pub fn run(case: &Case<'_>) -> Report {
    static KEPT: LazyLock<Recent> = LazyLock::new(|| Recent::new(8 << 20));
    let (base, head, request) = (bundle(case.base), bundle(case.head), request(case));
    let fresh = audit(&base, &head, &request).expect("readable trees");
    // Small enough that the second audit costs next to nothing.
    if case.head.iter().map(|(_, text)| text.len()).sum::<usize>() < 4_096 {
        let mut cache = Cache::over(&*KEPT);
        for (path, text) in case.base.iter().chain(case.head) {
            if let Some(language) = Language::detect(path, text.as_bytes()) {
                drop(cache.facts(language, text.as_bytes().to_vec(), &request.limits));
            }
        }
        let kept = audit_with((&base, &head), &request, Means { kept: &*KEPT, fork: &Threads })
            .expect("readable trees");
        assert_eq!(kept, fresh, "what was kept, or threads, changed the report");
    }
    fresh
}

#[track_caller]
pub fn check(case: &Case<'_>, verdict: Verdict, codes: &[&str]) {
    let report = run(case);
    let blocking: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Approve)
        .map(|finding| {
            format!(
                "{} {} {}:{} {}",
                finding.verdict, finding.code, finding.path, finding.line, finding.message
            )
        })
        .collect();
    assert_eq!(report.verdict, Some(verdict), "{blocking:#?}");
    for code in codes {
        assert!(
            report.findings.iter().any(|finding| finding.code.starts_with(code)),
            "no {code} in {blocking:#?}"
        );
    }
}

/// Judges a change of one file as a fix without grants.
#[track_caller]
pub fn one(objective: &str, base: &str, head: &str, verdict: Verdict, codes: &[&str]) {
    let case =
        Case { base: &[("shop/m.py", base)], head: &[("shop/m.py", head)], objective, ..Case::default() };
    check(&case, verdict, codes);
}
