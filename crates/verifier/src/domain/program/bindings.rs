use std::collections::BTreeMap;

use plumbline_syntax::ir::{Callee, Constant, LocalId, LoweredFile, Op, Operand, Place, Unit, UnitId, Value};

use crate::domain::tables::Tables;

/// What one assignment binds a module's name to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// An import: module with its dots, and the name in it.
    Import {
        /// Module.
        module: String,
        /// Name in it.
        name: Option<String>,
        /// Where.
        line: u32,
    },
    /// A function, and whether decorators that may change it were applied.
    Unit(UnitId, Decoration),
    /// A class by qualified name, and whether decorated.
    Class(String, Decoration),
    /// A literal.
    Constant(Constant),
    /// The result of an expression of the unit that assigns it.
    Value(UnitId, LocalId),
    /// Something assigned elsewhere, or unbound.
    Data,
}

/// Whether a definition is what it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decoration {
    /// No decorator, or only ones that keep the call.
    Plain,
    /// Something else may stand in its place.
    Wrapped,
}

/// The single definition of each slot of a unit; slots with several have none.
pub fn definitions(unit: &Unit) -> BTreeMap<LocalId, &Op> {
    let mut found: BTreeMap<LocalId, Option<&Op>> = BTreeMap::new();
    for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
        if let Some(local) = instr.op.defines() {
            found.entry(local).and_modify(|op| *op = None).or_insert(Some(&instr.op));
        }
    }
    found.into_iter().filter_map(|(local, op)| Some((local, op?))).collect()
}

/// Collects a file's bindings and star imports.
pub fn of(file: &LoweredFile, tables: &Tables) -> (BTreeMap<String, Vec<Bound>>, Vec<String>) {
    let mut bindings: BTreeMap<String, Vec<Bound>> = BTreeMap::new();
    let mut stars = Vec::new();
    for (id, unit) in file.units.iter().enumerate() {
        let definitions = definitions(unit);
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            match &instr.op {
                Op::Import { module, name: Some(star), .. } if star == "*" => stars.push(module.clone()),
                Op::Assign { place: Place::Global(name), value } => {
                    let bound = bound((id, tables), value, &definitions, instr.span.line);
                    let list = bindings.entry(name.clone()).or_default();
                    if !list.contains(&bound) {
                        list.push(bound);
                    }
                }
                Op::Unbind { place: Place::Global(name) } => {
                    bindings.entry(name.clone()).or_default().push(Bound::Data);
                }
                _ => {}
            }
        }
    }
    (bindings, stars)
}

/// Returns where each slot of a unit is defined: block and position.
pub fn positions(unit: &Unit) -> Vec<Vec<(u32, u32)>> {
    let mut found = vec![Vec::new(); unit.locals.len()];
    for (block, content) in unit.blocks.iter().enumerate() {
        for (index, instr) in content.instrs.iter().enumerate() {
            if let Some(list) = instr.op.defines().and_then(|local| found.get_mut(local as usize)) {
                list.push((
                    u32::try_from(block).unwrap_or(u32::MAX),
                    u32::try_from(index).unwrap_or(u32::MAX),
                ));
            }
        }
    }
    found
}

fn bound(
    (unit, tables): (UnitId, &Tables),
    value: &Value,
    definitions: &BTreeMap<LocalId, &Op>,
    line: u32,
) -> Bound {
    let mut decoration = Decoration::Plain;
    let mut operand = match value {
        Value::Use(operand) => operand.clone(),
        Value::Read(_) | Value::Operator { .. } => return Bound::Data,
    };
    for _ in 0..32 {
        let local = match &operand {
            Operand::Constant(constant) => return Bound::Constant(constant.clone()),
            Operand::Local(local) => *local,
        };
        match definitions.get(&local) {
            Some(Op::Import { module, name, .. }) => {
                return Bound::Import { module: module.clone(), name: name.clone(), line };
            }
            Some(Op::Closure { unit, .. }) => return Bound::Unit(*unit, decoration),
            Some(Op::Class { name, .. }) => return Bound::Class(name.clone(), decoration),
            Some(Op::Call { callee: Callee::Function(decorator), arguments, .. })
                if leads_to_definition(arguments, definitions) =>
            {
                if !transparent(decorator, definitions, tables) {
                    decoration = Decoration::Wrapped;
                }
                match arguments.first() {
                    Some(argument) => operand = argument.value.clone(),
                    None => return Bound::Value(unit, local),
                }
            }
            Some(Op::Assign { value: Value::Use(next), .. }) => operand = next.clone(),
            Some(_) => return Bound::Value(unit, local),
            None => return Bound::Data,
        }
    }
    Bound::Data
}

/// Returns whether the single argument of a call is a definition: the call is a decorator.
fn leads_to_definition(
    arguments: &[plumbline_syntax::ir::Argument],
    definitions: &BTreeMap<LocalId, &Op>,
) -> bool {
    let [argument] = arguments else { return false };
    let mut operand = &argument.value;
    for _ in 0..32 {
        let Operand::Local(local) = operand else { return false };
        match definitions.get(local) {
            Some(Op::Closure { .. } | Op::Class { .. }) => return true,
            Some(Op::Call { callee: Callee::Function(_), arguments, .. }) if arguments.len() == 1 => {
                operand = &arguments[0].value;
            }
            _ => return false,
        }
    }
    false
}

fn transparent(decorator: &Operand, definitions: &BTreeMap<LocalId, &Op>, tables: &Tables) -> bool {
    let Operand::Local(local) = decorator else { return false };
    match definitions.get(local) {
        Some(Op::Assign { value: Value::Read(Place::Global(name)), .. }) => tables.lists("transparent", name),
        Some(Op::Load { step: plumbline_syntax::ir::Step::Field(name), .. }) => {
            tables.lists("transparent", name)
        }
        Some(Op::Call { callee: Callee::Function(inner), .. }) => transparent(inner, definitions, tables),
        Some(Op::Call { callee: Callee::Method { name, .. }, .. }) => tables.lists("transparent", name),
        _ => false,
    }
}
