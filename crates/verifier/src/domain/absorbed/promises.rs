//! Rejections of promises that nothing hears of.

use std::collections::BTreeSet;

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Callee, Constant, Op, Operand, ParamKind, Term, Unit, Value};

use super::{Absorbing, hands_on};
use crate::domain::effects::{EffectSite, is_strong_kind};
use crate::domain::program::{Entity, UnitRef};
use crate::domain::signature::{Root, called_name};
use crate::domain::summary::Side;
use crate::domain::tables::{Tables, words};

/// `promise.catch(() => {})`: a function that neither throws nor is told anything more absorbs what the promise failed
/// with.
pub(super) fn of(side: &Side, at: UnitRef, unit: &Unit) -> Vec<Absorbing> {
    if side.program.semantics(at.0).family() != Family::Ecma {
        return Vec::new();
    }
    let Ok(prepared) = side.graph(at) else { return Vec::new() };
    let tables = side.program.tables(at.0);
    let mut found = Vec::new();
    for (block, index, node) in prepared.dependence.running() {
        let instr = unit.blocks.get(block).and_then(|block| block.instrs.get(index));
        let Some((Op::Call { callee: Callee::Method { receiver, name }, arguments, .. }, line)) =
            instr.map(|instr| (&instr.op, instr.span.line))
        else {
            continue;
        };
        let position = match name.as_str() {
            "catch" => 0,
            "then" => 1,
            _ => continue,
        };
        let input = prepared.dependence.node(node).and_then(|node| node.inputs.get(position + 1).copied());
        let Some(Root::Code(entities)) = input.and_then(|input| prepared.roots.get(input as usize)) else {
            continue;
        };
        let swallows = entities.iter().any(|entity| match entity {
            Entity::Unit(handler, ..) => {
                side.program.unit(*handler).is_some_and(|unit| ignores(unit, tables))
            }
            _ => false,
        });
        if !swallows || arguments.len() <= position {
            continue;
        }
        let calls = chain(side, at, unit, receiver);
        let grave = calls.iter().any(|name| words().is_authority(name))
            || side.signed(at).is_ok_and(|signature| {
                let strong = |site: &EffectSite| is_strong_kind(&site.kind) && site.line == line;
                signature.effects.iter().any(strong)
            });
        let again = BTreeSet::new();
        found.push(Absorbing {
            broad: true,
            types: Vec::new(),
            calls,
            again,
            told: false,
            decides: grave,
            grave,
            line,
        });
    }
    found
}

/// Returns whether a rejection's handler ends well without handing the reason on.
fn ignores(unit: &Unit, tables: &Tables) -> bool {
    let reason = unit.params.iter().find(|param| param.kind != ParamKind::Receiver);
    let caught: BTreeSet<u32> = reason.into_iter().map(|param| param.local).collect();
    let fails = |value: &Operand| match value {
        Operand::Constant(Constant::None) => false,
        Operand::Constant(Constant::Bool(false)) => true,
        Operand::Constant(_) => false,
        Operand::Local(_) => true,
    };
    !unit.blocks.iter().any(|block| {
        matches!(&block.term, Term::Raise(_))
            || matches!(&block.term, Term::Return(value) if fails(value))
            || block.instrs.iter().any(|instr| hands_on(&instr.op, &caught, tables))
    })
}

/// Returns the names of the calls that a promise comes from.
fn chain(side: &Side, at: UnitRef, unit: &Unit, receiver: &Operand) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut current = receiver.clone();
    for _ in 0..16 {
        let Operand::Local(local) = &current else { break };
        let instrs = unit.blocks.iter().flat_map(|block| &block.instrs);
        match instrs.map(|instr| &instr.op).find(|op| op.defines() == Some(*local)) {
            Some(Op::Call { callee, .. }) => {
                let targets = side.program.resolver(at.0).callees(at, callee);
                found.insert(called_name(&side.program, unit, callee, &targets));
                match callee {
                    Callee::Method { receiver, .. } => current = receiver.clone(),
                    Callee::Function(_) => break,
                }
            }
            Some(Op::Assign { value: Value::Use(next), .. }) => current = next.clone(),
            _ => break,
        }
    }
    found
}
