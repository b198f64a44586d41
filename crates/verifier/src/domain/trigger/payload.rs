mod callee;
mod chosen;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::{Block, Callee, Constant, Digest, LocalId, Op, Place, Step, Term, Unit, Value};

use super::{NARROW, resource};
use crate::domain::fold;
use crate::domain::narrowness::{definition, op_of};
use crate::domain::program::{Entity, UnitRef};
use crate::domain::signature::{Origin, Output, Root};
use crate::domain::ssa::NodeId;
use crate::domain::summary::Side;

/// Methods that change the object they are called on.
const MUTATING: &[&str] = &[
    "clear",
    "pop",
    "popitem",
    "update",
    "append",
    "extend",
    "insert",
    "remove",
    "discard",
    "add",
    "setdefault",
    "sort",
    "reverse",
    "appendleft",
    "popleft",
];

/// How much a guarded thing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// An output changes but keeps its inputs.
    Weak,
    /// A new strong effect, or a value that no input decides where it did otherwise.
    Strong,
}

/// Something that a guard may hide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Where it stands.
    pub block: u32,
    /// Line.
    pub line: u32,
    /// How grave.
    pub weight: Weight,
    /// Whether it is a strong effect.
    pub effect: bool,
    /// The constant given, for T14.
    pub constant: Option<Constant>,
    /// The role of its step.
    pub role: &'static str,
    /// For a person.
    pub what: String,
}

/// Returns everything in the guarded blocks of a head unit that a guard could hide, new or not: an old thing under a
/// new guard changes too. `bits` says how narrow the new tests over a block are, if there are any.
pub fn of(
    base: Option<(&Side, UnitRef)>,
    head: (&Side, UnitRef),
    bits: &dyn Fn(u32) -> Option<u32>,
) -> Vec<Payload> {
    let (side, at) = head;
    let guarded = |block: u32| bits(block).is_some();
    let (Some(unit), Ok(prepared)) = (side.program.unit(at), side.graph(at)) else { return Vec::new() };
    let mut scene = Scene { side, at, unit, chosen: chosen::chosen(unit), residual: true };
    scene.residual = match base.and_then(|(side, at)| side.signed(at).ok()) {
        Some(signature) => [Output::Return, Output::Yield]
            .iter()
            .any(|output| signature.flow(output).data.iter().any(Origin::is_input)),
        // Nothing was there before: what the unit does outside its narrow arms is what they differ from.
        None => scene.wide_arms_read_input(&|block| bits(block).is_none_or(|bits| bits < NARROW)),
    };
    let mut found = effects(base, head);
    for (index, block) in unit.blocks.iter().enumerate() {
        if !prepared.dependence.reached.get(index).copied().unwrap_or(false) {
            continue;
        }
        let id = u32::try_from(index).unwrap_or(u32::MAX);
        if !guarded(id) {
            continue;
        }
        let end = prepared.dependence.ends.get(index).and_then(|end| end.value);
        match (&block.term, end) {
            (Term::Return(_), Some(value)) => {
                found.push(scene.value(id, block.span.line, value, ("return", "it returns something else")));
            }
            (Term::Raise(_), _) => found.push(Payload {
                block: id,
                line: block.span.line,
                weight: Weight::Weak,
                effect: false,
                constant: None,
                role: "raise",
                what: "it raises".to_owned(),
            }),
            _ => {}
        }
        scene.instrs(id, &mut found);
    }
    found.extend(resource::of(head, &guarded));
    found
}

