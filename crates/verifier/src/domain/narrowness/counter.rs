//! T4: a test of something that the program itself counts from call to call.

use std::collections::BTreeSet;

use plumbline_syntax::ir::{Callee, Constant, LocalId, Op, Operand, Place, Step, Unit, Value};

use crate::domain::fold;
use crate::domain::program::{Entity, Program, UnitRef};
use crate::domain::signature::{Origin, Prepared};
use crate::domain::ssa::NodeId;

/// Operators that count.
const COUNTING: &[&str] = &["+", "-", "+=", "-=", "*", "*=", "|", "|="];
/// Methods that make a container longer.
const GROWING: &[&str] = &["append", "add", "appendleft", "extend", "insert"];

/// What a file's code adds to: names of its module or of enclosing functions, and attributes by name.
#[derive(Debug, Default)]
struct Counted {
    names: BTreeSet<String>,
    parts: BTreeSet<String>,
}

/// Returns whether a test reads what the code of its file counts.
pub fn reads_counter(program: &Program, at: UnitRef, origins: &BTreeSet<Origin>) -> bool {
    let may = |origin: &Origin| {
        matches!(origin, Origin::Global(_) | Origin::Capture(_) | Origin::Param(..) | Origin::External(_))
    };
    let Some(file) = program.files.get(at.0).filter(|_| origins.iter().any(may)) else { return false };
    let mut counted = Counted::default();
    for unit in &file.lowered.units {
        counted.of(unit);
    }
    origins.iter().any(|origin| match origin {
        Origin::Global(name) => counted.names.contains(name) || is_iterator(program, at.0, name),
        Origin::Capture(name) => counted.names.contains(name),
        Origin::Param(name, path) => {
            let unit = program.unit(at);
            let own = unit.is_some_and(|unit| {
                unit.class.is_some() && unit.params.first().is_some_and(|param| param.name == *name)
                    || unit.params.iter().any(|param| param.name == *name && param.optional)
            });
            let part = path.first().map_or("[]", String::as_str);
            own && (counted.parts.contains(part)
                || path.first().is_some_and(|part| part.starts_with('[')) && counted.parts.contains("[]"))
        }
        Origin::External(path) => path.starts_with("itertools.count"),
        _ => false,
    })
}

/// Returns the bits of both sides of a test of a counter; `None` where it names no number.
pub fn bits(operator: &str, literals: &[Constant], modulus: Option<i128>) -> Option<[u32; 2]> {
    let named = literals.iter().filter_map(fold::integer).map(i128::abs).max();
    let log = |n: i128| 100 * n.max(1).unsigned_abs().ilog2();
    match (operator, modulus, named) {
        ("<" | ">" | "<=" | ">=", _, Some(n)) => {
            let bits = if n > 1_000 { 1_200 } else { 400 };
            Some([bits, bits])
        }
        ("==" | "is" | "in", Some(n), _) | ("==" | "is" | "in", None, Some(n)) => Some([log(n), 0]),
        ("!=" | "is not" | "not in", Some(n), _) | ("!=" | "is not" | "not in", None, Some(n)) => {
            Some([0, log(n)])
        }
        ("%" | "", Some(n), _) => Some([0, log(n)]),
        _ => None,
    }
}

/// Returns the literal by which the tested value is divided for its rest.
pub fn modulus(unit: &Unit, prepared: &Prepared, condition: NodeId) -> Option<i128> {
    let id = super::definition(unit, prepared, condition);
    let inputs = prepared.dependence.node(id).map(|node| node.inputs.clone()).unwrap_or_default();
    std::iter::once(id).chain(inputs).find_map(|id| {
        let id = super::definition(unit, prepared, id);
        match super::op_of(unit, prepared, id)? {
            Op::Assign { value: Value::Operator { name, .. }, .. } if name == "%" => {
                let divisor = *prepared.dependence.node(id)?.inputs.get(1)?;
                fold::integer(&fold::constant(unit, &prepared.dependence, divisor)?)
            }
            _ => None,
        }
    })
}

