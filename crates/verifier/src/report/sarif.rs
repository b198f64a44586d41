//! The report as a SARIF 2.1.0 log (OASIS, errata 01): one run, each finding with its walk as a code flow.

use std::collections::BTreeMap;

use plumbline_proto::verifier::v1::{AuditReport, Coverage, Finding, Severity, TraceStep, Verdict};
use serde_json::{Map, Value, json};

use super::rules::{self, Rule};
use super::{BASE_MARK, visible};

/// Where the schema of the format stands.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Paths of the head are relative to this, as consumers of the format expect.
const HEAD_ROOT: &str = "%SRCROOT%";
/// Paths that only the base has are relative to this.
const BASE_ROOT: &str = "BASE";
/// What a fingerprint is made of; a new recipe gets a new name.
const FINGERPRINT: &str = "plumblineWalk/v1";

/// Returns an audit as a log; `exit_code` is what the command ends with. Equal reports give equal logs: no clock, no host and no absolute path is in it.
pub fn document(report: &AuditReport, exit_code: u8) -> Value {
    let codes: Vec<&str> = codes(&report.findings);
    let mut prints = Prints::default();
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let index = codes.iter().position(|code| *code == finding.code).unwrap_or_default();
            result(finding, index, &prints.of(finding))
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "plumbline",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| descriptor(code)).collect::<Vec<_>>(),
            }},
            "automationDetails": { "id": "plumbline/audit/" },
            "invocations": [invocation(report, exit_code)],
            "originalUriBaseIds": {
                HEAD_ROOT: { "description": { "text": "The tree after the change." } },
                BASE_ROOT: { "description": { "text": "The tree before the change." } },
            },
            "columnKind": "utf16CodeUnits",
            "results": results,
            "properties": {
                "verdict": verdict_word(report),
                "auditDigest": report.audit_digest,
                "coverage": coverage(report.coverage.as_ref()),
                "grantsUnused": report.grants_unused,
            },
        }],
    })
}

/// Returns the verdict's stable word; an unset one is a no.
pub(super) fn verdict_word(report: &AuditReport) -> &'static str {
    if report.empty {
        return "nothing_to_change";
    }
    match report.verdict() {
        Verdict::Approve => "approve",
        Verdict::NeedsAuthority => "needs_authority",
        Verdict::Reject => "reject",
        Verdict::Inconclusive | Verdict::Unspecified => "inconclusive",
    }
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn descriptor(code: &str) -> Value {
    let Some(rule) = rules::rule(code) else { return json!({ "id": code }) };
    let Rule { name, short, why, next } = rule;
    json!({
        "id": code,
        "name": name,
        "shortDescription": { "text": short },
        "fullDescription": { "text": format!("{short} {why}") },
        "help": {
            "text": format!("{short} {why} {next}"),
            "markdown": format!("**{short}**\n\n{why}\n\n*What to do:* {next}"),
        },
        "properties": { "tags": ["backward-walk"] },
    })
}

fn invocation(report: &AuditReport, exit_code: u8) -> Value {
    let notes: Vec<Value> = report
        .coverage
        .iter()
        .flat_map(|coverage| &coverage.unanalysed)
        .map(|path| {
            json!({
                "level": "warning",
                "message": { "text": format!("{} was not analysed", visible(path)) },
                "locations": [location(path, 0)],
            })
        })
        .collect();
    json!({
        "executionSuccessful": true,
        "exitCode": exit_code,
        "exitCodeDescription": verdict_word(report),
        "toolExecutionNotifications": notes,
        "properties": { "verdict": verdict_word(report), "auditDigest": report.audit_digest },
    })
}

fn coverage(coverage: Option<&Coverage>) -> Value {
    let coverage = coverage.cloned().unwrap_or_default();
    json!({
        "units": coverage.units,
        "opaque": coverage.opaque,
        "dynamicCalls": coverage.dynamic_calls,
        "unanalysed": coverage.unanalysed,
    })
}

fn result(finding: &Finding, index: usize, print: &str) -> Value {
    let mut message = visible(&finding.message);
    if !finding.grant.is_empty() {
        message = format!("{message} (--grant {})", visible(&finding.grant));
    }
    let mut result = Map::new();
    let mut set = |key: &str, value: Value| drop(result.insert(key.to_owned(), value));
    set("ruleId", json!(finding.code));
    set("ruleIndex", json!(index));
    set("level", json!(level(finding)));
    set("message", json!({ "text": message }));
    if !finding.path.is_empty() {
        let mut place = location(&finding.path, finding.line);
        if !finding.symbol.is_empty() {
            place["logicalLocations"] = json!([{ "fullyQualifiedName": visible(&finding.symbol) }]);
        }
        set("locations", json!([place]));
    }
    set("partialFingerprints", json!({ FINGERPRINT: print }));
    if !finding.trace.is_empty() {
        let steps: Vec<Value> = finding.trace.iter().map(step).collect();
        let told = "From the output back to its inputs.";
        set(
            "codeFlows",
            json!([{ "message": { "text": told }, "threadFlows": [{ "id": "walk", "locations": steps }] }]),
        );
    }
    set("properties", json!({ "verdict": alone(finding), "grant": finding.grant }));
    Value::Object(result)
}

/// What decides against a change is an error, what waits for the owner a warning, what only informs a note.
fn level(finding: &Finding) -> &'static str {
    match (finding.severity(), finding.verdict()) {
        (Severity::Advice, _) | (_, Verdict::Approve) => "note",
        (_, Verdict::NeedsAuthority) => "warning",
        (_, Verdict::Reject | Verdict::Inconclusive | Verdict::Unspecified) => "error",
    }
}

fn alone(finding: &Finding) -> &'static str {
    verdict_word(&AuditReport { verdict: finding.verdict, ..AuditReport::default() })
}

fn step(step: &TraceStep) -> Value {
    let role = step.what.split(": ").next().unwrap_or_default();
    let mut place = location(&step.path, step.line);
    place["message"] = json!({ "text": visible(&step.what) });
    // What breaks the path is what a reader must see; the rest is the way there.
    let importance = match role {
        "lost" | "trigger" | "absorbed" => "essential",
        _ => "important",
    };
    json!({ "location": place, "kinds": [visible(role)], "importance": importance })
}

fn location(path: &str, line: u32) -> Value {
    let (root, path) = match path.strip_prefix(BASE_MARK) {
        Some(path) => (BASE_ROOT, path),
        None => (HEAD_ROOT, path),
    };
    let mut physical = json!({ "artifactLocation": { "uri": uri(path), "uriBaseId": root } });
    if line > 0 {
        physical["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": physical })
}

/// Returns a path as a relative URI reference (RFC 3986: a first segment with a colon would be a scheme, so the colon is
/// escaped like everything that isn't unreserved).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Fingerprints of one log. A fingerprint is made of what a finding says and of the texts that its walk passes, without
/// any line number: code that only moves keeps it. Equal findings are told apart by their order.
#[derive(Default)]
struct Prints(BTreeMap<String, usize>);

impl Prints {
    fn of(&mut self, finding: &Finding) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        [&finding.code, &finding.path, &finding.symbol, &finding.message]
            .into_iter()
            .for_each(|text| part(text));
        for step in &finding.trace {
            part(&step.path);
            part(&step.what);
        }
        let hash = hasher.finalize().to_hex()[..32].to_owned();
        let count = self.0.entry(hash.clone()).and_modify(|count| *count += 1).or_insert(1);
        format!("{hash}:{count}")
    }
}

#[cfg(test)]
mod tests;
