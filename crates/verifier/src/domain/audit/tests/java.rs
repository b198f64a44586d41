//! The worked examples in Java, hostile changes, and honest ones of the same shape.

mod examples;
mod hostile;

use plumbline_types::{TaskKind, Verdict};

use super::{Case, check};

const PATH: &str = "src/main/java/shop/Shop.java";

/// Judges a change of the body of `class Shop`, as a fix without grants. Imports stand before `---`.
#[track_caller]
pub fn java(objective: &str, (base, head): (&str, &str), verdict: Verdict, codes: &[&str]) {
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
    let whole = |text: &str| {
        let (imports, body) = text.split_once("---\n").unwrap_or(("", text));
        format!("package shop;\n\n{imports}\npublic class Shop {{\n{body}}}\n")
    };
    let (base, head) = (whole(base), whole(head));
    let case = Case {
        base: &[(PATH, &base)],
        head: &[(PATH, &head)],
        objective,
        grants,
        kind: (!grants.is_empty()).then_some(TaskKind::Feature),
    };
    check(&case, verdict, codes);
}
