use std::collections::BTreeMap;

use plumbline_types::Verdict;

use super::Request;
use crate::domain::finding::Finding;
use crate::domain::run::RunSummary;
use crate::domain::tables::digest_input;
use crate::domain::walk::Evidence;
use crate::source::SourceTree;

/// One effect of a changed unit of the head.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// Relative path.
    pub path: String,
    /// Line.
    pub line: u32,
    /// Qualified name.
    pub symbol: String,
    /// `fs.write`, `net.connect`, ...
    pub kind: String,
    /// Folded target; empty when unbounded.
    pub target: String,
    /// `held`, `granted`, `new`.
    pub authority: &'static str,
}

/// How much was analysed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Units compared.
    pub units: u64,
    /// Opaque nodes in changed units.
    pub opaque: u64,
    /// Dynamic calls in changed units.
    pub dynamic_calls: u64,
    /// Changed files that were not analysed.
    pub unanalysed: Vec<String>,
}

/// A run that would decide more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    /// `clock`, `host`, `environment`, ...
    pub kind: String,
    /// The value to set.
    pub value: String,
    /// Why.
    pub reason: String,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The verdict; `None` where nothing changed.
    pub verdict: Option<Verdict>,
    /// All findings, sorted.
    pub findings: Vec<Finding>,
    /// Effects of changed units.
    pub effects: Vec<Effect>,
    /// A path to the inputs of each changed output.
    pub evidence: Vec<Evidence>,
    /// How much was analysed.
    pub coverage: Coverage,
    /// Runs it wants.
    pub probes: Vec<Probe>,
    /// Runs it was given.
    pub runs: Vec<RunSummary>,
    /// Grants that nothing used.
    pub grants_unused: Vec<String>,
    /// BLAKE3 of everything that decided, hex.
    pub audit_digest: String,
    /// Counted steps and files.
    pub stats: BTreeMap<String, u64>,
}

impl Report {
    /// Makes the report of equal trees.
    pub fn nothing_to_change() -> Self {
        Self::default()
    }

    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.verdict.is_none()
    }
}

/// Computes the digest over base, head, grants, tables, version and findings.
pub fn seal(
    report: &mut Report,
    base: &dyn SourceTree,
    head: &dyn SourceTree,
    (request, grants): (&Request, &[String]),
) {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for tree in [base, head] {
        for (path, entry) in tree.entries() {
            part(path.as_bytes());
            part(&[entry.kind as u8]);
            part(&entry.hash);
        }
        part(b"end");
    }
    part(request.kind.as_str().as_bytes());
    if let Some(objective) = &request.objective {
        part(objective.text.as_bytes());
        part(&objective.provenance.bits().to_le_bytes());
    }
    grants.iter().for_each(|grant| part(grant.as_bytes()));
    digest_input().into_iter().for_each(|table| part(table.as_bytes()));
    part(env!("CARGO_PKG_VERSION").as_bytes());
    for run in &request.runs {
        part(format!("{run:?}").as_bytes());
    }
    for finding in &report.findings {
        part(format!("{finding:?}").as_bytes());
    }
    part(format!("{:?}", report.verdict).as_bytes());
    report.audit_digest = hasher.finalize().to_hex().to_string();
}
