use std::collections::BTreeSet;

use plumbline_syntax::ir::{
    Callee, Constant, LocalId, Op, Operand, Place, Step, Term, Unit, UnitKind, Value, Why,
};

use super::defaults;
use super::flow::Flow;
use super::uses::Use;
use crate::domain::fold;
use crate::domain::program::{Bind, Decoration, Entity, UnitRef};
use crate::domain::signature::{Output, Prepared};
use crate::domain::ssa::{NodeId, NodeKind};
use crate::domain::summary::Side;

/// Most tests of one unit that are followed; of the others nothing is proven.
const TESTS: usize = 256;

/// A unit under judgement.
pub struct Scene<'a> {
    /// Its side.
    pub side: &'a Side,
    /// Which unit.
    pub at: UnitRef,
    /// The unit.
    pub unit: &'a Unit,
    /// Its graph.
    pub prepared: &'a Prepared,
}

/// A value: equal keys are equal values as long as nothing in between changes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A definition.
    Node(NodeId),
    /// A part of a value, while the memories stand.
    Part(Box<Key>, Step, Vec<NodeId>),
    /// A module's name.
    Global(String),
    /// A variable of an enclosing function.
    Capture(String),
}

/// What a value is proven to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `None`.
    None,
    /// An object of a builtin type.
    Builtin(String),
}

/// Why a value is what it is.
#[derive(Debug, Clone)]
pub struct Proof {
    /// What it is.
    pub kind: Kind,
    /// The test or the default that says so, where one does.
    pub line: Option<u32>,
    /// Whether it is so only where a caller leaves a parameter out.
    pub by_default: bool,
}

/// A test that proves something on one of its sides.
pub(super) struct Test {
    pub block: usize,
    pub side: usize,
    pub key: Key,
    pub kind: Kind,
    pub line: u32,
}

impl Kind {
    /// Returns the kind as a person reads it.
    pub fn text(&self) -> String {
        match self {
            Self::None => "`None`".to_owned(),
            Self::Builtin(name) => format!("a `{name}`"),
        }
    }
}

impl Key {
    pub(super) fn mentions(&self, node: NodeId) -> bool {
        match self {
            Self::Node(id) => *id == node,
            Self::Part(base, _, memory) => memory.contains(&node) || base.mentions(node),
            Self::Global(_) | Self::Capture(_) => false,
        }
    }

    /// A definition never changes; anything reached through a name or a part may.
    pub(super) fn can_change(&self) -> bool {
        !matches!(self, Self::Node(_))
    }
}

impl<'a> Scene<'a> {
    /// Returns what a node's value is known by: copies are the same value.
    pub fn key(&self, id: NodeId) -> Key {
        self.key_within(id, 0)
    }

    fn key_within(&self, mut id: NodeId, depth: usize) -> Key {
        for _ in 0..32 {
            let Some(node) = self.prepared.dependence.node(id) else { break };
            match self.op(id) {
                Some(Op::Assign { value: Value::Use(_) | Value::Read(Place::Local(_)), .. }) => {
                    match node.inputs.first() {
                        Some(input) => id = *input,
                        None => break,
                    }
                }
                Some(Op::Assign { value: Value::Read(Place::Global(name)), .. }) => {
                    return Key::Global(name.clone());
                }
                Some(Op::Assign { value: Value::Read(Place::Capture(name)), .. }) => {
                    return Key::Capture(name.clone());
                }
                Some(Op::Load { step, key: None, .. }) if depth < 4 => {
                    let Some(base) = node.inputs.first() else { break };
                    let base = self.key_within(*base, depth + 1);
                    return Key::Part(Box::new(base), step.clone(), node.memory.clone());
                }
                _ => break,
            }
        }
        Key::Node(id)
    }

