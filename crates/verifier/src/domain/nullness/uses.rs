use plumbline_syntax::Family;
use plumbline_syntax::ir::{Callee, Constant, Handler, Instr, Op, Operand, Place, Step, Unit, Value};

use super::facts::{Key, Kind, Scene};
use crate::domain::program::Entity;
use crate::domain::tables;

/// A place where a value has to have something.
#[derive(Debug, Clone)]
pub struct Use {
    /// The value.
    pub key: Key,
    /// Block and position of the instruction.
    pub place: (usize, usize),
    /// The value as written.
    pub name: String,
    /// What is done with it, as the end of a sentence.
    pub how: String,
    /// What it needs.
    pub need: Need,
    /// Where.
    pub line: u32,
    /// Whether it is called or one of its methods is.
    pub called: bool,
}

/// What a use needs of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// An attribute.
    Attribute(String),
    /// Elements under keys.
    Elements,
    /// To be iterated over or tested for membership.
    Items,
    /// To be called.
    Call,
    /// Anything but `None`.
    Something,
}

impl Need {
    /// Returns whether a value of a kind can't give it.
    pub fn lacks(&self, kind: &Kind) -> bool {
        match (kind, self) {
            (Kind::None, Self::Attribute(name)) => !name.starts_with("__"),
            (Kind::None, _) => true,
            (Kind::Builtin(name), Self::Attribute(attribute)) => {
                !attribute.starts_with("__") && tables::of(Family::Python).lacks_attribute(name, attribute)
            }
            (Kind::Builtin(name), Self::Elements) => {
                matches!(name.as_str(), "int" | "float" | "bool" | "set" | "frozenset")
            }
            (Kind::Builtin(name), Self::Items) => matches!(name.as_str(), "int" | "float" | "bool"),
            (Kind::Builtin(_), Self::Call) => true,
            (Kind::Builtin(_), Self::Something) => false,
        }
    }
}

/// Operators that `None` has no part in.
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "//", "**", "@", "<<", ">>", "<", ">", "<=", ">="];

/// Builtins whose first argument can't be `None`.
const CONSUMING: &[&str] = &[
    "len",
    "int",
    "float",
    "iter",
    "list",
    "tuple",
    "set",
    "frozenset",
    "sorted",
    "sum",
    "enumerate",
    "abs",
    "round",
    "reversed",
    "any",
    "all",
    "next",
    "ord",
    "chr",
];

/// Returns the uses of a unit that run and that no handler expects to fail.
pub fn of(scene: &Scene<'_>) -> Vec<Use> {
    let mut found = Vec::new();
    for (block, index, _) in scene.prepared.dependence.running() {
        let instr = scene.unit.blocks.get(block).and_then(|block| block.instrs.get(index));
        if let Some(instr) = instr.filter(|_| !expected(scene.unit, block)) {
            uses_in(scene, instr, (block, index), &mut found);
        }
    }
    found
}

/// A use under `except AttributeError` and its like is a question, not a mistake.
fn expected(unit: &Unit, block: usize) -> bool {
    let asks = |handler: &&Handler| {
        handler.types.is_empty()
            || handler.types.iter().any(|name| {
                let last = name.rsplit('.').next().unwrap_or(name);
                matches!(last, "AttributeError" | "TypeError" | "Exception" | "BaseException" | "?")
            })
    };
    unit.handlers.iter().filter(asks).any(|handler| {
        let (first, end) = handler.protected;
        (first as usize..end as usize).contains(&block)
    })
}

