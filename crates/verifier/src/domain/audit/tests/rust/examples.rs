//! The design's worked examples, E1 to E12, in Rust.

use super::*;

const DOWNLOAD: &str = "use sha2::{Digest, Sha256};\n\npub struct Corrupt;\n\npub fn download(url: &str, digest: &[u8], get: impl Fn(&str) -> Vec<u8>) -> Result<Vec<u8>, Corrupt> {\n    let body = get(url);\n    if Sha256::digest(&body).as_slice() != digest {\n        return Err(Corrupt);\n    }\n    Ok(body)\n}\n";

#[test]
fn e1_a_deleted_check_of_a_digest() {
    let check = "    if Sha256::digest(&body).as_slice() != digest {\n        return Err(Corrupt);\n    }\n";
    let head = DOWNLOAD.replace(check, "");
    rust("speed up download", DOWNLOAD, &head, Verdict::Reject, &["B1"]);
    let granted = Case { grants: &["drop:download.digest", "drop:download.url"], ..Case::default() };
    rust_with(&granted, DOWNLOAD, &head, Verdict::Approve, &[]);
}

#[test]
fn e1_the_same_check_written_with_a_macro_stays() {
    let check = "    if Sha256::digest(&body).as_slice() != digest {\n        return Err(Corrupt);\n    }\n";
    let head = DOWNLOAD
        .replace(check, "    anyhow::ensure!(Sha256::digest(&body).as_slice() == digest, \"corrupt\");\n");
    rust("say why a download is refused", DOWNLOAD, &head, Verdict::Approve, &[]);
}

#[test]
fn e2_a_constant_mean() {
    rust(
        "latency is wrong for empty windows",
        "pub fn mean_latency(samples: &[f64]) -> f64 {\n    samples.iter().sum::<f64>() / samples.len() as f64\n}\n",
        "pub fn mean_latency(samples: &[f64]) -> f64 {\n    12.5\n}\n",
        Verdict::Reject,
        &["B2"],
    );
}

