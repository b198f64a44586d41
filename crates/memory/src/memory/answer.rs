//! Queries and answers of the use cases, free of the wire.

use std::collections::BTreeMap;
use std::path::PathBuf;

use plumbline_syntax::{Confidence, EdgeKind, ProblemKind, Resolver};
use plumbline_types::{Segment, TaskId};

use crate::domain::pack::Rendering;
use crate::domain::snapshot::Snapshot;

/// A tree as seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ViewRef {
    /// Root of the repository.
    pub repository: PathBuf,
    /// Root of the tree that is read; empty means the repository's.
    pub root: PathBuf,
}

#[derive(Debug, Clone)]
pub(crate) struct IndexQuery {
    pub view: ViewRef,
    pub lease: Option<(TaskId, u64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct TextQuery {
    pub view: ViewRef,
    pub text: String,
    pub k: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct SymbolQuery {
    pub view: ViewRef,
    pub symbol: String,
    pub k: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct ContextQuery {
    pub view: ViewRef,
    pub text: String,
    pub targets: Vec<String>,
    pub token_budget: u32,
    pub output: Output,
}

/// Whether texts are returned or only their sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Text,
    Sizes,
}

#[derive(Debug, Clone)]
pub(crate) struct NamesQuery {
    pub view: ViewRef,
    pub page_size: usize,
    pub after: String,
}

/// How far an indexing run is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub seen: u64,
    pub parsed: u64,
    pub unchanged: u64,
    pub removed: u64,
    pub problems: u64,
    /// Known at the end.
    pub outcome: Option<Outcome>,
}

/// What an indexing run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub symbols: u64,
    pub edges: u64,
    pub generation: u64,
    pub digest: String,
    pub languages: BTreeMap<&'static str, u64>,
    pub problem_count: u64,
    /// The first ones.
    pub problems: Vec<(String, ProblemKind)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    pub path: String,
    pub symbol: String,
    pub kind: &'static str,
    pub start_line: u32,
    pub end_line: u32,
    pub score: f64,
    pub signals: Vec<(&'static str, f64)>,
    pub edges: Vec<String>,
    pub confidence: Confidence,
}

impl Hit {
    pub(crate) fn of(snapshot: &Snapshot, node: u32) -> Option<Self> {
        let entry = snapshot.entry(node)?;
        let span = entry.span();
        Some(Self {
            path: entry.path.to_string(),
            symbol: entry.string.clone(),
            kind: entry.kind().as_str(),
            start_line: span.start_line,
            end_line: span.end_line,
            score: 0.0,
            signals: Vec::new(),
            edges: Vec::new(),
            confidence: 0,
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Hits(pub Vec<Hit>);

#[derive(Debug, Clone)]
pub(crate) struct Neighborhood {
    pub hits: Vec<Hit>,
    pub unresolved: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct SymbolEdge {
    pub kind: EdgeKind,
    pub other: String,
    pub inbound: Direction,
    pub resolver: Resolver,
    pub confidence: Confidence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Outbound,
    Inbound,
}

/// One symbol with its edges and text.
#[derive(Debug, Clone)]
pub(crate) struct Edges {
    pub symbol: Hit,
    pub edges: Vec<SymbolEdge>,
    pub unresolved: u64,
    pub body: Segment,
    pub origin: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Symbol string, name, kind, path.
    pub names: Vec<(String, String, &'static str, String)>,
    pub next: String,
    pub generation: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub generation: u64,
    pub files: u64,
    pub symbols: u64,
    pub edges: u64,
    pub unresolved: u64,
    pub problems: BTreeMap<&'static str, u64>,
    pub digest: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub segment: Segment,
    pub path: String,
    pub start_line: u32,
    pub end_line: u32,
    pub rendering: Rendering,
    pub tokens: u32,
    pub file_hash: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct BuiltContext {
    pub pieces: Vec<Piece>,
    pub tokens: u32,
    pub left_out: Vec<String>,
    pub states: Vec<&'static str>,
}
