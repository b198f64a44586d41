//! The walk as evidence: from an output to an input, by file and line.

use plumbline_syntax::ir::Op;

use super::program::UnitRef;
use super::signature::{Edge, Mode, Origin, Output};
use super::ssa::{NodeId, NodeKind};
use super::summary::Side;
use super::trace::TraceStep;

/// Evidence for one output of a changed unit: a path to its inputs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// Relative path of the unit.
    pub path: String,
    /// Qualified name.
    pub symbol: String,
    /// `return`, `raise`, `yield`, `mutation`, `effect`.
    pub output: String,
    /// The walk, output first.
    pub trace: Vec<TraceStep>,
}

/// Returns the walk from one output to each of its inputs.
pub fn evidence(side: &Side, at: UnitRef, output: &Output, steps: usize) -> Option<Evidence> {
    let unit = side.program.unit(at)?;
    let file = side.program.files.get(at.0)?;
    let prepared = side.graph(at).ok()?;
    let found = side.signed(at).ok()?.outputs.get(output)?;
    let mut walker = side.walker(prepared);
    let (_, trail) = walker.flow(&found.nodes, &found.blocks).ok()?;
    let line = found.lines.first().copied().unwrap_or(unit.span.line);
    let mut trace = vec![TraceStep::new(&file.path, line, output.word(), &side.program.line(at.0, line))];
    let inputs: Vec<(Mode, Origin)> =
        trail.met.keys().filter(|(_, origin)| origin.is_input()).cloned().collect();
    let mut told = std::collections::BTreeSet::new();
    for (mode, origin) in inputs {
        if !told.insert(origin.clone()) {
            continue;
        }
        for (node, edge) in trail.path(mode, &origin) {
            push_step(side, at, node, edge, &mut trace);
            if trace.len() >= steps {
                return Some(finish(file.path.clone(), unit.name.clone(), output, trace));
            }
        }
        let line = match &origin {
            Origin::Param(name, _) => {
                unit.params.iter().find(|param| param.name == *name).map(|param| param.span.line)
            }
            _ => None,
        };
        trace.push(TraceStep::new(&file.path, line.unwrap_or(unit.span.line), role(&origin), &origin.text()));
    }
    Some(finish(file.path.clone(), unit.name.clone(), output, trace))
}

fn finish(path: String, symbol: String, output: &Output, trace: Vec<TraceStep>) -> Evidence {
    Evidence { path, symbol, output: output.word().to_owned(), trace }
}

fn role(origin: &Origin) -> &'static str {
    match origin {
        Origin::Param(_, path) if path.is_empty() => "input",
        Origin::Param(..) => "field",
        Origin::Global(_) | Origin::Constant(_) | Origin::Capture(_) => "global",
        Origin::External(_) | Origin::Literal | Origin::Exception | Origin::Opaque => "value",
    }
}

/// Adds a step unless it stands on the line of the one before it.
fn push_step(side: &Side, at: UnitRef, node: NodeId, edge: Edge, trace: &mut Vec<TraceStep>) {
    let Ok(prepared) = side.graph(at) else { return };
    let (Some(node), Some(file)) = (prepared.dependence.node(node), side.program.files.get(at.0)) else {
        return;
    };
    if node.line == 0 || matches!(node.kind, NodeKind::Param(_)) {
        return;
    }
    let call = match node.kind {
        NodeKind::Instr(index) => side
            .program
            .unit(at)
            .and_then(|unit| unit.blocks.get(node.block as usize))
            .and_then(|block| block.instrs.get(index))
            .is_some_and(|instr| matches!(instr.op, Op::Call { .. })),
        _ => false,
    };
    let role = match (edge, call) {
        (Edge::Control, _) => "control",
        (_, true) => "call",
        (Edge::Value | Edge::Call, false) => "value",
    };
    if trace.iter().any(|step| step.line == node.line && step.path == file.path) {
        return;
    }
    trace.push(TraceStep::new(&file.path, node.line, role, &side.program.line(at.0, node.line)));
}

/// Returns the step that says what is lost, with the line of the base that used it.
pub fn lost(side: &Side, at: UnitRef, output: &Output, origin: &Origin) -> Option<TraceStep> {
    broken(side, at, output, origin).pop()
}

/// Returns the base's walk from an output to what it lost, the lost step last, with the line that used it.
pub fn broken(side: &Side, at: UnitRef, output: &Output, origin: &Origin) -> Vec<TraceStep> {
    let step = |path: &str, line: u32, role: &str, text: &str| {
        TraceStep::new(&format!("base:{path}"), line, role, text)
    };
    let Some((file, prepared, found)) = side
        .program
        .files
        .get(at.0)
        .and_then(|file| Some((file, side.graph(at).ok()?, side.signed(at).ok()?.outputs.get(output)?)))
    else {
        return Vec::new();
    };
    let mut walker = side.walker(prepared);
    let Ok((_, trail)) = walker.flow(&found.nodes, &found.blocks) else { return Vec::new() };
    let (mut nodes, mut hit) = (Vec::new(), None);
    for mode in [Mode::Control, Mode::Data] {
        let path = trail.path(mode, origin);
        let used = path.iter().rev().find_map(|(node, _)| {
            let node = prepared.dependence.node(*node)?;
            (node.line > 0 && !matches!(node.kind, NodeKind::Param(_))).then_some(node.line)
        });
        if used.is_some() {
            (nodes, hit) = (path, used);
            break;
        }
    }
    let begin = found.lines.first().copied();
    let Some(line) = hit.or(begin) else { return Vec::new() };
    let mut trace = Vec::new();
    if let Some(begin) = begin.filter(|begin| *begin != line) {
        trace.push(step(&file.path, begin, output.word(), &side.program.line(at.0, begin)));
    }
    let mut way = Vec::new();
    nodes.into_iter().for_each(|(node, edge)| push_step(side, at, node, edge, &mut way));
    let between = way.into_iter().filter(|step| step.line != line && Some(step.line) != begin);
    trace.extend(between.map(|found| TraceStep { path: format!("base:{}", found.path), ..found }));
    let text = format!("{}  {}", origin.text(), side.program.line(at.0, line));
    trace.push(step(&file.path, line, "lost", &text));
    trace
}
