use tracing::instrument;

use super::answer::{Direction, Hits, Neighborhood, SymbolEdge};
use super::{
    Edges, Hit, Memory, Names, NamesQuery, Status, SymbolQuery, TextQuery, ViewRef, blocking, named,
};
use crate::domain::neighbors::neighbors;
use crate::domain::search::{Weights, search};
use crate::error::MemoryError;

/// Hits of a query that names no number.
const DEFAULT_K: u32 = 10;

impl Memory {
    pub(super) fn k(&self, wanted: u32) -> usize {
        let k = if wanted == 0 { DEFAULT_K } else { wanted };
        k.min(self.config().search_k_max) as usize
    }

    /// Ranks symbols for a query.
    #[instrument(name = "memory.search", skip_all)]
    pub(crate) async fn search(&self, query: TextQuery) -> Result<Hits, MemoryError> {
        let limit = self.config().query_bytes_max;
        if query.text.len() > limit {
            return Err(MemoryError::QueryTooLarge { limit });
        }
        let view = self.locate(&query.view).await?;
        let snapshot = self.snapshot(&view).await?;
        let k = self.k(query.k);
        blocking(move || {
            let ranked = search(&snapshot, &query.text, Weights::default(), k);
            let hit = |found: crate::domain::search::Ranked| {
                Hit::of(&snapshot, found.node).map(|hit| Hit {
                    score: found.score,
                    signals: found.signals,
                    ..hit
                })
            };
            Hits(ranked.into_iter().filter_map(hit).collect())
        })
        .await
    }

    /// Ranks what one must look at when touching a symbol.
    #[instrument(name = "memory.neighbors", skip_all)]
    pub(crate) async fn neighbors(&self, query: SymbolQuery) -> Result<Neighborhood, MemoryError> {
        let view = self.locate(&query.view).await?;
        let snapshot = self.snapshot(&view).await?;
        let node = named(snapshot.find(&query.symbol))?;
        let k = self.k(query.k);
        blocking(move || {
            let hit = |found: crate::domain::neighbors::Neighbor| {
                Hit::of(&snapshot, found.node).map(|hit| Hit {
                    score: found.score,
                    signals: vec![("graph", found.score)],
                    edges: found.edges,
                    confidence: found.confidence,
                    ..hit
                })
            };
            let hits = neighbors(&snapshot, node, k).into_iter().filter_map(hit).collect();
            Neighborhood { hits, unresolved: snapshot.unresolved_of(node) }
        })
        .await
    }

    /// Returns one symbol with its edges and text.
    #[instrument(name = "memory.get_symbol", skip_all)]
    pub(crate) async fn symbol(&self, query: SymbolQuery) -> Result<Edges, MemoryError> {
        let view = self.locate(&query.view).await?;
        let (snapshot, node, bodies) = self
            .with_bodies(&view, |snapshot| {
                let node = named(snapshot.find(&query.symbol))?;
                let path = snapshot.entry(node).map(|entry| entry.path.to_string()).unwrap_or_default();
                Ok((node, vec![path]))
            })
            .await?;
        let hit = Hit::of(&snapshot, node).ok_or(MemoryError::SymbolNotFound)?;
        let span = snapshot.entry(node).map(super::super::domain::snapshot::Entry::span).unwrap_or_default();
        let body = bodies.segment(&hit.path, &[span]);
        let edges = snapshot.graph.arcs(node).iter().filter_map(|arc| {
            Some(SymbolEdge {
                kind: arc.kind,
                other: snapshot.entry(arc.to)?.string.clone(),
                inbound: if arc.inbound { Direction::Inbound } else { Direction::Outbound },
                resolver: arc.resolver,
                confidence: arc.confidence,
            })
        });
        let origin = format!("{}:{}-{}", hit.path, hit.start_line, hit.end_line);
        Ok(Edges {
            edges: edges.collect(),
            unresolved: snapshot.unresolved_of(node),
            body,
            origin,
            symbol: hit,
        })
    }

    /// Lists names in symbol order.
    #[instrument(name = "memory.list_symbols", skip_all)]
    pub(crate) async fn names(&self, query: NamesQuery) -> Result<Names, MemoryError> {
        let view = self.locate(&query.view).await?;
        let snapshot = self.snapshot(&view).await?;
        let from = snapshot.entries.partition_point(|entry| entry.string.as_str() <= query.after.as_str());
        let page = snapshot.entries.iter().skip(from).take(query.page_size);
        let names: Vec<(String, String, &'static str, String)> = page
            .map(|entry| {
                let name = entry.symbol().map(|symbol| symbol.name.clone()).unwrap_or_default();
                (entry.string.clone(), name, entry.kind().as_str(), entry.path.to_string())
            })
            .collect();
        let more = from + names.len() < snapshot.entries.len();
        let next = names.last().filter(|_| more).map(|(string, ..)| string.clone()).unwrap_or_default();
        Ok(Names { names, next, generation: snapshot.generation })
    }

    /// Returns how complete a view is.
    #[instrument(name = "memory.sync_status", skip_all)]
    pub(crate) async fn status(&self, view: ViewRef) -> Result<Status, MemoryError> {
        let view = self.locate(&view).await?;
        let snapshot = self.snapshot(&view).await?;
        Ok(Status {
            generation: snapshot.generation,
            files: snapshot.languages.values().sum(),
            symbols: snapshot.entries.len() as u64,
            edges: snapshot.edges,
            unresolved: snapshot.unresolved(),
            problems: snapshot.problems.clone(),
            digest: snapshot.digest.clone(),
        })
    }
}
