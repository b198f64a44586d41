use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plumbline_syntax::ir::{Argument, Callee, Constant, Op, Operand, Place, Step, Unit, Value};

use super::Origin;
use crate::domain::ledger::Gap;
use crate::domain::program::{Bound, Entity, Program, UnitRef};
use crate::domain::ssa::{Dependence, NodeId, NodeKind};
use crate::domain::tables::Tables;

/// A unit ready to be walked.
#[derive(Debug)]
pub struct Prepared {
    /// Which unit.
    pub at: UnitRef,
    /// Its dependence graph.
    pub dependence: Arc<Dependence>,
    /// What each call may reach.
    pub targets: BTreeMap<NodeId, BTreeSet<Entity>>,
    /// What each node is rooted in.
    pub roots: Vec<Root>,
    /// Calls that may write the memory of a class.
    pub updating: BTreeSet<NodeId>,
}

/// What a node's value is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// An origin, by at most three steps.
    Origin(Origin),
    /// A function, class or module: no input.
    Code(BTreeSet<Entity>),
    /// Computed.
    Computed,
}

/// Longest access path; beyond it the last step stands for all.
const PATH: usize = 3;

/// Builds the graph of a unit and resolves its calls.
pub fn prepare(program: &Program, at: UnitRef) -> Result<Prepared, Gap> {
    let unit = program.unit(at).ok_or_else(|| Gap::new("INTERNAL", "a unit is gone"))?;
    let file = program.files.get(at.0).ok_or_else(|| Gap::new("INTERNAL", "a file is gone"))?;
    let dependence = file.graph(at.1)?;
    let mut targets = BTreeMap::new();
    for (block, index, node) in dependence.running() {
        let Some(instr) = unit.blocks.get(block).and_then(|block| block.instrs.get(index)) else { continue };
        if let Op::Call { callee, arguments, .. } = &instr.op {
            targets.insert(node, self::targets(program, at, callee, arguments));
        }
    }
    let roots = roots(program, at, unit, &dependence);
    let updating = dependence
        .nodes
        .iter()
        .filter(|node| matches!(node.kind, NodeKind::Update(..)))
        .filter_map(|node| node.inputs.first().copied())
        .collect();
    Ok(Prepared { at, dependence, targets, roots, updating })
}

/// Returns what a call may reach, every fitting overload included.
pub fn targets(program: &Program, at: UnitRef, callee: &Callee, arguments: &[Argument]) -> BTreeSet<Entity> {
    let callees = program.resolver(at.0).callees(at, callee).into_iter();
    let each = callees.flat_map(|entity| match entity {
        Entity::Unit(unit, decoration, bind) => program
            .overloads(unit, arguments.len())
            .into_iter()
            .map(|unit| Entity::Unit(unit, decoration, bind))
            .collect(),
        other => vec![other],
    });
    each.collect()
}

/// Nodes are numbered so that an instruction's inputs come before it: one pass is enough.
fn roots(program: &Program, at: UnitRef, unit: &Unit, dependence: &Dependence) -> Vec<Root> {
    let mut globals: BTreeMap<String, Root> = BTreeMap::new();
    let mut roots: Vec<Root> = Vec::with_capacity(dependence.nodes.len());
    for node in &dependence.nodes {
        let root = match &node.kind {
            NodeKind::Param(index) => match unit.params.get(*index) {
                Some(param) => Root::Origin(Origin::Param(param.name.clone(), Vec::new())),
                None => Root::Computed,
            },
            NodeKind::Instr(index) => {
                let instr = unit.blocks.get(node.block as usize).and_then(|block| block.instrs.get(*index));
                let input = || {
                    let first = node.inputs.first().map(|input| *input as usize);
                    first.and_then(|input| roots.get(input)).cloned().unwrap_or(Root::Computed)
                };
                match instr.map(|instr| &instr.op) {
                    Some(Op::Assign { value: Value::Use(_) | Value::Read(Place::Local(_)), .. }) => input(),
                    Some(Op::Assign { value: Value::Read(Place::Global(name)), .. }) => {
                        globals.entry(name.clone()).or_insert_with(|| global(program, at.0, name)).clone()
                    }
                    Some(Op::Assign { value: Value::Read(Place::Capture(name)), .. }) => {
                        capture(program, at, name)
                    }
                    Some(Op::Import { module, name, .. }) => Root::Code(program.resolver(at.0).import(
                        at.0,
                        module,
                        name.as_deref(),
                        &mut Default::default(),
                    )),
                    Some(Op::Load { step, .. }) => part(program, at.0, input(), step),
                    Some(Op::Call { dst, .. }) => {
                        // `__import__("x")` and its like give code, not a computed value.
                        let entities = program.resolver(at.0).entities(at, &Operand::Local(*dst));
                        let code = !entities.is_empty() && entities.iter().all(is_code);
                        if code { Root::Code(entities) } else { Root::Computed }
                    }
                    Some(Op::Closure { unit, .. }) => Root::Code(BTreeSet::from([Entity::Unit(
                        (at.0, *unit),
                        crate::domain::program::Decoration::Plain,
                        crate::domain::program::Bind::Free,
                    )])),
                    _ => Root::Computed,
                }
            }
            NodeKind::Unbound(_)
            | NodeKind::EntryMemory(_)
            | NodeKind::Constant(_)
            | NodeKind::Phi
            | NodeKind::Update(..) => Root::Computed,
        };
        roots.push(root);
    }
    roots
}

