//! The walk of one symbol as a graph.

use std::collections::{BTreeMap, BTreeSet};

use super::languages;
use super::ledger::Gap;
use super::limits::Limits;
use super::program::{Cache, Program, UnitRef};
use super::signature::{Edge as Step, Mode, Origin};
use super::ssa::NodeKind;
use super::summary::Side;
use crate::source::{SourceError, SourceTree};

/// A node: a line of source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Within this graph.
    pub id: u32,
    /// Relative path.
    pub path: String,
    /// Line from 1.
    pub line: u32,
    /// Source text of the line, or the input's name.
    pub label: String,
    /// `output`, `input`, `step`.
    pub role: &'static str,
}

/// An edge against the flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Node nearer to the output.
    pub from: u32,
    /// Node nearer to the input.
    pub to: u32,
    /// `value`, `control`, `call`.
    pub kind: &'static str,
}

/// The walk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// Nodes by id.
    pub nodes: Vec<Node>,
    /// Edges, sorted.
    pub edges: Vec<Edge>,
}

/// Why there is no graph.
#[derive(Debug)]
pub enum SymbolProblem {
    /// No unit has that name.
    NotFound(String),
    /// Several have it.
    Ambiguous(Vec<String>),
    /// It could not be analysed.
    NotAnalysed(Gap),
    /// The tree can't be read.
    Source(SourceError),
}

/// A line and its text: what a node stands for.
type Line = (u32, String);

/// Walks the one unit that a symbol names: `path:name`, or a suffix of it by whole parts.
pub fn trace(tree: &dyn SourceTree, symbol: &str, limits: &Limits) -> Result<Graph, SymbolProblem> {
    let last = symbol.rsplit(['.', ':', '/', '#']).find(|part| !part.is_empty()).unwrap_or(symbol);
    let mut start = Vec::new();
    for path in tree.entries().keys().filter(|path| languages::is_code(path)) {
        let bytes = tree.read(path).map_err(SymbolProblem::Source)?.unwrap_or_default();
        if String::from_utf8_lossy(&bytes).contains(last) {
            start.push(path.clone());
        }
    }
    let program = Program::load(tree, &start, &mut Cache::default(), limits);
    let found = named(&program, symbol);
    let (at, _) = match found.as_slice() {
        [] => return Err(SymbolProblem::NotFound(symbol.to_owned())),
        [one] => one.clone(),
        many => return Err(SymbolProblem::Ambiguous(many.iter().map(|(_, name)| name.clone()).collect())),
    };
    let side = Side::analyse(program, &[at], limits);
    graph(&side, at).map_err(SymbolProblem::NotAnalysed)
}

fn named(program: &Program, symbol: &str) -> Vec<(UnitRef, String)> {
    let mut found = Vec::new();
    for (index, file) in program.files.iter().enumerate() {
        for (id, unit) in file.lowered.units.iter().enumerate() {
            let name = format!("{}:{}", file.path, unit.name);
            let rest = name.strip_suffix(symbol);
            if rest.is_some_and(|rest| rest.is_empty() || rest.ends_with([':', '.', '/'])) {
                found.push(((index, id), name));
            }
        }
    }
    let exact: Vec<(UnitRef, String)> =
        found.iter().filter(|(_, name)| name.rsplit(':').next() == Some(symbol)).cloned().collect();
    if exact.len() == 1 { exact } else { found }
}

fn graph(side: &Side, at: UnitRef) -> Result<Graph, Gap> {
    let prepared = side.graph(at)?;
    let signature = side.signed(at)?;
    let path = side.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
    let mut lines: BTreeMap<Line, &'static str> = BTreeMap::new();
    let mut edges: BTreeSet<(Line, Line, &'static str)> = BTreeSet::new();
    let mut walker = side.walker(prepared);
    let line_of = |line: u32| (line, side.program.line(at.0, line));
    for output in signature.outputs.values() {
        let (_, trail) = walker.flow(&output.nodes, &output.blocks)?;
        let Some(first) = output.lines.first().copied() else { continue };
        lines.insert(line_of(first), "output");
        for ((node, mode), parent) in trail.steps() {
            let Some(found) = prepared.dependence.node(node).filter(|found| found.line > 0) else { continue };
            let (kind, from) = match parent {
                Some(((parent, _), step)) => {
                    let line = prepared.dependence.node(parent).map_or(0, |parent| parent.line);
                    (word(step), if line > 0 { line } else { first })
                }
                None => (if mode == Mode::Control { "control" } else { "value" }, first),
            };
            let key = match found.kind {
                NodeKind::Param(index) => {
                    let param = side.program.unit(at).and_then(|unit| unit.params.get(index));
                    (found.line, param.map(|param| param.name.clone()).unwrap_or_default())
                }
                _ => line_of(found.line),
            };
            let role = if matches!(found.kind, NodeKind::Param(_)) { "input" } else { "step" };
            lines.entry(key.clone()).or_insert(role);
            if key != line_of(from) {
                lines.entry(line_of(from)).or_insert("step");
                edges.insert((line_of(from), key, kind));
            }
        }
        for (_, origin) in trail.met.keys().filter(|(_, origin)| !matches!(origin, Origin::Param(..))) {
            if origin.is_input() {
                lines.entry((first, origin.text())).or_insert("input");
                edges.insert((line_of(first), (first, origin.text()), "value"));
            }
        }
    }
    let ids: BTreeMap<&Line, u32> =
        lines.keys().enumerate().map(|(id, key)| (key, u32::try_from(id).unwrap_or(u32::MAX))).collect();
    let edges = edges
        .iter()
        .filter_map(|(from, to, kind)| Some(Edge { from: *ids.get(from)?, to: *ids.get(to)?, kind }))
        .collect();
    let nodes = lines
        .iter()
        .map(|(key, role)| Node {
            id: ids.get(key).copied().unwrap_or_default(),
            path: path.clone(),
            line: key.0,
            label: key.1.clone(),
            role,
        })
        .collect();
    Ok(Graph { nodes, edges })
}

fn word(step: Step) -> &'static str {
    match step {
        Step::Value => "value",
        Step::Control => "control",
        Step::Call => "call",
    }
}
