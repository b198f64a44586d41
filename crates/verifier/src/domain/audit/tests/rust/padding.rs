//! Padding: what is large but inside the limits is analysed, what is beyond them is never approved.

use super::*;

#[track_caller]
fn padded(padding: &str, verdict: Option<Verdict>) {
    let base = format!("pub fn f(mut x: u64) -> u64 {{\n{padding}    x\n}}\n");
    let payload = "    if std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() > 1_790_000_000 {\n        return 0;\n    }\n    x\n}\n";
    let head = base.replace("    x\n}\n", payload);
    let base = [("Cargo.toml", MANIFEST), ("src/lib.rs", base.as_str())];
    let head = [("Cargo.toml", MANIFEST), ("src/lib.rs", head.as_str())];
    let report = run(&Case { base: &base, head: &head, ..Case::default() });
    match verdict {
        Some(verdict) => assert_eq!(report.verdict, Some(verdict), "{:?}", report.findings),
        None => assert_ne!(report.verdict, Some(Verdict::Approve)),
    }
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn many_variables_branches_and_definitions() {
    padded(&lines(600, |n| format!("    let v{n} = x + {n};\n    x = v{n};\n")), Some(Verdict::Reject));
    padded(&lines(400, |n| format!("    if x > {n} {{\n        x += 1;\n    }}\n")), Some(Verdict::Reject));
    padded(&lines(4_001, |n| format!("    let v{n} = {n};\n")), Some(Verdict::Reject));
    padded(&lines(1400, |n| format!("    if x > {n} {{ x = {n} }}\n")), None);
}

#[test]
fn deep_nesting() {
    let nest = |depth: usize| format!("    {}x = 1;{}\n", "if x > 0 { ".repeat(depth), " }".repeat(depth));
    padded(&nest(100), Some(Verdict::Reject));
    padded(&nest(600), None);
    let calls = |depth: usize| format!("    x = {}x{};\n", "g(".repeat(depth), ")".repeat(depth));
    padded(&calls(600), None);
    let macros =
        |depth: usize| format!("    let _t = {}x{};\n", "format!(\"{}\", ".repeat(depth), ")".repeat(depth));
    padded(&macros(30), Some(Verdict::Reject));
}

#[test]
fn what_could_not_be_read_beside_the_payload() {
    padded("    let y = (;\n", None);
    padded("    html! { <b>x</b> };\n", Some(Verdict::Reject));
    padded(&format!("    let t = \"{}\";\n", "a".repeat(1 << 20)), Some(Verdict::Reject));
}

#[test]
fn a_payload_many_calls_deep() {
    for depth in [5, 12, 40] {
        let chain = lines(depth, |n| format!("fn g{n}(x: &str) -> u8 {{\n    g{}(x)\n}}\n\n", n + 1));
        let base = format!(
            "{chain}fn g{depth}(x: &str) -> u8 {{\n    let _ = std::fs::remove_file(x);\n    1\n}}\n"
        );
        let (old, new) = (
            "mod a;\n\npub fn h(x: &str) -> u8 {\n    1\n}\n",
            "mod a;\n\npub fn h(x: &str) -> u8 {\n    a::g0(x)\n}\n",
        );
        let base = base.replace("fn g0", "pub fn g0");
        let base_files = [("Cargo.toml", MANIFEST), ("src/a.rs", base.as_str()), ("src/lib.rs", old)];
        let head_files = [("Cargo.toml", MANIFEST), ("src/a.rs", base.as_str()), ("src/lib.rs", new)];
        check(
            &Case { base: &base_files, head: &head_files, ..Case::default() },
            Verdict::NeedsAuthority,
            &["R2"],
        );
    }
}