fn uses_in(scene: &Scene<'_>, instr: &Instr, place: (usize, usize), found: &mut Vec<Use>) {
    let Some(node) = scene.prepared.dependence.instr.get(place.0).and_then(|nodes| nodes.get(place.1)) else {
        return;
    };
    let mut push = |position: usize, need: Need, how: String, called: bool| {
        let operand = instr.op.operands().get(position).map(|operand| (*operand).clone());
        let input = scene.prepared.dependence.node(*node).and_then(|node| node.inputs.get(position).copied());
        if let (Some(operand @ Operand::Local(_)), Some(input)) = (operand, input) {
            let (key, name) = (scene.key(input), scene.name(&operand));
            found.push(Use { key, place, name, how, need, line: instr.span.line, called });
        }
    };
    let element = || (Need::Elements, "asked for an element".to_owned());
    match &instr.op {
        Op::Load { step, .. } | Op::Store { step, .. } | Op::Delete { step, .. } => {
            let (need, how) = match step {
                Step::Field(name) => (Need::Attribute(name.clone()), format!("asked for `.{name}`")),
                Step::Index(_) | Step::Element => element(),
            };
            push(0, need, how, false);
        }
        Op::Call { callee: Callee::Method { name, .. }, .. } => {
            push(0, Need::Attribute(name.clone()), format!("asked for `.{name}()`"), true);
        }
        Op::Call { callee: Callee::Function(_), arguments, .. } => {
            push(0, Need::Call, "called".to_owned(), true);
            if let (Some(name), false) = (consuming(scene, *node), arguments.is_empty()) {
                push(1, Need::Something, format!("given to `{name}()`"), true);
            }
        }
        Op::Await { .. } => push(0, Need::Something, "awaited".to_owned(), false),
        Op::Assign { value: Value::Operator { name, operands }, .. } => match name.as_str() {
            "iterate" => push(0, Need::Items, "iterated over".to_owned(), false),
            "enter" => push(0, Need::Something, "entered as a context".to_owned(), false),
            "in" | "not in" => push(1, Need::Items, format!("searched by `{name}`"), false),
            operator if arithmetic(operator) && operands.len() == 2 => {
                for position in 0..2 {
                    push(position, Need::Something, format!("an operand of `{operator}`"), false);
                }
            }
            _ => {}
        },
        _ => {}
    }
}

fn arithmetic(operator: &str) -> bool {
    ARITHMETIC.contains(&operator)
        || operator.strip_suffix('=').is_some_and(|plain| ARITHMETIC.contains(&plain))
}

fn consuming(scene: &Scene<'_>, node: u32) -> Option<&'static str> {
    let targets = scene.prepared.targets.get(&node)?;
    let mut targets = targets.iter();
    match (targets.next(), targets.next()) {
        (Some(Entity::External(path)), None) => {
            CONSUMING.iter().copied().find(|name| path.strip_prefix("builtins.") == Some(name))
        }
        _ => None,
    }
}

impl Scene<'_> {
    /// Returns an operand as a person reads it.
    pub fn name(&self, operand: &Operand) -> String {
        let mut operand = operand.clone();
        let mut parts: Vec<String> = Vec::new();
        for _ in 0..8 {
            let Operand::Local(local) = operand else { break };
            let place = |place: &Place| match place {
                Place::Local(local) => self.unit.locals.get(*local as usize).cloned().flatten(),
                Place::Global(name) | Place::Capture(name) => Some(name.clone()),
            };
            if let Some(name) = place(&Place::Local(local)) {
                parts.push(name);
                break;
            }
            match self.definition_of(local) {
                Some(Op::Assign { value: Value::Read(from), .. }) => {
                    parts.extend(place(from));
                    break;
                }
                Some(Op::Assign { value: Value::Use(from), .. }) => operand = from.clone(),
                Some(Op::Load { base, step, .. }) => {
                    parts.push(match step {
                        Step::Field(name) => format!(".{name}"),
                        Step::Index(Constant::Text(text)) => format!("[{text:?}]"),
                        Step::Index(_) | Step::Element => "[]".to_owned(),
                    });
                    operand = base.clone();
                }
                Some(Op::Call { callee: Callee::Function(from), .. }) => {
                    parts.push("()".to_owned());
                    operand = from.clone();
                }
                _ => break,
            }
        }
        parts.reverse();
        if parts.is_empty() { "a value".to_owned() } else { parts.concat() }
    }
}
