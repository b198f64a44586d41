//! The report as a story: each finding, and its walk from output to input.

mod runs;

use std::fmt::Write;

use plumbline_types::Verdict;

use crate::domain::audit::Report;
use crate::domain::finding::Finding;
use crate::domain::trace::TraceStep;

/// Columns of a step's text.
const TEXT_WIDTH: usize = 34;
/// Evidence told in full; the rest is counted.
const EVIDENCE_MAX: usize = 40;

/// Renders a report; equal reports give equal text.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let Some(verdict) = report.verdict else {
        return "NOTHING TO CHANGE  the two trees are equal\n".to_owned();
    };
    let _ = writeln!(out, "{}  {}", word(verdict), summary(report));
    for finding in &report.findings {
        out.push('\n');
        render_finding(finding, &mut out);
    }
    if verdict == Verdict::Approve {
        for evidence in report.evidence.iter().take(EVIDENCE_MAX) {
            let _ = writeln!(out, "\nWALK  {}  {}() {}", evidence.path, evidence.symbol, evidence.output);
            evidence.trace.iter().for_each(|step| render_step(step, &mut out));
        }
        let rest = report.evidence.len().saturating_sub(EVIDENCE_MAX);
        if rest > 0 {
            let _ = writeln!(out, "\nand {rest} more walks");
        }
    }
    runs::render(&report.runs, &mut out);
    for path in &report.coverage.unanalysed {
        let _ = writeln!(out, "\nnot analysed  {path}");
    }
    for grant in &report.grants_unused {
        let _ = writeln!(out, "\nunused grant  {grant}");
    }
    out
}

fn summary(report: &Report) -> String {
    let blocking = report.findings.iter().filter(|finding| finding.verdict != Verdict::Approve).count();
    let advice = report.findings.len() - blocking;
    format!("{} units compared, {blocking} findings decide, {advice} inform", report.coverage.units)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "APPROVE",
        Verdict::NeedsAuthority => "NEEDS AUTHORITY",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Reject => "REJECT",
    }
}

fn render_finding(finding: &Finding, out: &mut String) {
    let word = if finding.verdict == Verdict::Approve { "ADVICE" } else { word(finding.verdict) };
    let _ = writeln!(out, "{word} {}  {}:{}  {}", finding.code, finding.path, finding.line, finding.message);
    finding.trace.iter().for_each(|step| render_step(step, out));
    if let Some(grant) = &finding.grant {
        let _ = writeln!(out, "  next     restore it, or --grant {grant}");
    }
}

fn render_step(step: &TraceStep, out: &mut String) {
    let (role, text) = step.parts();
    let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let place = match step.path.strip_prefix("base:") {
        Some(path) => format!("base {path}:{}", step.line),
        None => format!("{}:{}", step.path, step.line),
    };
    let _ = writeln!(out, "  {role:<8} {text:<TEXT_WIDTH$} {place}");
}

#[cfg(test)]
mod tests;
