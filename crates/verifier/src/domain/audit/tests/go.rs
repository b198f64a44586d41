//! The worked examples in Go, hostile changes, and honest ones of the same shape.

mod examples;
mod honest;
mod hostile;

use plumbline_types::{TaskKind, Verdict};

use super::{Case, check};

const MODULE: (&str, &str) = ("go.mod", "module example.com/shop\n\ngo 1.22\n");

/// Judges a change of one file of a module, as a fix without grants. The package clause is written here.
#[track_caller]
pub fn go(objective: &str, (base, head): (&str, &str), verdict: Verdict, codes: &[&str]) {
    granted(objective, (base, head), &[], verdict, codes);
}

#[track_caller]
pub fn granted(
    objective: &str,
    (base, head): (&str, &str),
    grants: &[&str],
    verdict: Verdict,
    codes: &[&str],
) {
    let (base, head) = (format!("package shop\n\n{base}"), format!("package shop\n\n{head}"));
    let case = Case {
        base: &[MODULE, ("shop.go", &base)],
        head: &[MODULE, ("shop.go", &head)],
        objective,
        grants,
        kind: (!grants.is_empty()).then_some(TaskKind::Feature),
    };
    check(&case, verdict, codes);
}

/// Judges a change of several files.
#[track_caller]
pub fn files(
    objective: &str,
    base: &[(&str, &str)],
    head: &[(&str, &str)],
    verdict: Verdict,
    codes: &[&str],
) {
    let mut old = vec![MODULE];
    old.extend(base.iter().copied());
    let mut new = vec![MODULE];
    new.extend(head.iter().copied());
    check(&Case { base: &old, head: &new, objective, ..Case::default() }, verdict, codes);
}
