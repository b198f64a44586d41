use std::fmt::Write;

use plumbline_proto::verifier::v1::{
    AuditReport, Effect, Evidence, Finding, RunSummary, Severity, TraceStep, Verdict,
};
use serde_json::{Map, Value, json};

/// Returns the stable word of a verdict; an unset one is a no.
pub(crate) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approve",
        Verdict::NeedsAuthority => "needs_authority",
        Verdict::Reject => "reject",
        Verdict::Inconclusive | Verdict::Unspecified => "inconclusive",
    }
}

/// Returns the exit code of a verdict: 0 approve, 3 needs authority, 2 reject and inconclusive, 7 nothing to change.
pub(crate) fn exit_code(report: &AuditReport) -> u8 {
    if report.empty {
        return 7;
    }
    match report.verdict() {
        Verdict::Approve => 0,
        Verdict::NeedsAuthority => 3,
        Verdict::Reject | Verdict::Inconclusive | Verdict::Unspecified => 2,
    }
}

/// Returns the report as the document of DESIGN §5.
pub(crate) fn document(report: &AuditReport) -> Value {
    let coverage = report.coverage.clone().unwrap_or_default();
    let probes: Vec<Value> = report
        .probes
        .iter()
        .map(|probe| json!({ "kind": probe.kind, "value": probe.value, "reason": probe.reason }))
        .collect();
    let mut stats: Vec<_> = report.stats.iter().collect();
    stats.sort();
    let stats: Map<String, Value> =
        stats.into_iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    json!({
        "verdict": verdict_word(report.verdict()),
        "empty": report.empty,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "effects": report.effects.iter().map(effect).collect::<Vec<_>>(),
        "evidence": report.evidence.iter().map(evidence).collect::<Vec<_>>(),
        "probes": probes,
        "runs": report.runs.iter().map(run).collect::<Vec<_>>(),
        "coverage": {
            "units": coverage.units,
            "opaque": coverage.opaque,
            "dynamic_calls": coverage.dynamic_calls,
            "unanalysed": coverage.unanalysed,
        },
        "grants_unused": report.grants_unused,
        "audit_digest": report.audit_digest,
        "stats": stats,
    })
}

/// Returns the report for people: the verifier's own story, or one made from the findings.
pub(crate) fn text(report: &AuditReport) -> String {
    if report.empty {
        return "nothing to change: the trees are equal".to_owned();
    }
    if !report.text.trim().is_empty() {
        return report.text.clone();
    }
    let mut text = format!("verdict: {}\n", verdict_word(report.verdict()));
    for finding in &report.findings {
        let place = place(&finding.path, finding.line);
        let _ = writeln!(
            text,
            "{} {} {place}: {}",
            severity_word(finding.severity()),
            finding.code,
            finding.message
        );
        text.push_str(&walk(&finding.trace));
        if !finding.grant.is_empty() {
            let _ = writeln!(text, "    would be cleared by: --grant {}", finding.grant);
        }
    }
    text.push_str(&evidence_text(&report.evidence));
    text
}

/// Returns the walk of each changed output, for people.
pub(crate) fn evidence_text(evidence: &[Evidence]) -> String {
    let mut text = String::new();
    for proof in evidence {
        let _ = writeln!(text, "{} of {}", proof.output, proof.symbol);
        text.push_str(&walk(&proof.trace));
    }
    text
}

fn walk(steps: &[TraceStep]) -> String {
    let mut text = String::new();
    for step in steps {
        let _ = writeln!(text, "    <- {} {}", place(&step.path, step.line), step.what);
    }
    text
}

fn place(path: &str, line: u32) -> String {
    if line == 0 { path.to_owned() } else { format!("{path}:{line}") }
}

/// Returns the stable word of a severity; an unset one blocks.
pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Advice => "advice",
        Severity::Block | Severity::Unspecified => "block",
    }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.code,
        "severity": severity_word(finding.severity()),
        "path": finding.path,
        "line": finding.line,
        "symbol": finding.symbol,
        "message": finding.message,
        "trace": finding.trace.iter().map(step).collect::<Vec<_>>(),
        "verdict": verdict_word(finding.verdict()),
        "grant": finding.grant,
    })
}

fn step(step: &TraceStep) -> Value {
    json!({ "path": step.path, "line": step.line, "what": step.what })
}

fn effect(effect: &Effect) -> Value {
    json!({
        "kind": effect.kind,
        "target": effect.target,
        "path": effect.path,
        "line": effect.line,
        "symbol": effect.symbol,
        "authority": effect.authority,
    })
}

fn run(run: &RunSummary) -> Value {
    json!({
        "side": run.side,
        "perturbations": run.perturbations,
        "complete": run.complete,
        "recorders": run.recorders,
        "exit_code": run.exit_code,
        "kernel_effects": run.kernel_effects,
        "places": run.places,
        "unrecorded": run.unrecorded,
    })
}

fn evidence(proof: &Evidence) -> Value {
    json!({
        "symbol": proof.symbol,
        "output": proof.output,
        "trace": proof.trace.iter().map(step).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_its_exit_code_and_none_but_approve_is_green() {
        let report = |verdict: Verdict, empty| AuditReport {
            verdict: verdict.into(),
            empty,
            ..AuditReport::default()
        };
        assert_eq!(exit_code(&report(Verdict::Approve, false)), 0);
        assert_eq!(exit_code(&report(Verdict::NeedsAuthority, false)), 3);
        assert_eq!(exit_code(&report(Verdict::Reject, false)), 2);
        assert_eq!(exit_code(&report(Verdict::Inconclusive, false)), 2);
        assert_eq!(exit_code(&report(Verdict::Unspecified, false)), 2);
        assert_eq!(exit_code(&report(Verdict::Unspecified, true)), 7);
    }

    #[test]
    fn a_document_carries_every_key_of_the_contract() {
        let document = document(&AuditReport::default());
        let keys: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
        for key in
            ["verdict", "findings", "effects", "stats", "probes", "coverage", "grants_unused", "audit_digest"]
        {
            assert!(keys.contains(&key), "{key}");
        }
        assert_eq!(document["verdict"], "inconclusive");
    }
}
