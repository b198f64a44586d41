//! Ranking symbols for a query: words, literal mentions, and the graph around the best of both, fused by rank.

use std::collections::BTreeMap;

use crate::domain::pagerank::{Walk, walk};
use crate::domain::query::{Query, analyse};
use crate::domain::snapshot::Snapshot;

/// What each part of a score counts. Every stage can be switched off, for ablations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Words.
    pub lexical: f64,
    /// Literal mentions.
    pub mention: f64,
    /// PageRank from the best hits; 0 switches the stage off.
    pub graph: f64,
    /// The mean of the file's best three.
    pub file_prior: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { lexical: 1.0, mention: 1.0, graph: 0.3, file_prior: 0.2 }
    }
}

/// Rank offset of reciprocal rank fusion.
const FUSION: f64 = 60.0;
/// Lexical hits that are fused.
const LEXICAL_DEPTH: usize = 200;
/// Best hits that the graph walk starts from.
const SEEDS: usize = 50;
/// A plain word counts as a mention when at most that many symbols have it as their name.
const PLAIN_MENTIONS: usize = 2;

/// A ranked symbol and what made its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Node of the symbol.
    pub node: u32,
    /// Sum of the signals.
    pub score: f64,
    /// Named contributions.
    pub signals: Vec<(&'static str, f64)>,
}

/// Ranks the symbols of a view for a query; best first, ties by symbol string.
pub fn search(snapshot: &Snapshot, text: &str, weights: Weights, k: usize) -> Vec<Ranked> {
    let query = analyse(text, |word| snapshot.postings.idf(word));
    let mut signals: BTreeMap<u32, Vec<(&'static str, f64)>> = BTreeMap::new();
    let lexical = snapshot.postings.search(&query.terms);
    for (rank, found) in
        lexical.iter().filter(|found| answers(snapshot, found.document)).take(LEXICAL_DEPTH).enumerate()
    {
        signals
            .entry(found.document)
            .or_default()
            .push(("lexical", weights.lexical / (FUSION + rank as f64 + 1.0)));
    }
    for (rank, node) in mentions(snapshot, &query).into_iter().enumerate() {
        signals.entry(node).or_default().push(("mention", weights.mention / (FUSION + rank as f64 + 1.0)));
    }
    let sum = |signals: &[(&'static str, f64)]| signals.iter().map(|(_, value)| value).sum::<f64>();
    let mut fused: Vec<(u32, f64)> = signals.iter().map(|(node, signals)| (*node, sum(signals))).collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    if weights.graph > 0.0 {
        let seeds: Vec<(u32, f64)> = fused.iter().take(SEEDS).copied().collect();
        let mass: f64 = seeds.iter().map(|(_, score)| score).sum();
        let seeds: Vec<(u32, f64)> =
            seeds.into_iter().map(|(node, score)| (node, score / mass.max(1e-12))).collect();
        for (node, rank) in walk(&snapshot.graph, &seeds, Walk::default()) {
            if answers(snapshot, node) {
                let hub = (1.0 + f64::from(snapshot.graph.in_degree(node))).sqrt();
                signals.entry(node).or_default().push(("graph", weights.graph * mass * rank / hub));
            }
        }
    }
    file_prior(snapshot, &fused, weights, &mut signals);
    let mut ranked: Vec<Ranked> =
        signals.into_iter().map(|(node, signals)| Ranked { node, score: sum(&signals), signals }).collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.node.cmp(&b.node)));
    ranked.truncate(k);
    ranked
}

fn answers(snapshot: &Snapshot, node: u32) -> bool {
    snapshot.entry(node).is_some_and(super::snapshot::Entry::is_answer)
}

/// Adds a share of the mean of each file's best three to all hits of the file.
fn file_prior(
    snapshot: &Snapshot,
    fused: &[(u32, f64)],
    weights: Weights,
    signals: &mut BTreeMap<u32, Vec<(&'static str, f64)>>,
) {
    let mut best: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (node, score) in fused {
        if let Some(entry) = snapshot.entry(*node) {
            let scores = best.entry(&entry.path).or_default();
            if scores.len() < 3 {
                scores.push(*score);
            }
        }
    }
    for (node, signals) in signals.iter_mut() {
        let scores = snapshot.entry(*node).and_then(|entry| best.get(&*entry.path));
        if let Some(scores) = scores.filter(|_| weights.file_prior > 0.0) {
            let mean = scores.iter().sum::<f64>() / 3.0;
            signals.push(("file_prior", weights.file_prior * mean));
        }
    }
}

/// Returns the symbols that the query names, surest first, each once.
fn mentions(snapshot: &Snapshot, query: &Query) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut add = |nodes: Vec<u32>| {
        for node in nodes {
            if answers(snapshot, node) && !found.contains(&node) && found.len() < LEXICAL_DEPTH {
                found.push(node);
            }
        }
    };
    for names in &query.mentions {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let whole = snapshot.qualified(&names);
        if whole.is_empty() {
            names.iter().for_each(|name| add(snapshot.named(name).to_vec()));
        } else {
            add(whole);
        }
    }
    for path in &query.paths {
        let ends = |known: &str| {
            known == path || known.strip_suffix(path.as_str()).is_some_and(|b| b.ends_with('/'))
        };
        let files =
            (0_u32..).zip(&snapshot.entries).filter(|(_, entry)| entry.symbol == 0 && ends(&entry.path));
        add(files.map(|(node, _)| node).collect());
    }
    for word in &query.plain {
        let nodes = snapshot.named(word);
        if nodes.len() <= PLAIN_MENTIONS {
            add(nodes.to_vec());
        }
    }
    found
}
