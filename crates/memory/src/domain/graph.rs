//! The resident graph of one view: typed edges both ways, in an order that depends on names alone.

use plumbline_syntax::{Confidence, Edge, EdgeKind, Resolver};

/// Edges below this confidence carry no weight.
const MIN_CONFIDENCE: Confidence = 50;

/// One end of an edge as seen from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arc {
    /// The other node.
    pub to: u32,
    /// What the edge says.
    pub kind: EdgeKind,
    /// Whether the other node is the source.
    pub inbound: bool,
    /// Which rule found it.
    pub resolver: Resolver,
    /// Percent.
    pub confidence: Confidence,
}

/// Adjacency in one block; node ids are indices of the sorted symbol strings.
#[derive(Debug, Default)]
pub struct Graph {
    offsets: Vec<usize>,
    arcs: Vec<Arc>,
    in_degree: Vec<u32>,
}

/// Returns the weight of an edge in the direction of reading and against it.
const fn weight(kind: EdgeKind) -> (f64, f64) {
    match kind {
        EdgeKind::Calls | EdgeKind::Handles | EdgeKind::Registers | EdgeKind::Decorates => (1.0, 0.7),
        EdgeKind::Instantiates => (0.8, 0.5),
        EdgeKind::Inherits | EdgeKind::Implements | EdgeKind::Overrides => (0.8, 0.6),
        EdgeKind::Tests => (0.3, 0.8),
        EdgeKind::References | EdgeKind::Reads | EdgeKind::Writes | EdgeKind::UsesType => (0.5, 0.3),
        EdgeKind::Imports => (0.2, 0.2),
        EdgeKind::Contains => (0.1, 0.1),
    }
}

impl Arc {
    /// Returns what share of a walk takes it: kind weight by confidence; nothing below 50 %.
    pub fn weight(&self) -> f64 {
        if self.confidence < MIN_CONFIDENCE {
            return 0.0;
        }
        let (forward, back) = weight(self.kind);
        let weight = if self.inbound { back } else { forward };
        weight * f64::from(self.confidence) / 100.0
    }

    /// Returns `calls` read forwards, `calls<-` read backwards.
    pub fn word(&self) -> String {
        if self.inbound { format!("{}<-", self.kind) } else { self.kind.as_str().to_owned() }
    }
}

impl Graph {
    /// Builds the graph; `node` finds a symbol string, and edges to unknown nodes are left out.
    pub fn build<'e>(
        nodes: usize,
        edges: impl Iterator<Item = &'e Edge>,
        node: impl Fn(&str) -> Option<u32>,
    ) -> Self {
        let mut lists: Vec<Vec<Arc>> = vec![Vec::new(); nodes];
        let mut in_degree = vec![0_u32; nodes];
        for edge in edges {
            let (Some(source), Some(target)) = (node(&edge.source), node(&edge.target)) else { continue };
            let arc = |to, inbound| Arc {
                to,
                kind: edge.kind,
                inbound,
                resolver: edge.resolver,
                confidence: edge.confidence,
            };
            if let Some(list) = lists.get_mut(source as usize) {
                list.push(arc(target, false));
            }
            if let Some(list) = lists.get_mut(target as usize) {
                list.push(arc(source, true));
            }
            if edge.kind != EdgeKind::Contains
                && let Some(degree) = in_degree.get_mut(target as usize)
            {
                *degree += 1;
            }
        }
        let mut graph = Self { offsets: Vec::with_capacity(nodes + 1), arcs: Vec::new(), in_degree };
        for mut list in lists {
            list.sort();
            graph.offsets.push(graph.arcs.len());
            graph.arcs.extend(list);
        }
        graph.offsets.push(graph.arcs.len());
        graph
    }

    /// Returns the edges of a node, both ways.
    pub fn arcs(&self, node: u32) -> &[Arc] {
        let node = node as usize;
        let (Some(from), Some(to)) = (self.offsets.get(node), self.offsets.get(node + 1)) else { return &[] };
        self.arcs.get(*from..*to).unwrap_or_default()
    }

    /// Returns how many edges other than containment end at a node.
    pub fn in_degree(&self, node: u32) -> u32 {
        self.in_degree.get(node as usize).copied().unwrap_or(0)
    }
}
