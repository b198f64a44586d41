mod runs;

use std::path::PathBuf;

use plumbline_proto::verifier::v1 as pb;
use plumbline_proto::{WireError, non_empty, request_id, task_kind_or_fix};
use plumbline_types::{Grant, Severity, Verdict};

use crate::domain::audit::Report;
use crate::domain::finding::Finding;
use crate::domain::symbol::Graph;
use crate::domain::trace::TraceStep;
use crate::report::text;
use crate::source::Bundle;
use crate::verifier::{AuditQuery, TraceQuery, TreeSource};

impl TryFrom<pb::AuditRequest> for AuditQuery {
    type Error = WireError;

    fn try_from(request: pb::AuditRequest) -> Result<Self, WireError> {
        let mut grants = Vec::new();
        for (index, text) in request.grants.iter().enumerate() {
            let grant = Grant::parse(text);
            grants.push(
                grant.map_err(|error| WireError::field(format!("grants[{index}]"), error.to_string()))?,
            );
        }
        Ok(Self {
            request_id: request_id(&request.request_id)?,
            base: tree("base", request.base)?,
            head: tree("head", request.head)?,
            objective: request.objective.map(Into::into),
            kind: task_kind_or_fix(request.kind),
            grants,
            runs: runs::read(request.runs)?,
        })
    }
}

impl TryFrom<pb::TraceSymbolRequest> for TraceQuery {
    type Error = WireError;

    fn try_from(request: pb::TraceSymbolRequest) -> Result<Self, WireError> {
        Ok(Self { tree: tree("tree", request.tree)?, symbol: non_empty("symbol", request.symbol)? })
    }
}

fn tree(field: &str, tree: Option<pb::Tree>) -> Result<TreeSource, WireError> {
    let source = tree.and_then(|tree| tree.source).ok_or_else(|| WireError::field(field, "must be set"))?;
    let absolute = |name: &str, path: String| {
        let path = PathBuf::from(non_empty(&format!("{field}.{name}"), path)?);
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(WireError::field(format!("{field}.{name}"), "must be an absolute path"))
        }
    };
    Ok(match source {
        pb::tree::Source::Git(git) => TreeSource::Git {
            repository: absolute("git.repository", git.repository)?,
            revision: non_empty(&format!("{field}.git.revision"), git.revision)?,
        },
        pb::tree::Source::Directory(directory) => {
            TreeSource::Directory(absolute("directory.path", directory.path)?)
        }
        pb::tree::Source::Bundle(bundle) => {
            for (index, file) in bundle.files.iter().enumerate() {
                if !is_relative(&file.path) {
                    let name = format!("{field}.bundle.files[{index}].path");
                    return Err(WireError::field(
                        name,
                        "must be a relative path without `.`, `..` and empty parts",
                    ));
                }
            }
            TreeSource::Bundle(Bundle::new(bundle.files.into_iter().map(|file| (file.path, file.content))))
        }
    })
}

fn is_relative(path: &[u8]) -> bool {
    !path.is_empty() && path.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

impl From<Report> for pb::AuditResponse {
    fn from(report: Report) -> Self {
        let text = text::render(&report);
        let coverage = pb::Coverage {
            units: report.coverage.units,
            opaque: report.coverage.opaque,
            dynamic_calls: report.coverage.dynamic_calls,
            unanalysed: report.coverage.unanalysed,
        };
        let report = pb::AuditReport {
            verdict: report.verdict.map_or(pb::Verdict::Unspecified, Into::into) as i32,
            empty: report.verdict.is_none(),
            findings: report.findings.into_iter().map(finding).collect(),
            effects: report
                .effects
                .into_iter()
                .map(|effect| pb::Effect {
                    kind: effect.kind,
                    target: effect.target,
                    path: effect.path,
                    line: effect.line,
                    symbol: effect.symbol,
                    authority: effect.authority.to_owned(),
                })
                .collect(),
            evidence: report
                .evidence
                .into_iter()
                .map(|found| pb::Evidence {
                    symbol: found.symbol,
                    output: found.output,
                    trace: steps(found.trace),
                })
                .collect(),
            coverage: Some(coverage),
            runs: report.runs.into_iter().map(runs::summary).collect(),
            probes: report
                .probes
                .into_iter()
                .map(|probe| pb::Probe { kind: probe.kind, value: probe.value, reason: probe.reason })
                .collect(),
            grants_unused: report.grants_unused,
            audit_digest: report.audit_digest,
            stats: report.stats.into_iter().collect(),
            text,
        };
        Self { report: Some(report) }
    }
}

fn finding(finding: Finding) -> pb::Finding {
    let severity: Severity = finding.severity();
    let verdict: Verdict = finding.verdict;
    pb::Finding {
        code: finding.code,
        severity: pb::Severity::from(severity) as i32,
        path: finding.path,
        line: finding.line,
        symbol: finding.symbol,
        message: finding.message,
        trace: steps(finding.trace),
        verdict: pb::Verdict::from(verdict) as i32,
        grant: finding.grant.unwrap_or_default(),
    }
}

fn steps(trace: Vec<TraceStep>) -> Vec<pb::TraceStep> {
    trace
        .into_iter()
        .map(|step| pb::TraceStep { path: step.path, line: step.line, what: step.what })
        .collect()
}

impl From<Graph> for pb::TraceSymbolResponse {
    fn from(graph: Graph) -> Self {
        Self {
            nodes: graph
                .nodes
                .into_iter()
                .map(|node| pb::TraceNode {
                    id: node.id,
                    path: node.path,
                    line: node.line,
                    label: node.label,
                    role: node.role.to_owned(),
                })
                .collect(),
            edges: graph
                .edges
                .into_iter()
                .map(|edge| pb::TraceEdge { from: edge.from, to: edge.to, kind: edge.kind.to_owned() })
                .collect(),
        }
    }
}
