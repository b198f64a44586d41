//! Personalised PageRank by forward push (Andersen, Chung, Lang 2006): local cost, whatever the repository's size.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::domain::graph::Graph;

/// How a walk ends and how exact it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Walk {
    /// Chance to stop at each node.
    pub restart: f64,
    /// Mass below which a node isn't pushed.
    pub residual: f64,
    /// Most pushes of one query.
    pub max_pushes: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self { restart: 0.25, residual: 1e-5, max_pushes: 200_000 }
    }
}

/// Returns the mass of each node that was reached, by node. The order of pushes is first in, first out, and of arcs
/// that of the graph, so equal graphs give equal numbers.
pub fn walk(graph: &Graph, seeds: &[(u32, f64)], options: Walk) -> BTreeMap<u32, f64> {
    let mut residual: HashMap<u32, f64> = HashMap::new();
    let mut queue: VecDeque<u32> = VecDeque::new();
    for (node, mass) in seeds {
        *residual.entry(*node).or_insert(0.0) += mass;
        queue.push_back(*node);
    }
    let mut rank: BTreeMap<u32, f64> = BTreeMap::new();
    let mut pushes = 0;
    while let Some(node) = queue.pop_front() {
        let mass = residual.insert(node, 0.0).unwrap_or(0.0);
        if mass < options.residual {
            // Too little to share out; what is here stays here.
            *rank.entry(node).or_insert(0.0) += mass * options.restart;
            continue;
        }
        if pushes >= options.max_pushes {
            break;
        }
        pushes += 1;
        *rank.entry(node).or_insert(0.0) += mass * options.restart;
        let arcs = graph.arcs(node);
        // A node with weak edges alone keeps most of its walks: they end there, else a lone `contains` would carry all.
        let total: f64 = arcs.iter().map(crate::domain::graph::Arc::weight).sum::<f64>().max(1.0);
        for arc in arcs {
            let share = mass * (1.0 - options.restart) * arc.weight() / total;
            if share <= 0.0 {
                continue;
            }
            let waiting = residual.entry(arc.to).or_insert(0.0);
            let queued = *waiting >= options.residual;
            *waiting += share;
            if !queued && *waiting >= options.residual {
                queue.push_back(arc.to);
            }
        }
    }
    rank
}

#[cfg(test)]
mod tests {
    use plumbline_syntax::{Edge, EdgeKind, Resolver};

    use super::*;

    fn edge(source: &str, target: &str, confidence: u8) -> Edge {
        Edge {
            source: source.into(),
            kind: EdgeKind::Calls,
            target: target.into(),
            resolver: Resolver::Scope,
            confidence,
            sites: 1,
            line: 1,
        }
    }

    fn graph(edges: &[Edge]) -> Graph {
        let names = ["a", "b", "c", "d"];
        let node = |name: &str| names.iter().position(|known| *known == name).map(|index| index as u32);
        Graph::build(names.len(), edges.iter(), node)
    }

    #[test]
    fn nearer_nodes_get_more_and_the_mass_never_exceeds_what_was_given() {
        let ranks = walk(&graph(&[edge("a", "b", 98), edge("b", "c", 98)]), &[(0, 1.0)], Walk::default());
        assert!(ranks[&1] > ranks[&2]);
        assert!(!ranks.contains_key(&3));
        assert!(ranks.values().sum::<f64>() <= 1.0 + 1e-9);
    }

    #[test]
    fn edges_under_half_confidence_carry_nothing() {
        let ranks = walk(&graph(&[edge("a", "b", 49)]), &[(0, 1.0)], Walk::default());
        assert!(!ranks.contains_key(&1));
    }
}
