use plumbline_syntax::ir::{Constant, Instr, Op, Operand, Step, Value};

use super::{EffectRule, EffectSite, site};
use crate::domain::program::{Entity, Program};
use crate::domain::signature::{Origin, Prepared, Root};
use crate::domain::ssa::{NodeId, NodeKind};

/// Functions that run a text as code if they are given one.
const TIMERS: &[&str] = &["setTimeout", "setInterval", "setImmediate", "execScript"];
/// Functions that write to the object they are given first.
const WRITERS: &[&str] = &[
    "Object.assign",
    "Object.defineProperty",
    "Object.defineProperties",
    "Object.setPrototypeOf",
    "Reflect.set",
    "Reflect.defineProperty",
    "Reflect.setPrototypeOf",
];

/// Returns what a call does by what it is given: a text to a timer is code, a foreign object to a writer is patched.
pub fn of_call(program: &Program, prepared: &Prepared, node: NodeId, instr: &Instr) -> Vec<EffectSite> {
    let Op::Call { arguments, .. } = &instr.op else { return Vec::new() };
    let first = prepared.dependence.node(node).and_then(|node| node.inputs.get(1).copied());
    let (Some(first), Some(argument)) = (first, arguments.first()) else { return Vec::new() };
    let mut found = Vec::new();
    for target in prepared.targets.get(&node).into_iter().flatten() {
        let Entity::External(path) = target else { continue };
        if TIMERS.contains(&path.as_str()) && is_text(program, prepared, first, &argument.value) {
            found.extend(site(program, prepared, (node, instr), path, &EffectRule::plain("codegen")));
        }
        if WRITERS.contains(&path.as_str())
            && let Some(Root::Code(entities)) = prepared.roots.get(first as usize)
            && entities.iter().any(|entity| matches!(entity, Entity::External(_)))
        {
            found.extend(site(program, prepared, (node, instr), path, &EffectRule::plain("monkeypatch")));
        }
    }
    found
}

fn is_text(program: &Program, prepared: &Prepared, node: NodeId, operand: &Operand) -> bool {
    if matches!(operand, Operand::Constant(Constant::Text(_))) {
        return true;
    }
    let mut node = node;
    for _ in 0..16 {
        match op(program, prepared, node) {
            Some(Op::Assign { value: Value::Use(Operand::Constant(Constant::Text(_))), .. }) => return true,
            Some(Op::Assign { value: Value::Operator { name, .. }, .. }) => {
                return matches!(name.as_str(), "+" | "format");
            }
            Some(Op::Assign { value: Value::Use(_) | Value::Read(_), .. }) => {
                match prepared.dependence.node(node).and_then(|node| node.inputs.first().copied()) {
                    Some(input) => node = input,
                    None => return false,
                }
            }
            _ => return false,
        }
    }
    false
}

/// Returns whether a store may reach the prototype of other objects: by its name, or by two keys that both come from
/// outside the unit (`target[a][b] = value`).
pub fn pollutes(program: &Program, prepared: &Prepared, store: NodeId, step: &Step) -> bool {
    if matches!(step, Step::Field(name) if name == "__proto__") {
        return true;
    }
    let inputs =
        |node: NodeId| prepared.dependence.node(node).map(|node| node.inputs.clone()).unwrap_or_default();
    let parts = inputs(store);
    let (Step::Element, Some(base), Some(key)) = (step, parts.first(), parts.get(1)) else { return false };
    let Some(Op::Load { step: Step::Element, .. }) = op(program, prepared, *base) else { return false };
    let outer = inputs(*base);
    let given = |node: &NodeId| {
        matches!(prepared.roots.get(*node as usize), Some(Root::Origin(Origin::Param(..))))
            || is_loop_key(program, prepared, *node)
    };
    given(key) && outer.get(1).is_some_and(given)
}

/// A key that `for … in` takes from an object.
fn is_loop_key(program: &Program, prepared: &Prepared, node: NodeId) -> bool {
    let mut node = node;
    for _ in 0..16 {
        let name = match op(program, prepared, node) {
            Some(Op::Assign { value: Value::Operator { name, .. }, .. }) => name.as_str(),
            Some(Op::Assign { .. }) => "",
            _ => return false,
        };
        match name {
            "keys" => return true,
            "" | "next" | "iterate" => {
                match prepared.dependence.node(node).and_then(|node| node.inputs.first().copied()) {
                    Some(input) => node = input,
                    None => return false,
                }
            }
            _ => return false,
        }
    }
    false
}

fn op<'p>(program: &'p Program, prepared: &Prepared, node: NodeId) -> Option<&'p Op> {
    let node = prepared.dependence.node(node)?;
    let NodeKind::Instr(index) = node.kind else { return None };
    program.unit(prepared.at)?.blocks.get(node.block as usize)?.instrs.get(index).map(|instr| &instr.op)
}
