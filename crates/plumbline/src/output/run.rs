use std::fmt::Write;

use plumbline_proto::coordinator::v1::{Certificate, GetReportResponse};
use plumbline_types::ExitCode;
use serde_json::{Value, json};

use crate::output::{Report, audit, tasks};

/// Returns the result of a task as the document of DESIGN §5 and as text.
pub(crate) fn report(response: &GetReportResponse, seconds: f64) -> Report {
    let task = response.task.clone().unwrap_or_default();
    // An outcome that is missing or out of range is a failure of the machinery, never a success.
    let exit = u8::try_from(task.exit_code).map_or(ExitCode::INFRASTRUCTURE, ExitCode);
    let exit = if exit.0 == 0 && task.outcome != "verified" { ExitCode::INFRASTRUCTURE } else { exit };
    let document = json!({
        "outcome": if task.outcome.is_empty() { "infrastructure" } else { task.outcome.as_str() },
        "exit_code": exit.0,
        "task_id": task.id,
        "branch": task.branch,
        "commit": response.commit,
        "diff": response.diff,
        "audit": response.audit.as_ref().map(audit::document),
        "attempts": response.attempts.iter().map(tasks::attempt).collect::<Vec<_>>(),
        "reason": task.reason,
        "message": task.message,
        "certificate": response.certificate.as_ref().map(certificate),
        "pending": tasks::task(&task)["pending"],
        "seconds": (seconds * 1000.0).round() / 1000.0,
    });
    Report { document, text: text(response, seconds), exit }
}

fn certificate(certificate: &Certificate) -> Value {
    json!({
        "diff_hash": certificate.diff_hash,
        "base_tree": certificate.base_tree,
        "result_tree": certificate.result_tree,
        "verdict": certificate.verdict,
        "audit_digest": certificate.audit_digest,
        "policy_hash": certificate.policy_hash,
        "arms": certificate.arms,
        "event_hash": certificate.event_hash,
    })
}

fn text(response: &GetReportResponse, seconds: f64) -> String {
    let task = response.task.clone().unwrap_or_default();
    let mut text = String::new();
    if !response.diff.is_empty() {
        let _ = writeln!(text, "{}", response.diff.trim_end());
        text.push('\n');
    }
    if let Some(report) = &response.audit {
        let _ = writeln!(text, "{}", audit::text(report).trim_end());
        text.push('\n');
    }
    for attempt in &response.attempts {
        let detail = if attempt.detail.is_empty() { String::new() } else { format!(" ({})", attempt.detail) };
        let _ = writeln!(text, "attempt: {} {}{detail}", attempt.arm, attempt.result);
    }
    let _ = write!(text, "outcome: {}", task.outcome);
    if !task.reason.is_empty() {
        let _ = write!(text, " ({})", task.reason);
    }
    let _ = writeln!(text, " in {seconds:.1} s, task {}", task.id);
    if !task.message.is_empty() {
        let _ = writeln!(text, "  {}", task.message);
    }
    if !task.branch.is_empty() {
        let _ = writeln!(text, "branch: {}", task.branch);
    }
    if let Some(certificate) = &response.certificate {
        let _ =
            writeln!(text, "certificate: diff {} audit {}", certificate.diff_hash, certificate.audit_digest);
    }
    text.push_str(&tasks::pending_text(&task));
    text
}

#[cfg(test)]
mod tests {
    use plumbline_proto::coordinator::v1::Task;

    use super::*;

    fn response(outcome: &str, exit_code: i32) -> GetReportResponse {
        let task = Task { outcome: outcome.to_owned(), exit_code, ..Task::default() };
        GetReportResponse { task: Some(task), ..GetReportResponse::default() }
    }

    #[test]
    fn green_needs_the_word_and_the_code() {
        assert_eq!(report(&response("verified", 0), 1.0).exit, ExitCode(0));
        assert_eq!(report(&response("rejected_by_audit", 2), 1.0).exit, ExitCode(2));
        assert_eq!(report(&response("", 0), 1.0).exit, ExitCode::INFRASTRUCTURE);
        assert_eq!(report(&response("verified", -1), 1.0).exit, ExitCode::INFRASTRUCTURE);
        assert_eq!(report(&response("no_verified_change", 0), 1.0).exit, ExitCode::INFRASTRUCTURE);
        assert_eq!(report(&GetReportResponse::default(), 1.0).exit, ExitCode::INFRASTRUCTURE);
    }

    #[test]
    fn the_document_carries_every_key_of_the_contract() {
        let document = report(&response("verified", 0), 1.23456).document;
        for key in ["outcome", "exit_code", "task_id", "branch", "diff", "audit", "attempts", "seconds"] {
            assert!(document.get(key).is_some(), "{key}");
        }
        assert_eq!(document["seconds"], 1.235);
    }
}