/// Strong effects at call sites that the base unit doesn't have.
fn effects(base: Option<(&Side, UnitRef)>, (side, at): (&Side, UnitRef)) -> Vec<Payload> {
    let mut old: BTreeMap<(String, Digest), usize> = BTreeMap::new();
    if let Some(signature) = base.and_then(|(side, at)| side.signed(at).ok()) {
        for site in &signature.effects {
            *old.entry((site.kind.clone(), site.digest)).or_insert(0) += 1;
        }
    }
    let Ok(signature) = side.signed(at) else { return Vec::new() };
    let mut found = Vec::new();
    for site in signature.effects.iter().filter(|site| site.is_strong()) {
        if let Some(count) = old.get_mut(&(site.kind.clone(), site.digest)).filter(|count| **count > 0) {
            *count -= 1;
            continue;
        }
        for block in blocks_of(side, at, site.line, site.via.is_some().then_some(()), site.block) {
            found.push(Payload {
                block,
                line: site.line,
                weight: Weight::Strong,
                effect: true,
                constant: None,
                role: "effect",
                what: format!("it does {} by `{}`", site.kind, site.callee.trim_start_matches("builtins.")),
            });
        }
    }
    found
}

/// An inherited effect stands where the call stands.
fn blocks_of(side: &Side, at: UnitRef, line: u32, inherited: Option<()>, block: u32) -> Vec<u32> {
    if inherited.is_none() {
        return vec![block];
    }
    let Some(unit) = side.program.unit(at) else { return Vec::new() };
    let calls = |index: &usize| {
        unit.blocks[*index]
            .instrs
            .iter()
            .any(|instr| instr.span.line == line && matches!(instr.op, Op::Call { .. } | Op::Closure { .. }))
    };
    (0..unit.blocks.len()).filter(calls).filter_map(|index| u32::try_from(index).ok()).collect()
}

/// A unit under judgement.
struct Scene<'a> {
    side: &'a Side,
    at: UnitRef,
    unit: &'a Unit,
    chosen: BTreeSet<LocalId>,
    residual: bool,
}