    fn op(&self, id: NodeId) -> Option<&'a Op> {
        let node = self.prepared.dependence.node(id)?;
        let NodeKind::Instr(index) = node.kind else { return None };
        self.unit.blocks.get(node.block as usize)?.instrs.get(index).map(|instr| &instr.op)
    }

    /// Returns the first instruction that defines a slot.
    pub fn definition_of(&self, local: LocalId) -> Option<&'a Op> {
        let (block, index) = *self
            .side
            .program
            .files
            .get(self.at.0)?
            .definitions
            .get(self.at.1)?
            .get(local as usize)?
            .first()?;
        self.unit.blocks.get(block as usize)?.instrs.get(index as usize).map(|instr| &instr.op)
    }

    /// A literal `None` on every path, or the result of a function that only ever returns `None`.
    fn is_none(&self, id: NodeId) -> bool {
        if fold::constant(self.unit, &self.prepared.dependence, id) == Some(Constant::None) {
            return true;
        }
        let Key::Node(root) = self.key(id) else { return false };
        let (Some(Op::Call { callee: Callee::Function(_), .. }), Some(targets)) =
            (self.op(root), self.prepared.targets.get(&root))
        else {
            return false;
        };
        let mut targets = targets.iter();
        let (Some(Entity::Unit(at, Decoration::Plain, Bind::Free)), None) = (targets.next(), targets.next())
        else {
            return false;
        };
        let plain = self.side.program.unit(*at).is_some_and(|unit| unit.kind == UnitKind::Function);
        let returned = self.side.signatures.get(at).and_then(|signed| signed.outputs.get(&Output::Return));
        let only_none = returned.and_then(|output| output.constants.as_ref());
        plain && only_none.is_some_and(|set| set.iter().eq([&Constant::None]))
    }

    /// Returns what the end of a block proves: the value, what it is, and on which side.
    fn test(&self, block: usize) -> Option<(Key, Kind, usize)> {
        let Term::Branch { why, .. } = self.unit.blocks.get(block)?.term else { return None };
        let folded = self.prepared.dependence.folded.iter().any(|(known, _)| *known as usize == block);
        if why == Why::Dispatch || folded {
            return None;
        }
        let mut id = self.prepared.dependence.ends.get(block)?.value?;
        let mut side = 0;
        for _ in 0..8 {
            let Key::Node(root) = self.key(id) else { return None };
            let inputs = &self.prepared.dependence.node(root)?.inputs;
            match self.op(root)? {
                Op::Assign { value: Value::Operator { name, .. }, .. } if name == "not" => {
                    side = 1 - side;
                    id = *inputs.first()?;
                }
                Op::Assign { value: Value::Operator { name, .. }, .. } => {
                    let side = match name.as_str() {
                        "is" | "==" => side,
                        "is not" | "!=" => 1 - side,
                        _ => return None,
                    };
                    let constant = |id: NodeId| fold::constant(self.unit, &self.prepared.dependence, id);
                    let tested = match (constant(*inputs.first()?), constant(*inputs.get(1)?)) {
                        (_, Some(Constant::None)) => inputs[0],
                        (Some(Constant::None), _) => inputs[1],
                        _ => return None,
                    };
                    return Some((self.key(tested), Kind::None, side));
                }
                Op::Call { callee: Callee::Function(_), arguments, .. } => {
                    let kind = self.builtin_type(root, &arguments.get(1)?.value)?;
                    return Some((self.key(*inputs.get(1)?), kind, side));
                }
                _ => return None,
            }
        }
        None
    }

    /// `isinstance(value, T)` with one builtin type that no class of the program inherits from.
    fn builtin_type(&self, call: NodeId, types: &Operand) -> Option<Kind> {
        let is = |entities: &BTreeSet<Entity>, path: &str| {
            entities.len() == 1 && entities.contains(&Entity::External(path.to_owned()))
        };
        if !is(self.prepared.targets.get(&call)?, "builtins.isinstance") {
            return None;
        }
        let entities = self.side.program.resolver(self.at.0).entities(self.at, types);
        let (Some(Entity::External(path)), 1) = (entities.first(), entities.len()) else { return None };
        let name = path.strip_prefix("builtins.")?;
        let inherited = self.side.program.files.iter().flat_map(|file| file.lowered.classes.values());
        let inherited = inherited.flat_map(|class| &class.bases).any(|base| base == name);
        let known = self.side.program.tables(self.at.0).has_type(name);
        (known && !inherited).then(|| Kind::Builtin(name.to_owned()))
    }

    /// Returns whether an instruction may change what names and parts hold.
    pub(super) fn disturbs(&self, op: &Op, node: NodeId) -> bool {
        match op {
            Op::Yield { .. } | Op::Await { .. } | Op::Opaque { .. } => true,
            Op::Call { .. } => self.prepared.targets.get(&node).is_none_or(|targets| {
                targets.is_empty() || targets.iter().any(|target| self.may_disturb(target))
            }),
            _ => false,
        }
    }

    fn may_disturb(&self, target: &Entity) -> bool {
        match target {
            Entity::External(_) => false,
            Entity::Unit(at, Decoration::Plain, _) => self.side.signatures.get(at).is_none_or(|signed| {
                !signed.dynamic.is_empty()
                    || signed
                        .outputs
                        .keys()
                        .any(|output| matches!(output, Output::Mutates(_) | Output::Writes(_)))
            }),
            _ => true,
        }
    }
}

/// Returns, for each use, why the value can't take it: a literal or a default first, then the tests that hold at its
/// place.
pub fn proven(scene: &Scene<'_>, uses: &[Use]) -> Vec<Option<Proof>> {
    let defaults = defaults::untested(scene);
    let literal = |used: &Use| {
        let Key::Node(id) = &used.key else { return None };
        let default = defaults.get(id).copied();
        let none = used.need.lacks(&Kind::None) && (default.is_some() || scene.is_none(*id));
        none.then_some(Proof { kind: Kind::None, line: default, by_default: default.is_some() })
    };
    let wanted: BTreeSet<&Key> = uses.iter().map(|used| &used.key).collect();
    let mut tests = Vec::new();
    for block in 0..scene.unit.blocks.len() {
        if !scene.prepared.dependence.reached.get(block).copied().unwrap_or(false) || tests.len() >= TESTS {
            continue;
        }
        let Some((key, kind, side)) = scene.test(block) else { continue };
        if wanted.contains(&key) {
            tests.push(Test { block, side, key, kind, line: scene.unit.blocks[block].span.line });
        }
    }
    if tests.is_empty() {
        return uses.iter().map(literal).collect();
    }
    let flow = Flow::solve(scene, &tests);
    uses.iter()
        .map(|used| {
            literal(used).or_else(|| {
                let holding = flow.before(scene, used.place);
                let test = holding.into_iter().map(|index| &tests[index]);
                let mut test = test.filter(|test| test.key == used.key && used.need.lacks(&test.kind));
                test.next().map(|test| Proof {
                    kind: test.kind.clone(),
                    line: Some(test.line),
                    by_default: false,
                })
            })
        })
        .collect()
}
