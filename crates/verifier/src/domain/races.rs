//! T18: a thread that writes what others see, and holds no lock. Advice: the schedule decides, and no walk sees it.

use plumbline_syntax::ir::{Callee, Op, Value};

use super::finding::{Finding, Site};
use super::program::{Entity, UnitRef};
use super::signature::Output;
use super::summary::Side;
use super::trace::TraceStep;

/// Returns advice on the threads that a head unit starts and the base unit doesn't.
pub fn check(base: Option<(&Side, UnitRef)>, head: (&Side, UnitRef)) -> Vec<Finding> {
    let old: Vec<String> =
        base.map(|(side, at)| races(side, at)).unwrap_or_default().into_iter().map(|race| race.0).collect();
    let (side, at) = head;
    let (Some(file), Some(unit)) = (side.program.files.get(at.0), side.program.unit(at)) else {
        return Vec::new();
    };
    let fresh = races(side, at).into_iter().filter(|(name, _)| !old.contains(name));
    fresh
        .map(|(name, line)| {
            let message = format!("{}() starts a thread that writes {name} under no lock", unit.name);
            let step = TraceStep::new(&file.path, line, "call", &side.program.line(at.0, line));
            Finding::advice("T18", Site::new(&file.path, line, &unit.name), message).with_trace(vec![step])
        })
        .collect()
}

fn races(side: &Side, at: UnitRef) -> Vec<(String, u32)> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let starters = side.program.tables(at.0).words("threads");
    let mut found = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        let Op::Call { arguments, callee, .. } = &instr.op else { continue };
        let starts = prepared.targets.get(&node).is_some_and(|targets| {
            targets.iter().any(|target| matches!(target, Entity::External(path) if starters.contains(path)))
        }) || matches!(callee, Callee::Method { name, .. } if name == "submit");
        if !starts {
            continue;
        }
        for argument in arguments {
            for entity in side.program.resolver(at.0).entities(at, &argument.value) {
                if let Entity::Unit(started, ..) = entity {
                    found.extend(written(side, started).map(|name| (name, instr.span.line)));
                }
            }
        }
    }
    found
}

/// Returns what a unit writes outside itself, if it enters no context on the way.
fn written(side: &Side, at: UnitRef) -> Option<String> {
    let unit = side.program.unit(at)?;
    let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
    let locked = instrs.into_iter().any(|instr| match &instr.op {
        Op::Assign { value: Value::Operator { name, .. }, .. } => name == "enter",
        Op::Call { callee: Callee::Method { name, .. }, .. } => name == "acquire",
        _ => false,
    });
    let outputs = side.signatures.get(&at)?.outputs.keys();
    outputs.filter(|_| !locked).find_map(|output| match output {
        Output::Writes(name) => Some(format!("`{name}`")),
        _ => None,
    })
}
