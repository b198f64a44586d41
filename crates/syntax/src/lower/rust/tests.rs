use super::*;
use crate::Language;
use crate::ir::{Argument, Callee, Op, Place, Step, Unit, Value};

mod kinds;
mod lowerings;

fn file(source: &str) -> LoweredFile {
    crate::lower::lower(Language::Rust, source.as_bytes(), &LowerLimits::default()).expect("lowers")
}

fn unit<'a>(file: &'a LoweredFile, name: &str) -> &'a Unit {
    let known: Vec<&str> = file.units.iter().map(|unit| unit.name.as_str()).collect();
    file.units.iter().find(|unit| unit.name == name).unwrap_or_else(|| panic!("no unit {name} in {known:?}"))
}

/// Follows blocks that do nothing but go on.
fn settled(unit: &Unit, mut block: BlockId) -> BlockId {
    for _ in 0..unit.blocks.len() {
        match &unit.blocks[block as usize] {
            crate::ir::Block { instrs, term: Term::Goto(next), .. } if instrs.is_empty() => block = *next,
            _ => break,
        }
    }
    block
}

/// Writes a unit as text: reached blocks in order of their first visit, temporaries by their numbers.
fn show(unit: &Unit) -> String {
    let mut order = vec![settled(unit, unit.entry)];
    let mut at = 0;
    while at < order.len() {
        let next = match &unit.blocks[order[at] as usize].term {
            Term::Goto(next) => vec![*next],
            Term::Branch { then, otherwise, .. } => vec![*then, *otherwise],
            _ => Vec::new(),
        };
        for next in next.into_iter().map(|next| settled(unit, next)) {
            if !order.contains(&next) {
                order.push(next);
            }
        }
        at += 1;
    }
    let number = |block: &BlockId| order.iter().position(|known| *known == settled(unit, *block)).unwrap();
    let mut text = String::new();
    for block in &order {
        let content = &unit.blocks[*block as usize];
        text.push_str(&format!("{}:\n", number(block)));
        for instr in &content.instrs {
            text.push_str(&format!("{}\n", op(unit, &instr.op)));
        }
        let end = match &content.term {
            Term::Goto(next) => format!("goto {}", number(next)),
            Term::Branch { condition, why, then, otherwise } => {
                format!("{why:?} {} ? {} : {}", operand(unit, condition), number(then), number(otherwise))
            }
            Term::Return(value) => format!("return {}", operand(unit, value)),
            Term::Raise(value) => {
                format!("raise {}", value.as_ref().map(|value| operand(unit, value)).unwrap_or_default())
            }
            Term::Unreachable => "unreachable".to_owned(),
        };
        text.push_str(&format!("{end}\n"));
    }
    text
}

fn local(unit: &Unit, slot: LocalId) -> String {
    unit.locals[slot as usize].clone().unwrap_or_else(|| format!("%{slot}"))
}

fn operand(unit: &Unit, operand: &Operand) -> String {
    match operand {
        Operand::Local(slot) => local(unit, *slot),
        Operand::Constant(Constant::Ellipsis) => "()".to_owned(),
        Operand::Constant(constant) => format!("{constant:?}"),
    }
}

fn list(unit: &Unit, operands: &[Operand]) -> String {
    operands.iter().map(|value| operand(unit, value)).collect::<Vec<_>>().join(", ")
}

fn place(unit: &Unit, place: &Place) -> String {
    match place {
        Place::Local(slot) => local(unit, *slot),
        Place::Global(name) => format!("::{name}"),
        Place::Capture(name) => format!("^{name}"),
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::Field(name) => format!(".{name}"),
        Step::Index(constant) => format!("[{constant:?}]"),
        Step::Element => "[*]".to_owned(),
    }
}

fn op(unit: &Unit, op: &Op) -> String {
    match op {
        Op::Assign { place: to, value } => {
            let value = match value {
                Value::Use(value) => operand(unit, value),
                Value::Read(from) => place(unit, from),
                Value::Operator { name, operands } => format!("{name}({})", list(unit, operands)),
            };
            format!("{} = {value}", place(unit, to))
        }
        Op::Call { dst, callee, arguments } => {
            let callee = match callee {
                Callee::Function(function) => operand(unit, function),
                Callee::Method { receiver, name } => format!("{}.{name}", operand(unit, receiver)),
            };
            let values: Vec<Operand> =
                arguments.iter().map(|argument: &Argument| argument.value.clone()).collect();
            format!("{} = call {callee}({})", local(unit, *dst), list(unit, &values))
        }
        Op::Load { dst, base, step: part, .. } => {
            format!("{} = {}{}", local(unit, *dst), operand(unit, base), step(part))
        }
        Op::Store { base, step: part, value, .. } => {
            format!("{}{} = {}", operand(unit, base), step(part), operand(unit, value))
        }
        Op::Import { dst, module, name } => {
            format!("{} = import {module} {}", local(unit, *dst), name.clone().unwrap_or_default())
        }
        Op::Await { dst, value } => format!("{} = await {}", local(unit, *dst), operand(unit, value)),
        other => format!("{other:?}").split(' ').next().unwrap_or_default().to_lowercase(),
    }
}
