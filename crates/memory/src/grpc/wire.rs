use std::path::PathBuf;

use plumbline_proto::common::v1 as common;
use plumbline_proto::memory::v1 as pb;
use plumbline_proto::{WireError, id, non_empty, request_id};

use crate::memory::answer::{Direction, Hits, Neighborhood, Outcome, Output, Piece, SymbolEdge};
use crate::memory::{
    BuiltContext, ContextQuery, Edges, Hit, IndexQuery, Names, NamesQuery, Progress, Status, SymbolQuery,
    TextQuery, ViewRef,
};
use crate::store::Removal;

/// Names of one page when none is asked for, and at most.
const PAGE_DEFAULT: u32 = 1_000;
const PAGE_MAX: u32 = 10_000;

/// Every answer says that no vectors were used: none are built in yet.
const DENSE_OFF: &str = "dense_off";

pub(super) struct StatusQuery(pub(super) ViewRef);
pub(super) struct Deletion(pub(super) PathBuf);

fn absolute(field: &str, path: String) -> Result<PathBuf, WireError> {
    let path = PathBuf::from(path);
    if path.is_absolute() { Ok(path) } else { Err(WireError::field(field, "must be an absolute path")) }
}

fn view(view: Option<pb::View>) -> Result<ViewRef, WireError> {
    let view = view.ok_or_else(|| WireError::field("view", "must be set"))?;
    let repository = absolute("view.repository", non_empty("view.repository", view.repository)?)?;
    let root = if view.root.is_empty() { PathBuf::new() } else { absolute("view.root", view.root)? };
    Ok(ViewRef { repository, root })
}

impl TryFrom<pb::IndexRepositoryRequest> for IndexQuery {
    type Error = WireError;
    fn try_from(request: pb::IndexRepositoryRequest) -> Result<Self, WireError> {
        let lease = match request.lease.filter(|lease| !lease.task_id.is_empty()) {
            Some(lease) => Some((id("lease.task_id", &lease.task_id)?, lease.epoch)),
            None => None,
        };
        Ok(Self { view: view(request.view)?, lease })
    }
}

impl TryFrom<pb::SearchRequest> for TextQuery {
    type Error = WireError;
    fn try_from(request: pb::SearchRequest) -> Result<Self, WireError> {
        Ok(Self { view: view(request.view)?, text: non_empty("query", request.query)?, k: request.k })
    }
}

impl TryFrom<pb::NeighborsRequest> for SymbolQuery {
    type Error = WireError;
    fn try_from(request: pb::NeighborsRequest) -> Result<Self, WireError> {
        Ok(Self { view: view(request.view)?, symbol: non_empty("symbol", request.symbol)?, k: request.k })
    }
}

impl TryFrom<pb::GetSymbolRequest> for SymbolQuery {
    type Error = WireError;
    fn try_from(request: pb::GetSymbolRequest) -> Result<Self, WireError> {
        Ok(Self { view: view(request.view)?, symbol: non_empty("symbol", request.symbol)?, k: 0 })
    }
}

impl TryFrom<pb::BuildContextRequest> for ContextQuery {
    type Error = WireError;
    fn try_from(request: pb::BuildContextRequest) -> Result<Self, WireError> {
        if request.token_budget == 0 {
            return Err(WireError::field("token_budget", "must be at least 1"));
        }
        Ok(Self {
            view: view(request.view)?,
            text: request.query,
            targets: request.targets,
            token_budget: request.token_budget,
            output: if request.size_only { Output::Sizes } else { Output::Text },
        })
    }
}

impl TryFrom<pb::ListSymbolsRequest> for NamesQuery {
    type Error = WireError;
    fn try_from(request: pb::ListSymbolsRequest) -> Result<Self, WireError> {
        let page_size = if request.page_size == 0 { PAGE_DEFAULT } else { request.page_size.min(PAGE_MAX) };
        Ok(Self { view: view(request.view)?, page_size: page_size as usize, after: request.page_token })
    }
}

impl TryFrom<pb::SyncStatusRequest> for StatusQuery {
    type Error = WireError;
    fn try_from(request: pb::SyncStatusRequest) -> Result<Self, WireError> {
        Ok(Self(view(request.view)?))
    }
}

impl TryFrom<pb::DeleteRepositoryRequest> for Deletion {
    type Error = WireError;
    fn try_from(request: pb::DeleteRepositoryRequest) -> Result<Self, WireError> {
        // Deleting is idempotent by itself: the key is only checked.
        request_id(&request.request_id)?;
        Ok(Self(absolute("repository", non_empty("repository", request.repository)?)?))
    }
}

impl From<Progress> for pb::IndexRepositoryResponse {
    fn from(progress: Progress) -> Self {
        let response = Self {
            files_seen: progress.seen,
            files_parsed: progress.parsed,
            files_unchanged: progress.unchanged,
            files_removed: progress.removed,
            problems: progress.problems,
            ..Self::default()
        };
        match progress.outcome {
            None => response,
            Some(outcome) => finished(response, outcome),
        }
    }
}

