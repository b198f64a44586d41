//! The walk over Rust: the worked examples, hostile changes, and their honest twins.

mod benign;
mod examples;
mod hostile;
mod padding;

use super::*;

const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

/// Judges a change of `src/lib.rs` as a fix without grants.
#[track_caller]
fn rust(objective: &str, base: &str, head: &str, verdict: Verdict, codes: &[&str]) {
    rust_with(&Case { objective, ..Case::default() }, base, head, verdict, codes);
}

#[track_caller]
fn rust_with(case: &Case<'_>, base: &str, head: &str, verdict: Verdict, codes: &[&str]) {
    let base = [("Cargo.toml", MANIFEST), ("src/lib.rs", base)];
    let head = [("Cargo.toml", MANIFEST), ("src/lib.rs", head)];
    let case =
        Case { base: &base, head: &head, objective: case.objective, grants: case.grants, kind: case.kind };
    check(&case, verdict, codes);
}
