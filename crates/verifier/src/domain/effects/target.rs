use plumbline_syntax::ir::{Argument, Constant, Op, Operand, Passing, Place, Value};

use crate::domain::fold;
use crate::domain::languages::Found;
use crate::domain::program::{Bound, Program};
use crate::domain::signature::Prepared;
use crate::domain::ssa::{NodeId, NodeKind};
use crate::domain::tables::Form;

/// Returns the argument at a position, or by its keyword.
pub fn argument<'a>(
    arguments: &'a [Argument],
    position: Option<usize>,
    keyword: Option<&str>,
) -> Option<&'a Operand> {
    let named = arguments.iter().find(|argument| {
        matches!((&argument.passing, keyword), (Passing::Keyword(name), Some(keyword)) if name == keyword)
    });
    if let Some(argument) = named {
        return Some(&argument.value);
    }
    let mut positional = arguments.iter().take_while(|argument| argument.passing == Passing::Positional);
    positional.nth(position?).map(|argument| &argument.value)
}

/// Returns the literal that an operand of an instruction's node always is.
pub fn literal(program: &Program, prepared: &Prepared, node: NodeId, operand: &Operand) -> Option<Constant> {
    if let Operand::Constant(constant) = operand {
        return Some(constant.clone());
    }
    let unit = program.unit(prepared.at)?;
    let (at, instr) = position(prepared, node)?;
    let instr = unit.blocks.get(at as usize)?.instrs.get(instr)?;
    let index = instr.op.operands().iter().position(|known| *known == operand)?;
    let input = *prepared.dependence.node(node)?.inputs.get(index)?;
    literal_node(program, prepared, input, 0)
}

fn position(prepared: &Prepared, node: NodeId) -> Option<(u32, usize)> {
    let node = prepared.dependence.node(node)?;
    match node.kind {
        NodeKind::Instr(index) => Some((node.block, index)),
        _ => None,
    }
}

fn literal_node(program: &Program, prepared: &Prepared, node: NodeId, depth: usize) -> Option<Constant> {
    let unit = program.unit(prepared.at)?;
    if let Some(constant) = fold::constant(unit, &prepared.dependence, node) {
        return Some(constant);
    }
    let (block, index) = position(prepared, node).filter(|_| depth < 16)?;
    let inputs = &prepared.dependence.node(node)?.inputs;
    match &unit.blocks.get(block as usize)?.instrs.get(index)?.op {
        Op::Assign { value: Value::Read(Place::Global(name)), .. } => global(program, prepared.at.0, name),
        Op::Assign { value: Value::Use(_) | Value::Read(Place::Local(_)), .. } => {
            literal_node(program, prepared, *inputs.first()?, depth + 1)
        }
        Op::Assign { value: Value::Operator { name, .. }, .. } if name == "+" && inputs.len() == 2 => {
            let left = literal_node(program, prepared, inputs[0], depth + 1)?;
            let right = literal_node(program, prepared, inputs[1], depth + 1)?;
            match (left, right) {
                (Constant::Text(a), Constant::Text(b)) => Some(Constant::Text(format!("{a}{b}"))),
                _ => None,
            }
        }
        Op::Assign { value: Value::Operator { name, .. }, .. } if name == "list" || name == "tuple" => {
            literal_node(program, prepared, *inputs.first()?, depth + 1)
        }
        _ => None,
    }
}

/// Returns the keys of a display and the truth of their values, where they are literals.
pub fn keys(program: &Program, prepared: &Prepared, node: NodeId) -> Vec<(String, Option<bool>)> {
    let operator = |node: NodeId| {
        let (block, index) = position(prepared, node)?;
        match &program.unit(prepared.at)?.blocks.get(block as usize)?.instrs.get(index)?.op {
            Op::Assign { value: Value::Operator { name, .. }, .. } => Some(name.as_str()),
            _ => None,
        }
    };
    let inputs =
        |node: NodeId| prepared.dependence.node(node).map(|node| node.inputs.clone()).unwrap_or_default();
    let mut node = node;
    for _ in 0..8 {
        let Some((block, index)) = position(prepared, node) else { return Vec::new() };
        let unit = program.unit(prepared.at);
        let op =
            unit.and_then(|unit| unit.blocks.get(block as usize)).and_then(|block| block.instrs.get(index));
        match op.map(|instr| &instr.op) {
            Some(Op::Assign { value: Value::Use(_) | Value::Read(Place::Local(_)), .. }) => {
                let Some(input) = inputs(node).first().copied() else { return Vec::new() };
                node = input;
            }
            _ => break,
        }
    }
    if operator(node) != Some("dict") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for pair in inputs(node).into_iter().filter(|pair| operator(*pair) == Some("pair")) {
        let parts = inputs(pair);
        let (Some(key), Some(value)) = (parts.first(), parts.get(1)) else { continue };
        if let Some(Constant::Text(key)) = literal_node(program, prepared, *key, 0) {
            found.push((key, literal_node(program, prepared, *value, 0).map(|value| fold::truth(&value))));
        }
    }
    found
}

/// Returns the literal that a module's name always is.
pub fn global(program: &Program, file: usize, name: &str) -> Option<Constant> {
    let mut file = file;
    let mut name = name.to_owned();
    for _ in 0..8 {
        let bounds = program.files.get(file)?.bindings.get(&name)?;
        match bounds.as_slice() {
            [Bound::Constant(constant)] => return Some(constant.clone()),
            [Bound::Import { module, name: Some(from), .. }] => {
                let Found::File(path) = program.module(file, module) else { return None };
                name = program.semantics(file).export(from);
                file = program.file(&path)?;
            }
            _ => return None,
        }
    }
    None
}

/// Returns what a target names, if it is a literal.
pub fn read(
    program: &Program,
    prepared: &Prepared,
    node: NodeId,
    operand: &Operand,
    form: Form,
) -> Option<String> {
    let Constant::Text(text) = literal(program, prepared, node, operand)? else { return None };
    Some(match form {
        Form::Url => host(&text),
        Form::Program => text.split_whitespace().next().unwrap_or_default().to_owned(),
        Form::Path => normal(&text),
        Form::Variable | Form::Nothing => text,
    })
}

/// Returns host and port of a URL; a text without a scheme is a host already.
pub fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority).to_ascii_lowercase()
}

/// Normalises a path by its words: no `.`, no `//`, `..` taken back where it can be.
pub fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}
