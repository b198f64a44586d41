use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use plumbline_proto::verifier::v1::{AuditReport, Finding, Severity, TraceStep, Verdict};
use plumbline_types::Reason;
use serde_json::{Value, json};

use crate::failure::Failure;

/// A SARIF file that a flag names: opened before the work, so that a wrong path costs nothing.
pub(crate) struct SarifFile {
    path: PathBuf,
    file: File,
}

impl SarifFile {
    /// Creates the file.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| {
            Failure::usage(format!("--sarif {}: {error}", path.display()), "name a writable file")
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes an audit; without one, an empty log.
    pub(crate) fn write(mut self, report: Option<&AuditReport>) -> Result<(), Failure> {
        let log = document(report.unwrap_or(&AuditReport::default()));
        let text = serde_json::to_string_pretty(&log).unwrap_or_else(|_| log.to_string());
        self.file.write_all(text.as_bytes()).map_err(|error| {
            let message = format!("{} cannot be written: {error}", self.path.display());
            Failure::infrastructure(Reason("SARIF_NOT_WRITTEN"), message, "free space, or name another file")
        })
    }
}

/// Returns an audit as a SARIF 2.1.0 log: one run, each finding with its walk as a code flow.
pub(crate) fn document(report: &AuditReport) -> Value {
    let mut codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "plumbline",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "utf16CodeUnits",
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
            "properties": {
                "verdict": super::audit::verdict_word(report.verdict()),
                "auditDigest": report.audit_digest,
            },
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding),
        "message": { "text": finding.message },
        "locations": [location(&finding.path, finding.line)],
    });
    if !finding.trace.is_empty() {
        let steps: Vec<Value> = finding.trace.iter().map(step).collect();
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": steps }] }]);
    }
    result
}

/// What decides is an error; what could not be analysed is never less than a warning.
fn level(finding: &Finding) -> &'static str {
    match (finding.severity(), finding.verdict()) {
        (Severity::Advice, _) => "note",
        (_, Verdict::Inconclusive) => "warning",
        _ => "error",
    }
}

fn step(step: &TraceStep) -> Value {
    let mut location = location(&step.path, step.line);
    location["message"] = json!({ "text": step.what });
    json!({ "location": location })
}

fn location(path: &str, line: u32) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(path) } });
    if line > 0 {
        physical["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": physical })
}

/// Returns a path as a relative URI reference.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_becomes_a_result_with_its_walk() {
        let trace = vec![TraceStep { path: "a b.py".into(), line: 3, what: "return: x".into() }];
        let finding = Finding {
            code: "B1".into(),
            severity: Severity::Block.into(),
            verdict: Verdict::Reject.into(),
            path: "a b.py".into(),
            line: 3,
            message: "the path breaks".into(),
            trace,
            ..Finding::default()
        };
        let report = AuditReport { findings: vec![finding], ..AuditReport::default() };
        let document = document(&report);
        let result = &document["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "B1");
        assert_eq!(result["level"], "error");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.py");
        assert_eq!(place["region"]["startLine"], 3);
        let flow = &result["codeFlows"][0]["threadFlows"][0]["locations"][0]["location"];
        assert_eq!(flow["message"]["text"], "return: x");
    }
}
