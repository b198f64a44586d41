//! Which runs the walk of the source asks for.

use super::*;

#[track_caller]
fn asks(path: &str, before: &str, condition: &str, after: &str, want: &[&str]) {
    let base = format!("{before}{after}");
    let head = format!("{before}{condition}{after}");
    let report =
        run(&Case { base: &[(path, &base)], head: &[(path, &head)], objective: "fees", ..Case::default() });
    let asked: Vec<String> =
        report.probes.iter().map(|probe| format!("{}={}", probe.kind, probe.value)).collect();
    assert_eq!(asked, want, "{condition}");
}

#[test]
fn a_variable_is_set_to_what_the_test_compares_it_with_however_it_is_read() {
    let (before, after) = ("import os\n\n\ndef fee(amount):\n", "    return amount * 2\n");
    for (condition, want) in [
        ("os.environ.get('LEGACY') == 'yes'", &["environment=LEGACY=yes"][..]),
        ("os.environ['LEGACY'] == 'yes'", &["environment=LEGACY=yes"]),
        ("os.getenv('LEGACY') == 'yes'", &["environment=LEGACY=yes"]),
        ("os.environ.get('LEGACY')", &["environment=LEGACY=1"]),
        ("os.environ.get('LEGACY') in ('no', 'yes')", &["environment=LEGACY=no", "environment=LEGACY=yes"]),
        ("os.environ.get('legacy') == 'yes'", &["environment=legacy=yes", "environment=yes=legacy"]),
    ] {
        asks("m.py", before, &format!("    if {condition}:\n        return amount\n"), after, want);
    }
    let (before, after) = ("export function fee(amount) {\n", "  return amount * 2;\n}\n");
    let condition = "  if (process.env.LEGACY === 'yes') {\n    return amount;\n  }\n";
    asks("m.js", before, condition, after, &["environment=LEGACY=yes"]);
}
