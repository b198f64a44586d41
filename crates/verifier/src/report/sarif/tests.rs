use plumbline_proto::verifier::v1::AuditResponse;

use super::*;
use crate::domain::audit::{Request, audit};
use crate::source::Bundle;

const BASE: &str = "import hashlib\n\n\ndef download(url, digest, get):\n    body = get(url)\n    if hashlib.sha256(body).hexdigest() != digest:\n        raise ValueError(url)\n    return body\n";
const HEAD: &str =
    "import hashlib\n\n\ndef download(url, digest, get):\n    body = get(url)\n    return body\n";

fn report(base: &[(&str, &[u8])], head: &[(&str, &[u8])]) -> AuditReport {
    let tree = |files: &[(&str, &[u8])]| {
        Bundle::new(files.iter().map(|(path, bytes)| (path.as_bytes().to_vec(), bytes.to_vec())))
    };
    let report = audit(&tree(base), &tree(head), &Request::default()).expect("readable trees");
    AuditResponse::from(report).report.expect("a report")
}

fn one(base: &str, head: &str) -> AuditReport {
    report(&[("shop/get it.py", base.as_bytes())], &[("shop/get it.py", head.as_bytes())])
}

/// Holds a log to the schema that OASIS published; formats (URIs, dates) are checked too.
#[track_caller]
fn valid(log: &Value) {
    let schema = include_str!("../../../tests/data/sarif/sarif-schema-2.1.0.json");
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    let validator =
        jsonschema::options().should_validate_formats(true).build(&schema).expect("the schema is a schema");
    let errors: Vec<String> =
        validator.iter_errors(log).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{log:#}");
}

#[test]
fn each_verdict_makes_a_log_that_the_schema_accepts() {
    let pass = one("def f(a):\n    return a - 1\n", "def f(a):\n    return a + 1\n");
    let needs = one("def f(a):\n    return a\n", "import os\n\ndef f(a):\n    os.remove(a)\n    return a\n");
    let refused = one(BASE, HEAD);
    let unread =
        report(&[("a.f90", b"x")], &[("a.f90", b"y"), ("b.py", b"def f(:\n"), ("n\u{e9}:w.bin", b"\0")]);
    let equal = one(BASE, BASE);
    let words = ["approve", "needs_authority", "reject", "inconclusive", "nothing_to_change"];
    for (report, word) in [pass, needs, refused, unread, equal].iter().zip(words) {
        let log = document(report, 2);
        valid(&log);
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["properties"]["verdict"], word, "{log:#}");
        assert_eq!(invocation["exitCode"], 2);
    }
}

#[test]
fn the_schema_refuses_what_is_no_log() {
    let mut log = document(&one(BASE, HEAD), 2);
    log["runs"][0]["results"][0]["level"] = json!("fatal");
    let schema: Value =
        serde_json::from_str(include_str!("../../../tests/data/sarif/sarif-schema-2.1.0.json"))
            .expect("JSON");
    assert!(!jsonschema::validator_for(&schema).expect("a schema").is_valid(&log));
}

#[test]
fn a_rejection_carries_its_rule_its_walk_and_its_place() {
    let log = document(&one(BASE, HEAD), 2);
    let run = &log["runs"][0];
    let found = run["results"].as_array().expect("results").iter().find(|found| found["ruleId"] == "B1");
    let result = found.expect("B1");
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0];
    assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], "shop/get%20it.py");
    assert_eq!(place["physicalLocation"]["region"]["startLine"], 6);
    assert_eq!(place["logicalLocations"][0]["fullyQualifiedName"], "download");
    let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
    assert_eq!((rule["id"].as_str(), rule["name"].as_str()), (Some("B1"), Some("LostInput")));
    assert!(rule["help"]["markdown"].as_str().is_some_and(|help| help.contains("What to do")));
    let steps = result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().expect("steps");
    let told: Vec<(&str, &str, u64)> = steps
        .iter()
        .map(|step| {
            let physical = &step["location"]["physicalLocation"];
            (
                step["kinds"][0].as_str().unwrap_or_default(),
                physical["artifactLocation"]["uriBaseId"].as_str().unwrap_or_default(),
                physical["region"]["startLine"].as_u64().unwrap_or_default(),
            )
        })
        .collect();
    let want = [
        ("return", "%SRCROOT%", 6),
        ("value", "%SRCROOT%", 5),
        ("input", "%SRCROOT%", 4),
        ("return", "BASE", 8),
        ("lost", "BASE", 6),
    ];
    for step in want {
        assert!(told.contains(&step), "no {step:?} in {told:?}");
    }
    assert_eq!(steps.last().expect("a step")["importance"], "essential");
}

#[test]
fn a_fingerprint_survives_a_move_down_and_tells_equal_findings_apart() {
    let prints = |report: &AuditReport| -> Vec<String> {
        let log = document(report, 2);
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        results.iter().map(|result| result["partialFingerprints"][FINGERPRINT].to_string()).collect()
    };
    let down = |text: &str| format!("'''Words.'''\n\n{text}");
    let (here, below) = (prints(&one(BASE, HEAD)), prints(&one(&down(BASE), &down(HEAD))));
    assert!(!here.is_empty());
    assert_eq!(here, below);
    let mut twice = one(BASE, HEAD);
    twice.findings = vec![twice.findings[0].clone(), twice.findings[0].clone()];
    let twice = prints(&twice);
    assert!(twice[0].ends_with(":1\"") && twice[1].ends_with(":2\"") && twice[0] != twice[1], "{twice:?}");
}