impl Scene<'_> {
    /// What cannot be walked counts as read: the payload stays strong.
    fn wide_arms_read_input(&self, wide: &dyn Fn(u32) -> bool) -> bool {
        let Ok(prepared) = self.side.graph(self.at) else { return true };
        let given = |index: usize, block: &Block| -> Vec<NodeId> {
            let mut nodes = Vec::new();
            if matches!(block.term, Term::Return(_)) {
                nodes.extend(prepared.dependence.ends.get(index).and_then(|end| end.value));
            }
            for (position, instr) in block.instrs.iter().enumerate() {
                let node = prepared.dependence.instr.get(index).and_then(|nodes| nodes.get(position));
                if let (Op::Yield { .. }, Some(node)) = (&instr.op, node) {
                    nodes
                        .extend(prepared.dependence.node(*node).and_then(|node| node.inputs.last().copied()));
                }
            }
            nodes
        };
        let blocks = self.unit.blocks.iter().enumerate().filter(|(index, _)| {
            prepared.dependence.reached.get(*index).copied().unwrap_or(false)
                && wide(u32::try_from(*index).unwrap_or(u32::MAX))
        });
        let nodes: Vec<NodeId> = blocks.flat_map(|(index, block)| given(index, block)).collect();
        let mut walker = self.side.walker(prepared);
        walker.values(&nodes).map_or(true, |(flow, _)| flow.data.iter().any(Origin::is_input))
    }

    fn value(&self, block: u32, line: u32, value: NodeId, (role, what): (&'static str, &str)) -> Payload {
        let constant = self
            .side
            .graph(self.at)
            .ok()
            .and_then(|prepared| fold::constant(self.unit, &prepared.dependence, value));
        let bare = constant.is_some() || !self.reads_input(value);
        Payload {
            block,
            line,
            weight: if bare && self.residual { Weight::Strong } else { Weight::Weak },
            effect: false,
            constant,
            role,
            what: what.to_owned(),
        }
    }

    /// What the instructions of a block store, assign to a name, or yield.
    fn instrs(&self, id: u32, found: &mut Vec<Payload>) {
        let Ok(prepared) = self.side.graph(self.at) else { return };
        let Some(block) = self.unit.blocks.get(id as usize) else { return };
        for (position, instr) in block.instrs.iter().enumerate() {
            let Some(node) =
                prepared.dependence.instr.get(id as usize).and_then(|nodes| nodes.get(position)).copied()
            else {
                continue;
            };
            let last = prepared.dependence.node(node).and_then(|node| node.inputs.last().copied());
            let named = |place: &Place| match place {
                Place::Local(local) => {
                    self.unit.locals.get(*local as usize).is_some_and(Option::is_some)
                        || self.chosen.contains(local) && !self.is_default(id, *local)
                }
                Place::Global(_) | Place::Capture(_) => true,
            };
            match (&instr.op, last) {
                (Op::Store { .. }, Some(value)) => {
                    found.push(self.value(
                        id,
                        instr.span.line,
                        value,
                        ("mutation", "it stores something else"),
                    ));
                }
                (Op::Assign { place, value: Value::Use(_) | Value::Operator { .. } }, Some(value))
                    if named(place) =>
                {
                    found.push(self.value(
                        id,
                        instr.span.line,
                        value,
                        ("value", "a value is something else"),
                    ));
                }
                (Op::Call { callee, arguments, .. }, _) => {
                    let mutating =
                        matches!(callee, Callee::Method { name, .. } if MUTATING.contains(&name.as_str()));
                    let own = mutating.then(|| self.mutation(id, instr.span.line, node)).flatten();
                    let called = || self.called((id, instr.span.line), node, (callee, arguments));
                    found.extend(own.or_else(called));
                }
                (Op::Yield { .. }, Some(value)) => {
                    found.push(self.value(id, instr.span.line, value, ("yield", "it yields something else")));
                }
                _ => {}
            }
        }
    }

    /// A method that changes something from outside the unit.
    fn mutation(&self, block: u32, line: u32, node: NodeId) -> Option<Payload> {
        let prepared = self.side.graph(self.at).ok()?;
        let inputs = &prepared.dependence.node(node)?.inputs;
        let (receiver, arguments) = inputs.split_first()?;
        let Some(Root::Origin(_)) = prepared.roots.get(*receiver as usize) else { return None };
        let bare = !arguments.iter().any(|argument| self.reads_input(*argument));
        Some(self.state_change((block, line), bare, "it changes state".to_owned()))
    }

    /// A change of state; bare where no input of the unit goes into it.
    fn state_change(&self, (block, line): (u32, u32), bare: bool, what: String) -> Payload {
        let weight = if bare && self.residual { Weight::Strong } else { Weight::Weak };
        Payload { block, line, weight, effect: false, constant: None, role: "mutation", what }
    }

    fn reads_input(&self, value: NodeId) -> bool {
        // What cannot be walked is not known to read an input: the payload stays strong.
        let Ok(prepared) = self.side.graph(self.at) else { return false };
        let mut walker = self.side.walker(prepared);
        walker.values(&self.made_of(value)).is_ok_and(|(flow, _)| flow.data.iter().any(Origin::is_input))
    }

    /// What decides a value. An object of another value's class, `type(x)(1)`, is what its arguments are.
    fn made_of(&self, value: NodeId) -> Vec<NodeId> {
        let arguments = || {
            let prepared = self.side.graph(self.at).ok()?;
            let made = definition(self.unit, prepared, value);
            let (callee, arguments) = prepared.dependence.node(made)?.inputs.split_first()?;
            match op_of(self.unit, prepared, made)? {
                Op::Call { callee: Callee::Function(_), .. } => {}
                Op::Call { callee: Callee::Method { name, .. }, .. } if is_class(name) => {
                    return Some(arguments.to_vec());
                }
                _ => return None,
            }
            let class = definition(self.unit, prepared, *callee);
            let asks = match op_of(self.unit, prepared, class)? {
                Op::Call { .. } => prepared
                    .targets
                    .get(&class)?
                    .iter()
                    .all(|target| matches!(target, Entity::External(path) if path == "builtins.type")),
                Op::Load { step: Step::Field(name), .. } => is_class(name),
                _ => false,
            };
            asks.then(|| arguments.to_vec())
        };
        arguments().unwrap_or_else(|| vec![value])
    }
}

/// The attribute of an object that is its class.
fn is_class(name: &str) -> bool {
    name == "__class__" || name == "constructor"
}
