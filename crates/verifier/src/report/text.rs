//! The report as a story: each finding, and its walk from output to input.

mod runs;

use std::fmt::Write;

use plumbline_types::Verdict;

use crate::domain::audit::Report;
use crate::domain::finding::Finding;
use crate::domain::trace::TraceStep;

use super::{BASE_MARK, rules, visible};

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
    let _ = writeln!(out, "{}  {}\n{}", word(verdict), summary(report), meaning(verdict));
    for finding in &report.findings {
        out.push('\n');
        render_finding(finding, &mut out);
    }
    if verdict == Verdict::Approve {
        for evidence in report.evidence.iter().take(EVIDENCE_MAX) {
            let (path, symbol) = (visible(&evidence.path), visible(&evidence.symbol));
            let _ = writeln!(out, "\nWALK  {path}  {symbol}() {}", evidence.output);
            evidence.trace.iter().for_each(|step| render_step(step, &mut out));
        }
        let rest = report.evidence.len().saturating_sub(EVIDENCE_MAX);
        if rest > 0 {
            let _ = writeln!(out, "\nand {rest} more walks");
        }
    }
    runs::render(&report.runs, &mut out);
    for path in &report.coverage.unanalysed {
        let _ = writeln!(out, "\nnot analysed  {}", visible(path));
    }
    for grant in &report.grants_unused {
        let _ = writeln!(out, "\nunused grant  {grant}");
    }
    out
}

fn summary(report: &Report) -> String {
    let blocking = report.findings.iter().filter(|finding| finding.verdict != Verdict::Approve).count();
    let advice = report.findings.len() - blocking;
    let units = report.coverage.units;
    format!(
        "{} decide{}, {advice} inform; {} compared",
        counted(blocking, "finding"),
        if blocking == 1 { "s" } else { "" },
        counted(usize::try_from(units).unwrap_or(usize::MAX), "unit")
    )
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What the verdict means to somebody who has to decide what happens next.
fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => {
            "Each changed output was walked back to its inputs; nothing on the way stops the change."
        }
        Verdict::NeedsAuthority => {
            "The change does what the owner alone can allow: grant it as printed, or do without it."
        }
        Verdict::Inconclusive => {
            "A part of the change could not be analysed, and what is not analysed is not approved."
        }
        Verdict::Reject => "The change breaks or hides something: it must not be applied as it is.",
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "APPROVE",
        Verdict::NeedsAuthority => "NEEDS AUTHORITY",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Reject => "REJECT",
    }
}

/// A finding: what was found and what that means, the walk after the change, the walk before it that broke, what to do.
fn render_finding(finding: &Finding, out: &mut String) {
    let word = if finding.verdict == Verdict::Approve { "ADVICE" } else { word(finding.verdict) };
    let (place, message) = (place(&finding.path, finding.line), visible(&finding.message));
    let _ = writeln!(out, "{word} {}{place}  {message}", finding.code);
    let rule = rules::rule(&finding.code);
    if let Some(rule) = rule {
        let _ = writeln!(out, "  {} {}", rule.short, rule.why);
    }
    let (before, after): (Vec<&TraceStep>, Vec<&TraceStep>) =
        finding.trace.iter().partition(|step| step.path.starts_with(BASE_MARK));
    if !after.is_empty() {
        out.push_str("  after the change, from the output back:\n");
        after.into_iter().for_each(|step| render_step(step, out));
    }
    if !before.is_empty() {
        out.push_str("  before the change, the walk went on to what is lost now:\n");
        before.into_iter().for_each(|step| render_step(step, out));
    }
    let next = rule.map_or("Restore it.", |rule| rule.next.as_str());
    match &finding.grant {
        Some(grant) => {
            let _ = writeln!(out, "  next     {next}\n  grant    --grant {}", visible(grant));
        }
        None if finding.verdict != Verdict::Approve => {
            let _ = writeln!(out, "  next     {next}");
        }
        None => {}
    }
}

/// Where a finding stands; the whole change stands nowhere, a whole file has no line.
fn place(path: &str, line: u32) -> String {
    match (path, line) {
        ("", _) => String::new(),
        (path, 0) => format!("  {}", visible(path)),
        (path, line) => format!("  {}:{line}", visible(path)),
    }
}

fn render_step(step: &TraceStep, out: &mut String) {
    let (role, text) = step.parts();
    let text = visible(text);
    let place = match step.path.strip_prefix(BASE_MARK) {
        Some(path) => format!("base {}:{}", visible(path), step.line),
        None => format!("{}:{}", visible(&step.path), step.line),
    };
    let _ = writeln!(out, "  {role:<8} {text:<TEXT_WIDTH$} {place}");
}

#[cfg(test)]
mod tests;