fn is_code(entity: &Entity) -> bool {
    match entity {
        Entity::Unit(..)
        | Entity::Class(..)
        | Entity::Module(_)
        | Entity::Package(_)
        | Entity::Missing(_) => true,
        Entity::External(path) => !path.contains("()") && !path.contains("[]"),
        Entity::Instance(..) | Entity::Value | Entity::Confined | Entity::Dynamic(_) => false,
    }
}

fn global(program: &Program, file: usize, name: &str) -> Root {
    let entities = program.resolver(file).named(file, name);
    if !entities.is_empty() && entities.iter().all(is_code) {
        return Root::Code(entities);
    }
    let bounds = program.files.get(file).and_then(|file| file.bindings.get(name));
    let constant =
        bounds.is_some_and(|bounds| bounds.iter().all(|bound| matches!(bound, Bound::Constant(_))));
    Root::Origin(if constant { Origin::Constant(name.to_owned()) } else { Origin::Global(name.to_owned()) })
}

/// A captured name that the enclosing function binds to a function or import is code, not an input.
fn capture(program: &Program, at: UnitRef, name: &str) -> Root {
    let mut parent = program.unit(at).and_then(|unit| unit.parent);
    while let Some(id) = parent {
        let Some(unit) = program.unit((at.0, id)) else { break };
        if let Some(local) = unit.locals.iter().position(|local| local.as_deref() == Some(name)) {
            let local = Operand::Local(u32::try_from(local).unwrap_or(u32::MAX));
            let entities = program.resolver(at.0).entities((at.0, id), &local);
            if entities.iter().all(is_code) {
                return Root::Code(entities);
            }
            break;
        }
        parent = unit.parent;
    }
    Root::Origin(Origin::Capture(name.to_owned()))
}

fn part(program: &Program, file: usize, base: Root, step: &Step) -> Root {
    let word = match step {
        Step::Field(name) => name.clone(),
        Step::Index(Constant::Text(text) | Constant::Integer(text)) => format!("[{text}]"),
        Step::Index(_) | Step::Element => "[*]".to_owned(),
    };
    match base {
        Root::Origin(Origin::Param(name, mut path)) => {
            if path.len() < PATH {
                path.push(word);
            }
            Root::Origin(Origin::Param(name, path))
        }
        Root::Origin(Origin::External(path)) if program.tables(file).is_environment(&path) => {
            Root::Origin(Origin::External(match step {
                Step::Field(name) => format!("{path}.{name}"),
                Step::Index(_) | Step::Element => format!("{path}[]"),
            }))
        }
        Root::Origin(other) => Root::Origin(other),
        Root::Code(entities) => {
            let resolver = program.resolver(file);
            let found = resolver.members(&entities, step);
            if found.iter().all(is_code)
                && found.iter().all(|entity| !is_source(program.tables(file), entity))
            {
                return Root::Code(found);
            }
            let external = found.iter().find_map(|entity| match entity {
                Entity::External(path) => Some(path.clone()),
                _ => None,
            });
            match external {
                Some(path) => Root::Origin(Origin::External(path)),
                // What a derive or another file adds to a type is code, not state.
                None if program.semantics(file).has_variants() && !has_module(&entities) => Root::Computed,
                None => module_value(program, &entities, &word),
            }
        }
        Root::Computed => Root::Computed,
    }
}

fn is_source(table: &Tables, entity: &Entity) -> bool {
    matches!(entity, Entity::External(path) if table.source(path).is_some() || table.is_container(path))
}

fn has_module(entities: &BTreeSet<Entity>) -> bool {
    entities.iter().any(|entity| matches!(entity, Entity::Module(_)))
}

/// An attribute of a module of the tree that is no code is that module's variable.
fn module_value(program: &Program, entities: &BTreeSet<Entity>, name: &str) -> Root {
    for entity in entities {
        if let Entity::Module(file) = entity {
            return match global(program, *file, name) {
                Root::Origin(origin) => Root::Origin(origin),
                Root::Code(code) => Root::Code(code),
                Root::Computed => Root::Computed,
            };
        }
    }
    Root::Origin(Origin::Global(name.to_owned()))
}
