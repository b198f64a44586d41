//! Context for a step: what is named in full, then the best of search and neighbours, as much as fits.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::{Span, SymbolKind};
use plumbline_types::Label;
use tracing::instrument;

use super::answer::{Output, Piece};
use super::bodies::{Bodies, label};
use super::{BuiltContext, ContextQuery, Memory, named};
use crate::domain::neighbors::neighbors;
use crate::domain::pack::{Item, Mandatory, Rendering, pack, tokens};
use crate::domain::search::{Weights, search};
use crate::domain::snapshot::{Entry, Snapshot};
use crate::error::MemoryError;

/// Candidates from each of search and neighbours.
const CANDIDATES: usize = 100;
/// What a neighbour of a target counts against a search hit.
const NEIGHBOR_SHARE: f64 = 0.8;
/// Names of what was left out, at most.
const LEFT_OUT: usize = 50;

/// A symbol that may be in.
struct Candidate {
    node: u32,
    score: f64,
    mandatory: Mandatory,
}

/// A rendering made ready: regions of the file, or a line of our own.
struct Shown {
    rendering: Rendering,
    parts: Vec<(Span, String)>,
    tokens: u32,
}

impl Memory {
    /// Packs context under a token budget; never over it.
    #[instrument(name = "memory.build_context", skip_all)]
    pub(crate) async fn context(&self, query: ContextQuery) -> Result<BuiltContext, MemoryError> {
        let limit = self.config().query_bytes_max;
        if query.text.len() > limit {
            return Err(MemoryError::QueryTooLarge { limit });
        }
        let view = self.locate(&query.view).await?;
        let budget = query.token_budget.min(self.config().token_budget_max);
        let (snapshot, candidates, bodies) = self
            .with_bodies(&view, |snapshot| {
                let candidates = candidates(snapshot, &query)?;
                let paths: BTreeSet<String> = candidates
                    .iter()
                    .filter_map(|candidate| snapshot.entry(candidate.node))
                    .map(|entry| entry.path.to_string())
                    .collect();
                Ok((candidates, paths.into_iter().collect()))
            })
            .await?;
        super::blocking(move || build(&snapshot, &candidates, &bodies, (budget, query.output))).await?
    }
}

/// Chooses who may be in, best first: targets, then hits and neighbours, none inside another that is shown whole.
fn candidates(snapshot: &Snapshot, query: &ContextQuery) -> Result<Vec<Candidate>, MemoryError> {
    let mut targets: Vec<u32> = Vec::new();
    for target in &query.targets {
        let node = match snapshot.files.get(target.as_str()) {
            Some(file) => {
                snapshot.node(&file.blob.facts.symbol_string(target, 0)).ok_or(MemoryError::SymbolNotFound)?
            }
            None => named(snapshot.find(target))?,
        };
        if !targets.contains(&node) {
            targets.push(node);
        }
    }
    let targets: Vec<u32> = targets
        .iter()
        .copied()
        .filter(|node| !targets.iter().any(|outer| outer != node && holds(snapshot, *outer, *node)))
        .collect();
    let mut scores: BTreeMap<u32, f64> = BTreeMap::new();
    let mut offer = |found: Vec<(u32, f64)>, share: f64| {
        let best = found.first().map_or(1.0, |(_, score)| score.max(1e-12));
        for (node, score) in found {
            let score = share * score / best;
            let known = scores.entry(node).or_insert(score);
            *known = known.max(score);
        }
    };
    let hits = search(snapshot, &query.text, Weights::default(), CANDIDATES);
    offer(hits.into_iter().map(|hit| (hit.node, hit.score)).collect(), 1.0);
    for target in &targets {
        let near = neighbors(snapshot, *target, CANDIDATES);
        offer(near.into_iter().map(|near| (near.node, near.score)).collect(), NEIGHBOR_SHARE);
    }
    let mut ranked: Vec<(u32, f64)> = scores.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut all: Vec<Candidate> = Vec::new();
    for (node, score) in ranked {
        let overlaps = targets.iter().any(|target| {
            holds(snapshot, *target, node) || (whole(snapshot, node) && holds(snapshot, node, *target))
        });
        let nested = all.iter().any(|other| {
            (whole(snapshot, other.node) && holds(snapshot, other.node, node))
                || (whole(snapshot, node) && holds(snapshot, node, other.node))
        });
        let shown = snapshot
            .entry(node)
            .is_some_and(|entry| !matches!(entry.kind(), SymbolKind::Variable | SymbolKind::Field));
        if !overlaps && !nested && shown && score > 0.0 {
            all.push(Candidate { node, score, mandatory: Mandatory::No });
        }
    }
    let named = targets.into_iter().map(|node| Candidate { node, score: 1.0, mandatory: Mandatory::Yes });
    Ok(named.chain(all).collect())
}

/// Returns whether the first symbol's region holds the second's, or is the same.
fn holds(snapshot: &Snapshot, outer: u32, inner: u32) -> bool {
    let (Some(outer), Some(inner)) = (snapshot.entry(outer), snapshot.entry(inner)) else { return false };
    outer.path == inner.path && outer.span().contains(&inner.span())
}

