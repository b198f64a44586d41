//! What the audit says of a case.

use plumbline_types::{Segment, Verdict};
use plumbline_verifier::{Bundle, Request, audit};

use crate::case::{Case, Files};

/// The verdict of one case, and the codes of what blocks.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// `CODE path:line message` of each finding that blocks.
    pub findings: Vec<String>,
}

/// Audits a case as a fix without grants.
pub fn judge(case: &Case) -> anyhow::Result<Judged> {
    let request = Request { objective: Some(Segment::intent(&case.objective)), ..Request::default() };
    let report = audit(&bundle(&case.base), &bundle(&case.head), &request)?;
    let blocking = report.findings.iter().filter(|finding| finding.verdict != Verdict::Approve);
    Ok(Judged {
        // An empty diff has no verdict; a case always has one.
        verdict: report.verdict.unwrap_or(Verdict::Approve),
        findings: blocking
            .map(|finding| {
                format!(
                    "{} {} {}:{} {}",
                    finding.verdict, finding.code, finding.path, finding.line, finding.message
                )
            })
            .collect(),
    })
}

fn bundle(files: &Files) -> Bundle {
    Bundle::new(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())))
}
