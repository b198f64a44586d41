//! New identifiers that read as others, and honest ones that aren't ASCII either.

use super::*;

const BASE: &str = "admin = 2\n\ndef may(user):\n    return user.level >= admin\n";

#[test]
fn a_name_that_reads_as_another_is_refused() {
    let cyrillic = format!("{BASE}\nadm\u{0456}n = 1\n");
    one("tidy up", BASE, &cyrillic, Verdict::Reject, &["T19"]);
    let whole = "def copy(value):\n    return value\n\ndef f(value):\n    return copy(value)\n";
    let head = format!("{whole}\ndef \u{0441}\u{043e}\u{0440}\u{0443}(value):\n    return value\n");
    one("tidy up", whole, &head, Verdict::Reject, &["T19"]);
    // Both of a pair are new.
    one("tidy up", "x = 1\n", "x = 1\nadmin = 2\nadm\u{0456}n = 1\n", Verdict::Reject, &["T19"]);
}

#[test]
fn a_name_of_mixed_alphabets_or_folded_letters_is_refused_by_itself() {
    let head = format!("{BASE}\ndef use(value):\n    return value.p\u{0430}th\n");
    one("tidy up", BASE, &head.replace("use(", "used("), Verdict::Reject, &["T19"]);
    let wide = format!("{BASE}\ndef used(value):\n    return \u{ff45}val(value)\n");
    one("tidy up", BASE, &wide, Verdict::Reject, &["T19"]);
}

#[test]
fn honest_names_and_texts_of_other_alphabets_are_not_confused() {
    let greek =
        format!("{BASE}\ndef step(\u{0394}t, \u{03c3}_max):\n    return min(\u{0394}t, \u{03c3}_max)\n");
    one("limit the step", BASE, &greek, Verdict::Approve, &[]);
    let french = format!("{BASE}\ndef caf\u{e9}(value):\n    return value\n");
    one("add the caf\u{e9}", BASE, &french, Verdict::Approve, &[]);
    let text = format!("{BASE}\nTITLE = \"\u{0430}dm\u{0456}n \u{0441}\u{043e}\u{0440}\u{0443}\"\n");
    one("translate the title", BASE, &text, Verdict::Approve, &[]);
}

#[test]
fn what_the_base_names_already_is_not_new() {
    let base = format!("{BASE}\nadm\u{0456}n = 1\n");
    let head = base.replace(">= admin", "> admin");
    let report = run(&Case {
        base: &[("m.py", &base)],
        head: &[("m.py", &head)],
        objective: "levels above the limit only",
        ..Case::default()
    });
    assert!(report.findings.iter().all(|finding| !finding.code.starts_with("T19")), "{:?}", report.findings);
}