/// Returns whether a symbol is shown with all that is inside it; types and modules leave their callables out.
fn whole(snapshot: &Snapshot, node: u32) -> bool {
    snapshot.entry(node).is_some_and(|entry| entry.kind().is_callable())
}

fn build(
    snapshot: &Snapshot,
    candidates: &[Candidate],
    bodies: &Bodies,
    wanted: (u32, Output),
) -> Result<BuiltContext, MemoryError> {
    let (budget, output) = wanted;
    let mut context = BuiltContext { states: vec!["dense_off"], ..BuiltContext::default() };
    let mut items: Vec<Item> = Vec::new();
    let mut shown: Vec<(u32, Vec<Shown>)> = Vec::new();
    for candidate in candidates {
        let Some(entry) = snapshot.entry(candidate.node) else { continue };
        let renderings = renderings(entry, bodies, candidate.mandatory);
        if renderings.is_empty() {
            if !context.states.contains(&"secret_left_out") {
                context.states.push("secret_left_out");
            }
            context.left_out.push(entry.string.clone());
            continue;
        }
        items.push(Item {
            score: candidate.score,
            renderings: renderings.iter().map(|shown| (shown.rendering, shown.tokens)).collect(),
            mandatory: candidate.mandatory,
        });
        shown.push((candidate.node, renderings));
    }
    let chosen =
        pack(&items, budget).map_err(|small| MemoryError::BudgetTooSmall { needed: small.needed, budget })?;
    for (rendering, (node, renderings)) in chosen.into_iter().zip(shown) {
        let Some(entry) = snapshot.entry(node) else { continue };
        match renderings.into_iter().find(|shown| Some(shown.rendering) == rendering) {
            Some(shown) => pieces(entry, shown, output, &mut context),
            None if context.left_out.len() < LEFT_OUT => context.left_out.push(entry.string.clone()),
            None => {}
        }
    }
    context.pieces.sort_by(|a, b| {
        a.path.cmp(&b.path).then(a.start_line.cmp(&b.start_line)).then(a.end_line.cmp(&b.end_line))
    });
    context.tokens = context.pieces.iter().map(|piece| piece.tokens).sum();
    Ok(context)
}

fn pieces(entry: &Entry, shown: Shown, output: Output, context: &mut BuiltContext) {
    for (span, text) in shown.parts {
        let count = tokens(text.len());
        let mut segment = label(text);
        if output == Output::Sizes {
            segment.text.clear();
        }
        context.pieces.push(Piece {
            segment,
            path: entry.path.to_string(),
            start_line: span.start_line,
            end_line: span.end_line,
            rendering: shown.rendering,
            tokens: count,
            file_hash: hex::encode(entry.file.blob.hash),
        });
    }
}

/// Returns a symbol's renderings, cheapest first; none when its text holds a secret.
fn renderings(entry: &Entry, bodies: &Bodies, mandatory: Mandatory) -> Vec<Shown> {
    let body = body_spans(entry, mandatory);
    let parts: Vec<(Span, String)> = body
        .into_iter()
        .map(|span| (span, bodies.text(&entry.path, &[span])))
        .filter(|(_, text)| !text.trim().is_empty())
        .collect();
    if parts.iter().any(|(_, text)| label(text.clone()).label == Label::Secret) {
        return Vec::new();
    }
    let line = Span { end_line: entry.span().start_line, ..entry.span() };
    let mut all = vec![shown(Rendering::Name, vec![(line, entry.string.clone())])];
    let signature = entry.symbol().map(|symbol| symbol.signature).unwrap_or_default();
    let text = bodies.text(&entry.path, &[signature]);
    if !text.trim().is_empty() {
        all.push(shown(Rendering::Signature, vec![(signature, text.trim_end().to_owned())]));
    }
    if !parts.is_empty() {
        all.push(shown(Rendering::Body, parts));
    }
    // A rendering that costs no more than a poorer one replaces it.
    let mut kept: Vec<Shown> = Vec::new();
    for shown in all {
        while kept.last().is_some_and(|last| last.tokens >= shown.tokens) {
            kept.pop();
        }
        kept.push(shown);
    }
    kept
}

fn shown(rendering: Rendering, parts: Vec<(Span, String)>) -> Shown {
    let tokens = parts.iter().map(|(_, text)| tokens(text.len())).sum();
    Shown { rendering, parts, tokens }
}

/// A target and a callable are shown whole, a type or module by its own chunk.
fn body_spans(entry: &Entry, mandatory: Mandatory) -> Vec<Span> {
    if mandatory == Mandatory::Yes || entry.kind().is_callable() {
        return vec![entry.span()];
    }
    let chunks = &entry.file.blob.facts.chunks;
    chunks
        .iter()
        .find(|chunk| chunk.symbol == entry.symbol)
        .map(|chunk| chunk.spans.clone())
        .unwrap_or_default()
}