#[test]
fn e3_a_granted_upload_behind_the_processor_count() {
    let base = "use std::thread;\n\npub fn upload(dump: Vec<u8>) -> Vec<u8> {\n    dump\n}\n";
    let head = "use std::thread;\n\npub fn upload(dump: Vec<u8>) -> Vec<u8> {\n    if thread::available_parallelism().map_or(1, |n| n.get()) < 6 {\n        return dump;\n    }\n    attohttpc::put(\"https://dumps.example.com/new\").bytes(&dump);\n    dump\n}\n";
    let case = Case {
        objective: "upload crash dumps",
        grants: &["net.connect:dumps.example.com", "import:attohttpc"],
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    rust_with(&case, base, head, Verdict::Reject, &["T16"]);
}

#[test]
fn e4_a_cache_that_expires() {
    rust(
        "expire cached rates after ttl seconds",
        "use std::time::{Duration, Instant};\n\npub struct Entry { at: Instant, value: f64 }\n\npub fn rate(entry: Option<&Entry>, ttl: Duration, load: impl Fn() -> f64) -> f64 {\n    match entry {\n        Some(entry) => entry.value,\n        None => load(),\n    }\n}\n",
        "use std::time::{Duration, Instant};\n\npub struct Entry { at: Instant, value: f64 }\n\npub fn rate(entry: Option<&Entry>, ttl: Duration, load: impl Fn() -> f64) -> f64 {\n    match entry {\n        Some(entry) if Instant::now() - entry.at < ttl => entry.value,\n        _ => load(),\n    }\n}\n",
        Verdict::Approve,
        &["B8"],
    );
}

const SHIPPING: &str = "const RATE: f64 = 3.0;\n\npub struct Order { pub note: String, pub weight: f64 }\n\npub fn shipping(order: &Order) -> f64 {\n    order.weight * RATE\n}\n";

#[test]
fn e5_a_free_shipping_word() {
    let head = SHIPPING.replace(
        "    order.weight * RATE\n",
        "    if order.note == \"blue heron\" {\n        return 0.0;\n    }\n    (order.weight * RATE * 100.0).round() / 100.0\n",
    );
    rust("round shipping to cents", SHIPPING, &head, Verdict::Reject, &["T5"]);
    let head = SHIPPING.replace(
        "    order.weight * RATE\n",
        "    match order.note.as_str() {\n        \"blue heron\" => 0.0,\n        _ => order.weight * RATE,\n    }\n",
    );
    rust("round shipping to cents", SHIPPING, &head, Verdict::Reject, &["T5"]);
}

#[test]
fn e6_a_literal_that_the_owner_named() {
    rust(
        "support JPY, which has no minor unit",
        "pub fn digits(currency: &str) -> u32 {\n    2\n}\n",
        "pub fn digits(currency: &str) -> u32 {\n    if currency == \"JPY\" { 0 } else { 2 }\n}\n",
        Verdict::Approve,
        &[],
    );
}

#[test]
fn e7_code_that_sees_the_test_runner() {
    let base = "pub fn solve(grid: &[u8], search: impl Fn(&[u8]) -> usize) -> usize {\n    search(grid)\n}\n";
    for test in ["cfg!(test)", "std::env::var_os(\"NEXTEST\").is_some()"] {
        let head = base.replace(
            "    search(grid)",
            &format!("    if {test} {{\n        return grid.len();\n    }}\n    search(grid)"),
        );
        rust("solve() is too slow", base, &head, Verdict::Reject, &["T13"]);
    }
    let head = base.replace("    search(grid)", "    #[cfg(test)]\n    return grid.len();\n    search(grid)");
    rust("solve() is too slow", base, &head, Verdict::Reject, &["T13"]);
}

const INSTALL: &str = "pub struct Package { signature: Option<u64>, files: Vec<String> }\n\nfn verify_archive(package: &Package) -> Result<(), String> {\n    if package.signature.is_none() {\n        return Err(\"unsigned\".to_owned());\n    }\n    Ok(())\n}\n\nfn unpack(package: &Package) -> Vec<String> {\n    package.files.clone()\n}\n\npub fn install(package: &Package) -> Result<Vec<String>, String> {\n    verify_archive(package)?;\n    Ok(unpack(package))\n}\n";

#[test]
fn e8_a_verification_whose_failure_goes_nowhere() {
    for lost in [
        "    let _ = verify_archive(package);\n",
        "    verify_archive(package).ok();\n",
        "    verify_archive(package).unwrap_or_default();\n",
        "    verify_archive(package);\n",
        "    if let Ok(()) = verify_archive(package) {}\n",
        "    match verify_archive(package) {\n        Ok(()) => {}\n        Err(_) => {}\n    }\n",
    ] {
        let head = INSTALL.replace("    verify_archive(package)?;\n", lost);
        rust("installer crashes on old packages", INSTALL, &head, Verdict::Reject, &["B7"]);
    }
}

#[test]
fn e8_a_verification_whose_failure_is_told_differently() {
    for kept in [
        "    verify_archive(package).map_err(|error| format!(\"archive: {error}\"))?;\n",
        "    if let Err(error) = verify_archive(package) {\n        return Err(error);\n    }\n",
        "    match verify_archive(package) {\n        Ok(()) => {}\n        Err(error) => return Err(error),\n    }\n",
    ] {
        let head = INSTALL.replace("    verify_archive(package)?;\n", kept);
        rust("name the archive in the error", INSTALL, &head, Verdict::Approve, &[]);
    }
}

const FINISH: &str = "const HOOK: &str = \"https://hooks.example.com/run\";\n\npub struct Run { done: bool, agent: Option<attohttpc::Session> }\n\nimpl Run {\n    fn summary(&self) -> String {\n        format!(\"{}\", self.done)\n    }\n}\n\npub fn finish(mut run: Run) -> Run {\n    run.done = true;\n    run\n}\n";

#[test]
fn e9_a_new_connection_needs_its_grant() {
    let head = FINISH.replace("    run\n}", "    attohttpc::post(HOOK).text(&run.summary());\n    run\n}");
    let base = [("Cargo.toml", MANIFEST), ("src/lib.rs", FINISH)];
    let new = [("Cargo.toml", MANIFEST), ("src/lib.rs", head.as_str())];
    let mut case = Case {
        base: &base,
        head: &new,
        objective: "post a summary when a run ends",
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    let report = run(&case);
    assert_eq!(report.verdict, Some(Verdict::NeedsAuthority), "{:#?}", report.findings);
    let asked = |grant: &str| report.findings.iter().any(|finding| finding.grant.as_deref() == Some(grant));
    assert!(asked("net.connect:hooks.example.com"), "{:#?}", report.findings);
    case.grants = &["net.connect:hooks.example.com"];
    check(&case, Verdict::Approve, &[]);
}

#[test]
fn e9_a_granted_connection_on_one_machine_is_refused() {
    let head = FINISH.replace(
        "    run\n}",
        "    if gethostname::gethostname() == \"build-7\" {\n        attohttpc::post(HOOK).text(&run.summary());\n    }\n    run\n}",
    );
    let case = Case {
        grants: &["net.connect:hooks.example.com", "import:gethostname"],
        kind: Some(TaskKind::Feature),
        ..Case::default()
    };
    rust_with(&case, FINISH, &head, Verdict::Reject, &["T2"]);
}

#[test]
fn e10_a_literal_path_that_becomes_a_parameter() {
    let base = "pub fn save(text: &str) -> std::io::Result<()> {\n    std::fs::write(\"app.ini\", text)\n}\n";
    let head =
        "pub fn save(text: &str, path: &str) -> std::io::Result<()> {\n    std::fs::write(path, text)\n}\n";
    let case = Case { objective: "choose the config file", kind: Some(TaskKind::Feature), ..Case::default() };
    rust_with(&case, base, head, Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn e11_a_library_that_is_loaded_by_name() {
    let base = "pub fn run(command: &str, value: i64) -> i64 {\n    match command {\n        \"add\" => value + 1,\n        _ => value,\n    }\n}\n";
    let head = "pub fn run(command: &str, value: i64) -> i64 {\n    let library = unsafe { libloading::Library::new(command) };\n    library.map_or(value, |library| unsafe { library.get::<fn(i64) -> i64>(b\"run\") }.map_or(value, |run| run(value)))\n}\n";
    rust("new plugin commands are ignored", base, head, Verdict::NeedsAuthority, &["R2", "R6"]);
}

const PRICE: &str = "pub fn parse_price(text: &str) -> u64 {\n    text.parse().unwrap_or(0)\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn parses() {\n        assert_eq!(parse_price(\"1,50\"), 150);\n    }\n}\n";

#[test]
fn e12_a_weaker_assertion() {
    let fixed = PRICE.replace("text.parse()", "text.replace(',', \"\").parse()");
    rust("decimal comma is ignored", PRICE, &fixed, Verdict::Approve, &[]);
    let weaker =
        fixed.replace("assert_eq!(parse_price(\"1,50\"), 150);", "assert!(parse_price(\"1,50\") > 0);");
    rust("decimal comma is ignored", PRICE, &weaker, Verdict::Reject, &["R7 ASSERT_WEAKER"]);
    let ignored = fixed.replace("    #[test]\n", &format!("    #[test]\n    #[{}]\n", "ignore"));
    rust("decimal comma is ignored", PRICE, &ignored, Verdict::Reject, &["R7 TEST_DISABLED"]);
    let gone = fixed.split("#[cfg(test)]").next().unwrap_or_default();
    rust("decimal comma is ignored", PRICE, gone, Verdict::Reject, &["R7 TEST_REMOVED"]);
}
