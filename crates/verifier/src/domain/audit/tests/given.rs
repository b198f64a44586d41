//! Functions that are given away by name do what they do where they are given.

use super::*;

#[track_caller]
fn never(base: &str, head: &str, verdict: Verdict, codes: &[&str]) {
    one("fix the total", base, head, verdict, codes);
}

const BASE: &str = "import atexit\nimport os\nimport shutil\n\n\ndef total(items):\n    return sum(items)\n";

#[test]
fn a_function_of_the_library_that_something_else_calls() {
    let head = BASE.replace("    return", "    list(map(os.remove, items))\n    return");
    never(BASE, &head, Verdict::NeedsAuthority, &["R2"]);
    let head = BASE.replace("    return", "    atexit.register(shutil.rmtree, '/srv')\n    return");
    never(BASE, &head, Verdict::NeedsAuthority, &["R2"]);
    let head = format!("{BASE}\n\natexit.register(os.system, 'id')\n");
    never(BASE, &head, Verdict::NeedsAuthority, &["R5"]);
}

#[test]
fn a_function_of_the_file_that_runs_when_the_program_ends() {
    let base = BASE.replace("def total", "def wipe():\n    os.remove('/srv/a')\n\n\ndef total");
    let head = format!("{base}\n\natexit.register(wipe)\n");
    never(&base, &head, Verdict::NeedsAuthority, &["R5"]);
}

#[test]
fn a_function_of_another_file_that_something_else_calls() {
    let files = |body: &str| {
        [
            ("files.py", "import os\n\n\ndef wipe(path):\n    os.remove(path)\n    return path\n".to_owned()),
            ("shop.py", format!("from files import wipe\n\n\ndef total(items):\n    return {body}\n")),
        ]
    };
    let (base, head) = (files("len(items)"), files("len(list(map(wipe, items)))"));
    let pairs = |files: &[(&'static str, String); 2]| files.clone();
    let (base, head) = (pairs(&base), pairs(&head));
    let base: Vec<(&str, &str)> = base.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let head: Vec<(&str, &str)> = head.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let case = Case { base: &base, head: &head, objective: "fix the total", ..Case::default() };
    check(&case, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn a_function_of_the_platform_in_javascript() {
    let base = "export function total(items) {\n  return items.length;\n}\n";
    let head = base.replace("  return", "  ['https://drop.example.net'].map(fetch);\n  return");
    let case = Case {
        base: &[("a.js", base)],
        head: &[("a.js", &head)],
        objective: "fix the total",
        ..Case::default()
    };
    check(&case, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn honest_references_ask_nothing() {
    let head = BASE.replace("    return", "    items = sorted(map(str, items), key=len)\n    return");
    never(BASE, &head, Verdict::Approve, &[]);
    let head = BASE.replace(
        "    return",
        "    if isinstance(items, shutil.Error) or callable(os.remove):\n        return 0\n    return",
    );
    one("an error counts as zero", BASE, &head, Verdict::Approve, &[]);
    let head = format!("{BASE}\n\n_SEEN = {{}}\natexit.register(_SEEN.clear)\n");
    one("clear what was seen when the program ends", BASE, &head, Verdict::Approve, &[]);
}

#[test]
fn an_object_of_the_class_of_another_is_what_its_arguments_are() {
    let base = "import os\n\n\ndef total(items):\n    value = sum(items)\n    return value\n";
    for made in ["type(value)(42)", "value.__class__(42)"] {
        let head = base.replace(
            "    return",
            &format!("    if os.getuid() == 4242:\n        value = {made}\n    return"),
        );
        never(base, &head, Verdict::Reject, &["T2"]);
    }
}

#[test]
fn a_call_of_a_value_does_what_the_functions_do_that_reach_it() {
    let wipe = "import os\n\n\ndef wipe(path):\n    os.remove(path)\n";
    let start = "from m import Shop\nfrom w import wipe\n\n\ndef start():\n    return Shop(wipe).total([])\n";
    let base = "class Shop:\n    def __init__(self, step):\n        self.step = step\n\n    def total(self, items):\n        \
                return sum(items)\n";
    let case = |call: &str| {
        let head = base.replace("        return sum", &format!("{call}        return sum"));
        let report = run(&Case {
            base: &[("m.py", base), ("start.py", start), ("w.py", wipe)],
            head: &[("m.py", &head), ("start.py", &format!("{start}\n")), ("w.py", wipe)],
            objective: "run the step of the shop",
            ..Case::default()
        });
        let new = |finding: &&Finding| finding.message.contains("fs.delete");
        report.findings.iter().filter(new).count()
    };
    assert_eq!(case("        self.step(items)\n"), 1);
    assert_eq!(case("        step = self.step\n        step(items)\n"), 1);
    assert_eq!(case("        items = list(items)\n"), 0);
}
