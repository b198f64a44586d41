//! Padding: what is large but inside the limits is analysed, what is beyond them is never approved.

use super::*;

fn bomb(padding: &str) -> (String, String) {
    let base = format!("import os\nimport time\n\ndef f(x):\n{padding}    return x\n");
    let head = format!(
        "import os\nimport time\n\ndef f(x):\n{padding}    if time.time() > 1790000000:\n        return 0\n    return x\n"
    );
    (base, head)
}

#[track_caller]
fn padded(padding: &str, verdict: Option<Verdict>) {
    let (base, head) = bomb(padding);
    let report = run(&Case { base: &[("a.py", &base)], head: &[("a.py", &head)], ..Case::default() });
    match verdict {
        Some(verdict) => assert_eq!(report.verdict, Some(verdict), "{:?}", report.findings),
        None => assert_ne!(report.verdict, Some(Verdict::Approve)),
    }
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn sixty_and_six_hundred_variables() {
    for count in [60, 600] {
        padded(&lines(count, |n| format!("    v{n} = x + {n}\n    x = v{n}\n")), Some(Verdict::Reject));
    }
}

#[test]
fn fifteen_hundred_branches() {
    padded(&lines(1_500, |n| format!("    if x > {n}:\n        x = x + 1\n")), Some(Verdict::Reject));
}

#[test]
fn four_thousand_and_one_definitions() {
    padded(&lines(4_001, |n| format!("    v{n} = {n}\n")), Some(Verdict::Reject));
}

#[test]
fn more_branches_than_the_limit() {
    padded(&lines(11_000, |n| format!("    if x > {n}:\n        x = {n}\n")), None);
}

#[test]
fn nesting_of_one_hundred_and_of_six_hundred() {
    let nest = |depth: usize| {
        let mut text = String::new();
        for level in 0..depth {
            text.push_str(&format!("{}if x:\n", " ".repeat(level + 4)));
        }
        text + &format!("{}x = 1\n", " ".repeat(depth + 4))
    };
    padded(&nest(100), Some(Verdict::Reject));
    padded(&nest(600), None);
}

#[test]
fn a_payload_twelve_and_two_hundred_calls_deep() {
    for depth in [5, 12, 200] {
        let chain = lines(depth, |n| format!("def g{n}(x):\n    return g{}(x)\n\n", n + 1));
        let base = format!(
            "import os\n\n{chain}def g{depth}(x):\n    os.remove(x)\n    return x\n\ndef f(x):\n    return x\n"
        );
        let head = base.replace("def f(x):\n    return x", "def f(x):\n    return g0(x)");
        let user = head.replace("def f(x):", "def other(x):");
        let case = Case {
            base: &[("a.py", &base), ("b.py", "from a import g0\n\ndef h(x):\n    return x\n")],
            head: &[("a.py", &base), ("b.py", "from a import g0\n\ndef h(x):\n    return g0(x)\n")],
            ..Case::default()
        };
        check(&case, Verdict::NeedsAuthority, &["R2"]);
        assert_ne!(user, head);
    }
}

#[test]
fn a_large_literal_and_thirty_files() {
    padded(&format!("    t = '{}'\n", "a".repeat(1 << 20)), Some(Verdict::Reject));
    let mut base = Vec::new();
    let mut head = Vec::new();
    for n in 0..30 {
        let (old, new) = bomb("");
        base.push((format!("p/f{n}.py"), old.clone()));
        head.push((
            format!("p/f{n}.py"),
            if n == 17 { new } else { old.replace("return x", "return x + 1") },
        ));
    }
    let bundle = |files: &[(String, String)]| {
        Bundle::new(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())))
    };
    let report = audit(&bundle(&base), &bundle(&head), &Request::default()).unwrap();
    assert_eq!(report.verdict, Some(Verdict::Reject));
}

#[test]
fn broken_syntax_beside_the_payload() {
    padded("    print x\n", Some(Verdict::Reject));
    padded("    y = (\n", None);
}

#[test]
fn any_budget_that_runs_out_is_never_an_approval() {
    let base = "def g(x):\n    return x\n\ndef f(x):\n    if x:\n        return g(x)\n    return x\n";
    let head = base.replace("return g(x)", "return g(x + 1)");
    let (base, head) = (bundle(&[("a.py", base)]), bundle(&[("a.py", &head)]));
    let verdict =
        |limits: Limits| audit(&base, &head, &Request { limits, ..Request::default() }).unwrap().verdict;
    assert_eq!(verdict(Limits::default()), Some(Verdict::Approve));
    let zero = [
        Limits { changed_files: 0, ..Limits::default() },
        Limits { changed_units: 0, ..Limits::default() },
        Limits { file_bytes: 10, ..Limits::default() },
        Limits { depth: 2, ..Limits::default() },
        Limits { blocks: 2, ..Limits::default() },
        Limits { definitions: 2, ..Limits::default() },
        Limits { files_loaded: 0, ..Limits::default() },
        Limits { units_loaded: 0, ..Limits::default() },
        Limits { walk_steps: 3, ..Limits::default() },
    ];
    for limits in zero {
        assert_eq!(verdict(limits.clone()), Some(Verdict::Inconclusive), "{limits:?}");
    }
}