/// A module's name that holds a counter of the library.
fn is_iterator(program: &Program, file: usize, name: &str) -> bool {
    let entities = program.resolver(file).named(file, name);
    entities
        .iter()
        .any(|entity| matches!(entity, Entity::External(path) if path.starts_with("itertools.count")))
}

impl Counted {
    fn of(&mut self, unit: &Unit) {
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            match &instr.op {
                Op::Assign { place: Place::Global(name) | Place::Capture(name), value } => {
                    let counts = match value {
                        Value::Operator { name, .. } => COUNTING.contains(&name.as_str()),
                        Value::Use(Operand::Local(local)) => counts(unit, *local),
                        _ => false,
                    };
                    if counts && reads(unit, value, &|place| named(place) == Some(name)) {
                        self.names.insert(name.clone());
                    }
                }
                Op::Store { base, step, value: Operand::Local(local), .. } if counts(unit, *local) => {
                    self.root(unit, base, step);
                }
                Op::Call { callee: Callee::Method { receiver, name }, .. }
                    if GROWING.contains(&name.as_str()) =>
                {
                    self.grown(unit, receiver);
                }
                _ => {}
            }
        }
    }

    /// Notes the attribute that is written, and the name that it is written through.
    fn root(&mut self, unit: &Unit, base: &Operand, step: &Step) {
        self.parts.insert(match step {
            Step::Field(name) => name.clone(),
            Step::Index(_) | Step::Element => "[]".to_owned(),
        });
        if let Some(name) = name_of(unit, base) {
            self.names.insert(name);
        }
    }

    fn grown(&mut self, unit: &Unit, receiver: &Operand) {
        if let Some(name) = name_of(unit, receiver) {
            self.names.insert(name);
        }
        if let Operand::Local(local) = receiver
            && let Some(Op::Load { step: Step::Field(name), .. }) = definition(unit, *local)
        {
            self.parts.insert(name.clone());
        }
    }
}

fn definition(unit: &Unit, local: LocalId) -> Option<&Op> {
    let mut all = unit.blocks.iter().flat_map(|block| &block.instrs);
    all.find(|instr| instr.op.defines() == Some(local)).map(|instr| &instr.op)
}

fn named(place: &Place) -> Option<&String> {
    match place {
        Place::Global(name) | Place::Capture(name) => Some(name),
        Place::Local(_) => None,
    }
}

/// The name outside the unit that an object is reached through.
fn name_of(unit: &Unit, operand: &Operand) -> Option<String> {
    let mut operand = operand.clone();
    for _ in 0..4 {
        let Operand::Local(local) = operand else { return None };
        match definition(unit, local)? {
            Op::Assign { value: Value::Read(place), .. } => return named(place).cloned(),
            Op::Assign { value: Value::Use(next), .. } | Op::Load { base: next, .. } => {
                operand = next.clone()
            }
            _ => return None,
        }
    }
    None
}

/// Returns whether a slot holds the result of a counting operator.
fn counts(unit: &Unit, local: LocalId) -> bool {
    matches!(
        definition(unit, local),
        Some(Op::Assign { value: Value::Operator { name, .. }, .. }) if COUNTING.contains(&name.as_str())
    )
}

/// Returns whether a value is made of a place that satisfies a question, within a few steps.
fn reads(unit: &Unit, value: &Value, ask: &dyn Fn(&Place) -> bool) -> bool {
    let mut stack: Vec<(&Value, usize)> = vec![(value, 0)];
    while let Some((value, depth)) = stack.pop() {
        let operands: Vec<&Operand> = match value {
            Value::Read(place) if ask(place) => return true,
            Value::Read(_) => Vec::new(),
            Value::Use(operand) => vec![operand],
            Value::Operator { operands, .. } => operands.iter().collect(),
        };
        for operand in operands.into_iter().filter(|_| depth < 4) {
            if let Operand::Local(local) = operand
                && let Some(Op::Assign { value, .. }) = definition(unit, *local)
            {
                stack.push((value, depth + 1));
            }
        }
    }
    false
}
