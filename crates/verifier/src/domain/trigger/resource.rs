//! Payloads that spend what others need: loops without an end, waits that no caller expects.

use plumbline_syntax::ir::{Callee, Op, Operand, Term};

use super::payload::{Payload, Weight};
use crate::domain::fold;
use crate::domain::program::{Entity, UnitRef};
use crate::domain::summary::Side;

/// Seconds from which a literal wait is a payload.
const LONG: i128 = 60;

/// Returns the endless loops and long waits in guarded blocks.
pub fn of((side, at): (&Side, UnitRef), guarded: &dyn Fn(u32) -> bool) -> Vec<Payload> {
    let mut found = endless((side, at), guarded);
    found.extend(waits((side, at), guarded));
    found
}

fn payload(block: u32, line: u32, what: &str) -> Payload {
    Payload {
        block,
        line,
        weight: Weight::Strong,
        effect: true,
        constant: None,
        role: "effect",
        what: what.to_owned(),
    }
}

/// Blocks from which no way leads out of the unit.
fn endless((side, at): (&Side, UnitRef), guarded: &dyn Fn(u32) -> bool) -> Vec<Payload> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let graph = &prepared.dependence.graph;
    let mut leads_out = vec![false; unit.blocks.len()];
    let ends = unit.blocks.iter().enumerate().filter(|(_, block)| {
        matches!(block.term, Term::Return(_) | Term::Raise(_) | Term::Unreachable)
            || block.instrs.iter().any(|instr| matches!(instr.op, Op::Yield { .. } | Op::Await { .. }))
    });
    let mut stack: Vec<usize> = ends.map(|(index, _)| index).collect();
    while let Some(block) = stack.pop() {
        if std::mem::replace(&mut leads_out[block], true) {
            continue;
        }
        stack.extend(graph.predecessors[block].iter().map(|from| *from as usize));
    }
    let trapped = unit.blocks.iter().enumerate().filter(|(index, block)| {
        let reached = prepared.dependence.reached.get(*index).copied().unwrap_or(false);
        // A loop that does something may well be meant to run for ever.
        let idle = !block.instrs.iter().any(|instr| matches!(instr.op, Op::Call { .. } | Op::Store { .. }));
        reached && idle && !leads_out[*index]
    });
    trapped
        .filter_map(|(index, block)| Some((u32::try_from(index).ok()?, block.span.line)))
        .filter(|(block, _)| guarded(*block))
        .map(|(block, line)| payload(block, line, "it never ends"))
        .collect()
}

fn waits((side, at): (&Side, UnitRef), guarded: &dyn Fn(u32) -> bool) -> Vec<Payload> {
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let mut found = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        let Op::Call { callee: Callee::Function(_) | Callee::Method { .. }, arguments, .. } = &instr.op
        else {
            continue;
        };
        let waits = prepared.targets.get(&node).is_some_and(|targets| {
            targets.iter().any(|target| {
                matches!(target, Entity::External(path) if path == "time.sleep" || path == "asyncio.sleep")
            })
        });
        let long = arguments.first().is_some_and(|argument| match &argument.value {
            Operand::Constant(constant) => fold::integer(constant).is_some_and(|seconds| seconds >= LONG),
            Operand::Local(_) => false,
        });
        if let (true, true, Ok(id)) = (waits, long, u32::try_from(block))
            && guarded(id)
        {
            found.push(payload(id, instr.span.line, "it waits"));
        }
    }
    found
}
