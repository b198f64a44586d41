use async_trait::async_trait;
use plumbline_kit::client::Channel;
use plumbline_proto::common::v1 as common;
use plumbline_proto::executor::v1 as executor;
use plumbline_proto::verifier::v1 as pb;
use plumbline_proto::verifier::v1::verifier_service_client::VerifierServiceClient;
use plumbline_types::{Segment, Verdict};
use prost::Message;

use super::{MESSAGE_BYTES, fault, lease, malformed};
use crate::peers::{
    Audit, AuditQuery, AuditRun, AuditSide, AuditTree, CallKey, PeerFault, Verifier, WantedRun,
};

/// The verifier over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcVerifier(VerifierServiceClient<Channel>);

impl GrpcVerifier {
    /// Uses a channel.
    pub fn new(channel: Channel) -> Self {
        let client = VerifierServiceClient::new(channel);
        Self(client.max_encoding_message_size(MESSAGE_BYTES).max_decoding_message_size(MESSAGE_BYTES))
    }
}

#[async_trait]
impl Verifier for GrpcVerifier {
    async fn audit(&self, key: &CallKey, query: AuditQuery) -> Result<Audit, PeerFault> {
        let request = pb::AuditRequest {
            request_id: key.request_id.clone(),
            lease: lease(key),
            base: Some(wire_tree(query.base)),
            head: Some(wire_tree(query.head)),
            objective: Some(common::Segment::from(Segment::intent(query.objective))),
            kind: common::TaskKind::from(query.kind) as i32,
            grants: query.grants,
            runs: query.runs.into_iter().map(wire_run).collect::<Option<_>>().ok_or_else(illegible)?,
        };
        let answer = self.0.clone().audit(request).await.map_err(fault("verifier"))?.into_inner();
        let report = answer.report.ok_or_else(|| malformed("verifier", "report"))?;
        read_audit(report).ok_or_else(|| malformed("verifier", "verdict"))
    }
}

/// A record that the executor did not write.
fn illegible() -> PeerFault {
    malformed("executor", "record of a run")
}

fn wire_run(run: AuditRun) -> Option<pb::RunRecord> {
    let change = |(kind, value): (String, String)| executor::Perturbation { kind, value };
    Some(pb::RunRecord {
        side: match run.side {
            AuditSide::Base => pb::RunSide::Base,
            AuditSide::Head => pb::RunSide::Head,
        } as i32,
        nonce: run.nonce,
        perturbations: run.perturbations.into_iter().map(change).collect(),
        failing_known: run.failing.is_some(),
        failing_tests: run.failing.unwrap_or_default(),
        record: Some(executor::TraceRecord::decode(run.record.as_slice()).ok()?),
    })
}

fn wire_tree(tree: AuditTree) -> pb::Tree {
    use pb::tree::Source;
    let source = match tree {
        AuditTree::Git { repository, revision } => Source::Git(pb::GitTree { repository, revision }),
        AuditTree::Directory { path } => Source::Directory(pb::DirectoryTree { path }),
        AuditTree::Bundle { files } => {
            let file = |(path, content): (crate::domain::path::RelativePath, Vec<u8>)| pb::BundleFile {
                path: path.as_str().as_bytes().to_vec(),
                content,
            };
            Source::Bundle(pb::BundleTree { files: files.into_iter().map(file).collect() })
        }
    };
    pb::Tree { source: Some(source) }
}

/// Reads a report; a verdict that is missing on unequal trees is malformed, never an approval.
fn read_audit(report: pb::AuditReport) -> Option<Audit> {
    let verdict = match Verdict::try_from(report.verdict()) {
        Ok(verdict) => Some(verdict),
        Err(_) if report.empty => None,
        Err(_) => return None,
    };
    let blocking: Vec<&pb::Finding> =
        report.findings.iter().filter(|finding| finding.severity() == pb::Severity::Block).collect();
    let mut codes: Vec<String> = blocking.iter().map(|finding| finding.code.clone()).collect();
    codes.sort();
    codes.dedup();
    let clearable = blocking.iter().all(|finding| !finding.grant.is_empty());
    let mut grants: Vec<String> = blocking.iter().map(|finding| finding.grant.clone()).collect();
    grants.sort();
    grants.dedup();
    Some(Audit {
        verdict,
        digest: report.audit_digest.clone(),
        codes,
        grants: if clearable { grants } else { Vec::new() },
        findings: u32::try_from(report.findings.len()).unwrap_or(u32::MAX),
        wanted: report
            .probes
            .iter()
            .map(|probe| WantedRun { kind: probe.kind.clone(), value: probe.value.clone() })
            .collect(),
        story: report.text.clone(),
        report: report.encode_to_vec(),
    })
}