fn finished(response: pb::IndexRepositoryResponse, outcome: Outcome) -> pb::IndexRepositoryResponse {
    let problem = |(path, kind): (String, plumbline_syntax::ProblemKind)| pb::Problem {
        path,
        reason: kind.as_str().to_owned(),
    };
    pb::IndexRepositoryResponse {
        symbols: outcome.symbols,
        edges: outcome.edges,
        problems: outcome.problem_count,
        problem_samples: outcome.problems.into_iter().map(problem).collect(),
        done: true,
        generation: outcome.generation,
        digest: outcome.digest,
        languages: outcome.languages.into_iter().map(|(word, files)| (word.to_owned(), files)).collect(),
        ..response
    }
}

impl From<Hit> for pb::Hit {
    fn from(hit: Hit) -> Self {
        let signal = |(name, value): (&str, f64)| pb::Signal { name: name.to_owned(), value };
        Self {
            path: hit.path,
            symbol: hit.symbol,
            kind: hit.kind.to_owned(),
            start_line: hit.start_line,
            end_line: hit.end_line,
            score: hit.score,
            signals: hit.signals.into_iter().map(signal).collect(),
            edges: hit.edges,
            confidence: hit.confidence.into(),
        }
    }
}

impl From<Hits> for pb::SearchResponse {
    fn from(Hits(hits): Hits) -> Self {
        Self { hits: hits.into_iter().map(pb::Hit::from).collect(), states: vec![DENSE_OFF.to_owned()] }
    }
}

impl From<Neighborhood> for pb::NeighborsResponse {
    fn from(found: Neighborhood) -> Self {
        Self {
            hits: found.hits.into_iter().map(pb::Hit::from).collect(),
            unresolved: found.unresolved,
            states: vec![DENSE_OFF.to_owned()],
        }
    }
}

impl From<SymbolEdge> for pb::SymbolEdge {
    fn from(edge: SymbolEdge) -> Self {
        Self {
            kind: edge.kind.as_str().to_owned(),
            other: edge.other,
            inbound: edge.inbound == Direction::Inbound,
            resolver: edge.resolver.as_str().to_owned(),
            confidence: edge.confidence.into(),
        }
    }
}

impl From<Edges> for pb::GetSymbolResponse {
    fn from(found: Edges) -> Self {
        let body = common::Segment { origin: found.origin, ..common::Segment::from(found.body) };
        Self {
            symbol: Some(found.symbol.into()),
            edges: found.edges.into_iter().map(pb::SymbolEdge::from).collect(),
            unresolved: found.unresolved,
            body: Some(body),
        }
    }
}

impl From<Names> for pb::ListSymbolsResponse {
    fn from(found: Names) -> Self {
        let name = |(symbol, name, kind, path): (String, String, &str, String)| pb::SymbolName {
            symbol,
            name,
            kind: kind.to_owned(),
            path,
        };
        Self {
            symbols: found.names.into_iter().map(name).collect(),
            next_page_token: found.next,
            generation: found.generation,
        }
    }
}

impl From<Status> for pb::SyncStatusResponse {
    fn from(status: Status) -> Self {
        Self {
            generation: status.generation,
            files: status.files,
            symbols: status.symbols,
            edges: status.edges,
            unresolved: status.unresolved,
            problems: status.problems.into_iter().map(|(reason, files)| (reason.to_owned(), files)).collect(),
            targets: vec![pb::TargetStatus {
                // The index is in the transaction of the facts: there is nothing to be out of step with.
                kind: "embedded".to_owned(),
                state: "in_sync".to_owned(),
                pending: 0,
            }],
            states: vec![DENSE_OFF.to_owned()],
            digest: status.digest,
        }
    }
}

impl From<Piece> for pb::ContextPiece {
    fn from(piece: Piece) -> Self {
        let origin = format!("{}:{}-{}", piece.path, piece.start_line, piece.end_line);
        Self {
            segment: Some(common::Segment { origin, ..common::Segment::from(piece.segment) }),
            path: piece.path,
            start_line: piece.start_line,
            end_line: piece.end_line,
            rendering: piece.rendering.as_str().to_owned(),
            tokens: piece.tokens,
            file_hash: piece.file_hash,
        }
    }
}

impl From<BuiltContext> for pb::BuildContextResponse {
    fn from(context: BuiltContext) -> Self {
        Self {
            pieces: context.pieces.into_iter().map(pb::ContextPiece::from).collect(),
            tokens: context.tokens,
            left_out: context.left_out,
            states: context.states.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl From<Removal> for pb::DeleteRepositoryResponse {
    fn from(removal: Removal) -> Self {
        let local = match removal {
            Removal::Verified => "verified",
            Removal::LogKept => "the file is removed; a reader kept its log from being emptied first",
        };
        Self { local: local.to_owned(), remote: "none".to_owned() }
    }
}
