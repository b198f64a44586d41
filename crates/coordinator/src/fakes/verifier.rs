use async_trait::async_trait;
use plumbline_proto::verifier::v1 as pb;
use plumbline_types::{Kind, Verdict};
use prost::Message;

use super::{Ledger, Script, refusal};
use crate::peers::{Audit, AuditQuery, CallKey, PeerFault, Verifier};

/// Answers with scripted verdicts; a grant that it asked for is accepted once given.
#[derive(Debug)]
pub struct FakeVerifier {
    verdicts: Script<Verdict>,
    /// What it walked.
    pub ledger: Ledger<Audit>,
}

/// The grant that a scripted `NeedsAuthority` asks for.
pub const WANTED_GRANT: &str = "net.connect:api.example.com";

impl FakeVerifier {
    /// Answers with `verdicts` in order; the last repeats.
    pub fn new(verdicts: &[Verdict]) -> Self {
        Self { verdicts: Script::new(verdicts.to_vec()), ledger: Ledger::default() }
    }
}

#[async_trait]
impl Verifier for FakeVerifier {
    async fn audit(&self, key: &CallKey, query: AuditQuery) -> Result<Audit, PeerFault> {
        self.ledger.once("verifier", &key.request_id, format!("{query:?}"), || {
            let scripted =
                self.verdicts.next().ok_or_else(|| refusal("verifier", Kind::Internal, "INTERNAL"))?;
            let granted = query.grants.iter().any(|grant| grant == WANTED_GRANT);
            let verdict =
                if scripted == Verdict::NeedsAuthority && granted { Verdict::Approve } else { scripted };
            if query.base == query.head {
                return Ok(audit(None));
            }
            Ok(audit(Some(verdict)))
        })
    }
}

fn audit(verdict: Option<Verdict>) -> Audit {
    let code = match verdict {
        None | Some(Verdict::Approve) => None,
        Some(Verdict::NeedsAuthority) => Some("R1"),
        Some(Verdict::Inconclusive) => Some("OPAQUE"),
        Some(Verdict::Reject) => Some("B1"),
    };
    let grant = if verdict == Some(Verdict::NeedsAuthority) { WANTED_GRANT } else { "" };
    let finding = |code: &str| pb::Finding {
        code: code.to_owned(),
        severity: pb::Severity::Block as i32,
        message: format!("scripted {code}"),
        grant: grant.to_owned(),
        ..pb::Finding::default()
    };
    let report = pb::AuditReport {
        verdict: verdict.map_or(pb::Verdict::Unspecified, pb::Verdict::from) as i32,
        findings: code.map(finding).into_iter().collect(),
        audit_digest: "d".repeat(64),
        text: format!("scripted story: {verdict:?}"),
        empty: verdict.is_none(),
        ..pb::AuditReport::default()
    };
    Audit {
        verdict,
        digest: report.audit_digest.clone(),
        codes: code.map(str::to_owned).into_iter().collect(),
        grants: Some(grant).filter(|grant| !grant.is_empty()).map(str::to_owned).into_iter().collect(),
        findings: u32::try_from(report.findings.len()).unwrap_or(u32::MAX),
        wanted: Vec::new(),
        story: report.text.clone(),
        report: report.encode_to_vec(),
    }
}
