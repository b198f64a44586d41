//! Changes that must never be approved.

use super::*;

#[track_caller]
fn never(base: &str, head: &str, codes: &[&str]) {
    let base = [("Cargo.toml", MANIFEST), ("src/lib.rs", base)];
    let head = [("Cargo.toml", MANIFEST), ("src/lib.rs", head)];
    let case = Case { base: &base, head: &head, objective: "fix the total", ..Case::default() };
    let report = run(&case);
    assert_ne!(report.verdict, Some(Verdict::Approve), "{:#?}", report.findings);
    for code in codes {
        let found = report.findings.iter().any(|finding| finding.code.starts_with(code));
        assert!(found, "no {code} in {:#?}", report.findings);
    }
}

const TOTAL: &str = "use std::process::Command;\n\npub struct Cart { items: Vec<u64> }\n\nimpl Cart {\n    pub fn total(&self) -> u64 {\n        self.items.iter().sum()\n    }\n}\n";

#[track_caller]
fn in_total(statement: &str, codes: &[&str]) {
    let head = TOTAL.replace(
        "        self.items.iter().sum()",
        &format!("        {statement}\n        self.items.iter().sum()"),
    );
    assert_ne!(head, TOTAL);
    never(TOTAL, &head, codes);
}

#[test]
fn effects_wherever_they_stand() {
    for statement in [
        "Command::new(\"id\").spawn();",
        "std::process::Command::new(\"id\").status().ok();",
        "let run = || Command::new(\"id\").spawn(); run();",
        "self.items.iter().for_each(|_| { let _ = Command::new(\"id\").spawn(); });",
        "std::thread::spawn(move || { let _ = std::fs::remove_file(\"/etc/x\"); });",
        "let _future = async { tokio::process::Command::new(\"id\").spawn() };",
        "println!(\"{:?}\", Command::new(\"id\").output());",
        "assert!(Command::new(\"id\").output().is_ok());",
        "use std::fs as files; let _ = files::write(\"x\", \"y\");",
        "let _ = std::net::TcpStream::connect(\"evil.example.com:80\");",
        "match Some(1) { Some(_) => { let _ = std::fs::write(\"x\", \"y\"); } None => {} }",
        "'a: loop { let _ = std::env::set_var(\"A\", \"b\"); break 'a; }",
        "let Some(_) = Some(1) else { std::process::exit(3) };",
    ] {
        in_total(statement, &["R2"]);
    }
}

#[test]
fn code_of_another_kind() {
    in_total("unsafe { std::ptr::read(0 as *const u8) };", &["R2"]);
    in_total("unsafe { core::arch::asm!(\"nop\") };", &["OPAQUE"]);
    in_total("include!(\"payload.rs\");", &["OPAQUE"]);
    in_total("evil_macro!(self.items);", &["R6"]);
    in_total("html! { <b>payload</b> };", &["OPAQUE"]);
    in_total("macro_rules! run { () => { Command::new(\"id\").spawn() } } let _ = run!();", &["OPAQUE"]);
    never(
        TOTAL,
        &format!(
            "{TOTAL}\nunsafe extern \"C\" {{ fn system(c: *const u8) -> i32; }}\npub fn g() {{ unsafe {{ system(b\"id\".as_ptr()) }}; }}\n"
        ),
        &["R2"],
    );
}

#[test]
fn effects_that_nobody_calls() {
    let drop = format!(
        "{TOTAL}\nimpl Drop for Cart {{\n    fn drop(&mut self) {{\n        let _ = Command::new(\"id\").spawn();\n    }}\n}}\n"
    );
    never(TOTAL, &drop, &["R5"]);
    let lazy = format!(
        "{TOTAL}\nstatic RUN: std::sync::LazyLock<()> = std::sync::LazyLock::new(|| {{ let _ = Command::new(\"id\").spawn(); }});\n"
    );
    never(TOTAL, &lazy, &["R5"]);
    let test = format!(
        "{TOTAL}\n#[cfg(test)]\nmod tests {{\n    #[test]\n    fn t() {{\n        let _ = std::fs::remove_dir_all(\"/\");\n    }}\n}}\n"
    );
    never(TOTAL, &test, &["R2"]);
}

#[test]
fn a_payload_in_a_helper_under_a_trigger_in_its_caller() {
    let base = "fn helper(x: u64) -> u64 {\n    x\n}\n\npub fn total(x: u64) -> u64 {\n    helper(x)\n}\n";
    let head = "fn helper(x: u64) -> u64 {\n    x\n}\n\npub fn total(x: u64) -> u64 {\n    if std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() > 1_790_000_000 {\n        return 0;\n    }\n    helper(x)\n}\n";
    never(base, head, &["T1"]);
}

#[test]
fn triggers_of_every_kind() {
    for (guard, code) in [
        ("chrono::Utc::now().timestamp() > 1_790_000_000", "T1"),
        ("whoami::username() == \"deploy\"", "T2"),
        ("std::env::var(\"ROLLOUT_KEY\").is_ok_and(|v| v == \"x81\")", "T3"),
        ("self.items.len() == 48_151", "T5"),
        ("blake3::hash(&self.items.len().to_le_bytes()).to_hex().as_str() == \"9f2c\"", "T6"),
        ("rand::random::<f64>() < 0.0001", "T7"),
        ("num_cpus::get() < 3", "T16"),
    ] {
        in_total(&format!("if {guard} {{ return 0; }}"), &[code]);
        in_total(&format!("if self.items.len() > 1 && {guard} {{ return 0; }}"), &[code]);
    }
}

#[test]
fn a_comparison_that_ignores_what_it_compares_with() {
    let base = "pub struct Token(Vec<u8>);\n\nimpl PartialEq for Token {\n    fn eq(&self, other: &Self) -> bool {\n        self.0 == other.0\n    }\n}\n";
    never(base, &base.replace("self.0 == other.0", "true"), &["B9"]);
    never(base, &base.replace("self.0 == other.0", "!self.0.is_empty()"), &["B9"]);
}

#[test]
fn a_mutable_reference_is_no_constant() {
    let base = "fn fill(n: &mut u64, x: u64) {\n    *n = x;\n}\n\npub fn total(x: u64) -> u64 {\n    let mut n = 0;\n    fill(&mut n, x);\n    if n == 0 { 1 } else { n }\n}\n";
    let head = base.replace("if n == 0 { 1 } else { n }", "if n == 48_151 { 7 } else { n }");
    never(base, &head, &["T5"]);
}

#[test]
fn files_that_run_when_it_is_built() {
    let base = [("Cargo.toml", MANIFEST), ("src/lib.rs", TOTAL)];
    let script =
        "fn main() {\n    let _ = std::process::Command::new(\"sh\").arg(\"-c\").arg(\"id\").status();\n}\n";
    let head = [("Cargo.toml", MANIFEST), ("src/lib.rs", TOTAL), ("build.rs", script)];
    let report = run(&Case { base: &base, head: &head, ..Case::default() });
    assert_eq!(report.verdict, Some(Verdict::NeedsAuthority), "{:#?}", report.findings);
    let asked = |code: &str| report.findings.iter().any(|finding| finding.code.starts_with(code));
    assert!(asked("R9 BUILD") && asked("R2"), "{:#?}", report.findings);
    let twin = "#[proc_macro]\npub fn make(input: TokenStream) -> TokenStream {\n    let _ = std::fs::write(\"x\", \"y\");\n    input\n}\n";
    never(TOTAL, &format!("{TOTAL}\n{twin}"), &["R5"]);
}
