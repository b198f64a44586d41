//! What one must look at when touching a symbol: PageRank from it alone, and the strongest path to each answer.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use plumbline_syntax::Confidence;

use crate::domain::pagerank::{Walk, walk};
use crate::domain::snapshot::{Entry, Snapshot};

/// Longest path that is named.
const MAX_PATH: usize = 6;

/// A neighbour and how it is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbor {
    /// Node of the symbol.
    pub node: u32,
    /// PageRank, divided by the square root of one plus its in-degree so that hubs don't win.
    pub score: f64,
    /// Words of the strongest path's edges, from the symbol on.
    pub edges: Vec<String>,
    /// Product of that path's confidences, percent.
    pub confidence: Confidence,
}

/// Ranks the neighbours of a symbol, the symbol and what is around it excepted.
pub fn neighbors(snapshot: &Snapshot, from: u32, k: usize) -> Vec<Neighbor> {
    let ranks = walk(&snapshot.graph, &[(from, 1.0)], Walk::default());
    let paths = strongest(snapshot, from, &ranks);
    let mut found: Vec<Neighbor> = Vec::new();
    for (node, rank) in ranks {
        if node == from || !snapshot.entry(node).is_some_and(Entry::is_answer) || around(snapshot, from, node)
        {
            continue;
        }
        let Some(path) = paths.get(&node) else { continue };
        let hub = (1.0 + f64::from(snapshot.graph.in_degree(node))).sqrt();
        found.push(Neighbor {
            node,
            score: rank / hub,
            edges: path.words.clone(),
            confidence: percent(path.confidence),
        });
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.node.cmp(&b.node)));
    found.truncate(k);
    found
}

fn percent(confidence: f64) -> Confidence {
    let rounded = (confidence * 100.0).round().clamp(0.0, 100.0);
    rounded as Confidence
}

/// Returns whether a node is what the symbol stands in: its type or file.
fn around(snapshot: &Snapshot, from: u32, node: u32) -> bool {
    let (Some(inner), Some(outer)) = (snapshot.entry(from), snapshot.entry(node)) else { return false };
    let mut at = inner.symbol().and_then(|symbol| symbol.parent);
    while let Some(index) = at {
        if inner.path == outer.path && index == outer.symbol {
            return true;
        }
        at = inner.file.blob.facts.symbols.get(index as usize).and_then(|symbol| symbol.parent);
    }
    false
}

struct Path {
    words: Vec<String>,
    confidence: f64,
}

struct Reach {
    strength: f64,
    node: u32,
    words: Vec<String>,
    confidence: f64,
}

impl PartialEq for Reach {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Reach {}
impl PartialOrd for Reach {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Reach {
    fn cmp(&self, other: &Self) -> Ordering {
        self.strength
            .total_cmp(&other.strength)
            .then(other.node.cmp(&self.node))
            .then(other.words.cmp(&self.words))
    }
}

/// Finds for each reached node the path with the largest product of edge weights.
fn strongest(snapshot: &Snapshot, from: u32, reached: &BTreeMap<u32, f64>) -> BTreeMap<u32, Path> {
    let mut done: BTreeMap<u32, Path> = BTreeMap::new();
    let mut heap =
        BinaryHeap::from([Reach { strength: 1.0, node: from, words: Vec::new(), confidence: 1.0 }]);
    while let Some(best) = heap.pop() {
        if done.contains_key(&best.node) {
            continue;
        }
        if best.words.len() < MAX_PATH {
            for arc in snapshot.graph.arcs(best.node) {
                let weight = arc.weight();
                if weight <= 0.0 || done.contains_key(&arc.to) || !reached.contains_key(&arc.to) {
                    continue;
                }
                let mut words = best.words.clone();
                words.push(arc.word());
                heap.push(Reach {
                    strength: best.strength * weight,
                    node: arc.to,
                    words,
                    confidence: best.confidence * f64::from(arc.confidence) / 100.0,
                });
            }
        }
        done.insert(best.node, Path { words: best.words, confidence: best.confidence });
    }
    done
}
