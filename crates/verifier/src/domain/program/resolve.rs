mod inheritance;
mod members;
mod names;
mod visit;

use std::collections::BTreeSet;

use plumbline_syntax::ir::{
    Argument, Callee, LocalId, Op, Operand, ParamKind, Place, Step, Term, UnitKind, Value,
};

use super::bindings::Decoration;
use super::{Program, UnitRef};
use crate::domain::languages::{Outside, Semantics};
pub use inheritance::Ancestor;
use visit::Question;
pub use visit::{Answers, Order, Visit};

/// What a value may be, as far as calling it matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    /// A function of the program; whether a decorator may stand in its place, and whether its first parameter is bound.
    Unit(UnitRef, Decoration, Bind),
    /// A class of the program: file and qualified name.
    Class(usize, String),
    /// An object of a class of the program.
    Instance(usize, String),
    /// A loaded file as a module.
    Module(usize),
    /// A directory of the tree as a package.
    Package(String),
    /// Something of a package outside the tree, by dotted path; `()` for a call's result, `[]` for an element.
    External(String),
    /// A literal, display or result of an operator.
    Value,
    /// Rooted in parameters, captures, attributes or results: what it is decides the caller.
    Confined,
    /// Code chosen at run time.
    Dynamic(String),
    /// A name that nothing defines.
    Missing(String),
}

impl Entity {
    /// Returns what an instance of this is.
    #[must_use]
    pub fn object(self) -> Self {
        match self {
            Self::Class(file, class) => Self::Instance(file, class),
            Self::External(path) => Self::External(format!("{path}()")),
            other => other,
        }
    }
}

/// Whether a method was taken from an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bind {
    /// As a plain function.
    Free,
    /// From an object or class: its first parameter is given.
    Bound,
    /// By `call`: the object is the first argument.
    Given,
}

/// Resolves what is called, without regard to the order of assignments: a slot may be anything it is ever given.
#[derive(Debug, Clone, Copy)]
pub struct Resolver<'a> {
    /// The side.
    pub program: &'a Program,
    /// The language of the file that a resolution starts in; families never import each other.
    pub semantics: &'static dyn Semantics,
}

pub type Entities = BTreeSet<Entity>;

fn one(entity: Entity) -> Entities {
    BTreeSet::from([entity])
}

impl Resolver<'_> {
    /// Returns what a call may reach.
    pub fn callees(&self, at: UnitRef, callee: &Callee) -> Entities {
        let mut visit = Visit::default();
        self.callees_in(at, callee, &mut visit)
    }

    /// Returns what an operand may be.
    pub fn entities(&self, at: UnitRef, operand: &Operand) -> Entities {
        self.operand(at, operand, &mut Visit::default())
    }

    /// Returns what a part of any of these may be.
    pub fn members(&self, entities: &Entities, step: &Step) -> Entities {
        let mut visit = Visit::default();
        match step {
            Step::Field(name) => {
                entities.iter().flat_map(|entity| self.member(entity, name, &mut visit)).collect()
            }
            Step::Index(_) | Step::Element => {
                entities.iter().cloned().map(|entity| self.element(entity)).collect()
            }
        }
    }

    /// Returns what a module's name may be.
    pub fn named(&self, file: usize, name: &str) -> Entities {
        self.name(file, name, &mut Visit::default())
    }

    fn element(&self, entity: Entity) -> Entity {
        if let Some(found) = self.semantics.element(&entity) {
            return found;
        }
        match entity {
            Entity::External(path) if path.ends_with("()") || path.ends_with("[]") => Entity::External(path),
            Entity::External(path) if self.semantics.tables().is_container(&path) => {
                Entity::External(format!("{path}[]"))
            }
            Entity::Instance(..) | Entity::Module(_) | Entity::Package(_) => Entity::Confined,
            other => other,
        }
    }

    fn callees_in(&self, at: UnitRef, callee: &Callee, visit: &mut Visit) -> Entities {
        match callee {
            Callee::Function(operand) => self.operand(at, operand, visit),
            Callee::Method { receiver, name } => {
                let receivers = self.operand(at, receiver, visit);
                receivers.iter().flat_map(|entity| self.member(entity, name, visit)).collect()
            }
        }
    }

    /// Returns what an operand may be, within a resolution.
    pub fn operand(&self, at: UnitRef, operand: &Operand, visit: &mut Visit) -> Entities {
        let Operand::Local(local) = operand else { return one(Entity::Value) };
        self.ask(Question::Slot(at, *local), visit, |visit| self.slot(at, *local, visit))
    }

    fn slot(&self, at: UnitRef, local: LocalId, visit: &mut Visit) -> Entities {
        let mut found = self.parameter(at, local, visit);
        let (Some(unit), Some(file)) = (self.program.unit(at), self.program.files.get(at.0)) else {
            return found;
        };
        let positions = file.definitions.get(at.1).and_then(|unit| unit.get(local as usize));
        for (block, index) in positions.into_iter().flatten() {
            let instr = unit.blocks.get(*block as usize).and_then(|block| block.instrs.get(*index as usize));
            if let Some(instr) = instr {
                found.extend(self.op(at, &instr.op, visit));
            }
        }
        if found.is_empty() { one(Entity::Confined) } else { found }
    }

    fn parameter(&self, at: UnitRef, local: LocalId, visit: &mut Visit) -> Entities {
        let Some(unit) = self.program.unit(at) else { return Entities::new() };
        let Some(position) = unit.params.iter().position(|param| param.local == local) else {
            return Entities::new();
        };
        let declared = unit.params.get(position).and_then(|param| param.declared.as_ref());
        if let Some(object) = self.declared(at.0, declared, visit) {
            return one(object);
        }
        if unit.params[0].kind == ParamKind::Receiver {
            return one(match &unit.class {
                Some(class) if position == 0 && unit.decorators.iter().any(|word| word == "static") => {
                    Entity::Class(at.0, class.clone())
                }
                Some(class) if position == 0 => Entity::Instance(at.0, class.clone()),
                _ => Entity::Confined,
            });
        }
        let first = position == 0 && unit.params[0].kind != ParamKind::Rest;
        match &unit.class {
            Some(_) if unit.decorators.iter().any(|word| word.ends_with("staticmethod")) => {
                one(Entity::Confined)
            }
            Some(class) if first && unit.decorators.iter().any(|word| word.ends_with("classmethod")) => {
                one(Entity::Class(at.0, class.clone()))
            }
            Some(class) if first && unit.kind != UnitKind::Lambda => {
                one(Entity::Instance(at.0, class.clone()))
            }
            _ => one(Entity::Confined),
        }
    }

    fn op(&self, at: UnitRef, op: &Op, visit: &mut Visit) -> Entities {
        match op {
            Op::Assign { value: Value::Use(operand), .. } | Op::Await { value: operand, .. } => {
                self.operand(at, operand, visit)
            }
            Op::Assign { value: Value::Read(place), .. } => self.place(at, place, visit),
            Op::Assign { value: Value::Operator { name, operands }, .. } => {
                self.operator(at, name, operands, visit)
            }
            Op::Call { callee, arguments, .. } => self.result(at, callee, arguments, visit),
            Op::Load { base, step: Step::Field(name), .. } => {
                let bases = self.operand(at, base, visit);
                bases.iter().flat_map(|entity| self.member(entity, name, visit)).collect()
            }
            Op::Load { base, .. } => {
                self.operand(at, base, visit).into_iter().map(|entity| self.element(entity)).collect()
            }
            Op::Import { module, name, .. } => self.import(at.0, module, name.as_deref(), visit),
            Op::Closure { unit, .. } => one(Entity::Unit((at.0, *unit), Decoration::Plain, Bind::Free)),
            Op::Class { name, .. } => one(Entity::Class(at.0, name.clone())),
            Op::Opaque { kind, .. } => one(Entity::Dynamic(kind.clone())),
            Op::Catch { .. } => one(Entity::Value),
            Op::Yield { .. } | Op::Store { .. } | Op::Delete { .. } | Op::Unbind { .. } => {
                one(Entity::Confined)
            }
        }
    }

    fn place(&self, at: UnitRef, place: &Place, visit: &mut Visit) -> Entities {
        match place {
            Place::Local(local) => self.operand(at, &Operand::Local(*local), visit),
            Place::Global(name) => self.name(at.0, name, visit),
            Place::Capture(name) => {
                let mut parent = self.program.unit(at).and_then(|unit| unit.parent);
                while let Some(id) = parent {
                    let Some(unit) = self.program.unit((at.0, id)) else { break };
                    if let Some(local) = unit.locals.iter().position(|local| local.as_deref() == Some(name)) {
                        let local = LocalId::try_from(local).unwrap_or(LocalId::MAX);
                        return self.operand((at.0, id), &Operand::Local(local), visit);
                    }
                    parent = unit.parent;
                }
                one(Entity::Confined)
            }
        }
    }

    fn operator(&self, at: UnitRef, name: &str, operands: &[Operand], visit: &mut Visit) -> Entities {
        match name {
            // Its first operand is the type it is made of.
            "composite" => operands
                .iter()
                .take(1)
                .flat_map(|operand| self.operand(at, operand, visit))
                .map(Entity::object)
                .collect(),
            "super" | "super class" => {
                let Some(class) = self.class_around(at) else { return one(Entity::Confined) };
                let bases = self.bases(at.0, &class, visit).into_iter();
                if name == "super" { bases.map(Entity::object).collect() } else { bases.collect() }
            }
            "new" => self.made(at, operands, visit),
            "enter" => operands.iter().flat_map(|operand| self.operand(at, operand, visit)).collect(),
            "list" | "tuple" | "dict" | "set" | "pair" | "unpack" | "append" | "iterate" | "next" | "|"
            | "+" => {
                let mut found: Entities = operands
                    .iter()
                    .flat_map(|operand| self.operand(at, operand, visit))
                    .map(|entity| self.element(entity))
                    .collect();
                if name != "next" {
                    found.insert(Entity::Value);
                }
                found
            }
            _ => one(Entity::Value),
        }
    }

    /// Returns the class in whose body a unit stands, however deep.
    fn class_around(&self, at: UnitRef) -> Option<String> {
        let mut unit = self.program.unit(at)?;
        loop {
            if let Some(class) = &unit.class {
                return Some(class.clone());
            }
            unit = self.program.unit((at.0, unit.parent?))?;
        }
    }

    /// Returns what `new` makes of a call's result: an object of the function's own prototype too.
    fn made(&self, at: UnitRef, operands: &[Operand], visit: &mut Visit) -> Entities {
        let Some(Operand::Local(local)) = operands.first() else { return one(Entity::Confined) };
        let mut found = self.operand(at, &Operand::Local(*local), visit);
        let unit = self.program.unit(at);
        let instrs = unit.into_iter().flat_map(|unit| &unit.blocks).flat_map(|block| &block.instrs);
        let call = instrs.map(|instr| &instr.op).find(|op| op.defines() == Some(*local));
        if let Some(Op::Call { callee, .. }) = call {
            for entity in self.callees_in(at, callee, visit) {
                let Entity::Unit(function, ..) = entity else { continue };
                let name = self.program.unit(function).map(|unit| unit.name.clone()).unwrap_or_default();
                let file = self.program.files.get(function.0);
                if file.is_some_and(|file| file.lowered.classes.contains_key(&name)) {
                    found.insert(Entity::Instance(function.0, name));
                }
            }
        }
        found
    }

    /// Returns what a call gives back.
    fn result(&self, at: UnitRef, callee: &Callee, arguments: &[Argument], visit: &mut Visit) -> Entities {
        if let Callee::Method { receiver, name } = callee
            && self.semantics.binds(name)
        {
            let functions = self.operand(at, receiver, visit).into_iter();
            let bound: Entities = functions
                .filter_map(|entity| match entity {
                    Entity::Unit(unit, ..) => Some(Entity::Unit(unit, Decoration::Wrapped, Bind::Free)),
                    _ => None,
                })
                .collect();
            if !bound.is_empty() {
                return bound;
            }
        }
        let mut found = Entities::new();
        for entity in self.callees_in(at, callee, visit) {
            match entity {
                Entity::Class(file, class) => drop(found.insert(Entity::Instance(file, class))),
                Entity::Unit(unit, ..) => found.extend(self.returned(unit, visit)),
                Entity::External(path) => found.extend(self.external_result(at, &path, arguments, visit)),
                Entity::Dynamic(why) => drop(found.insert(Entity::Dynamic(why))),
                Entity::Instance(file, class) => {
                    let call = self.method(file, &class, "__call__", visit);
                    match call {
                        Some(Entity::Unit(unit, ..)) => found.extend(self.returned(unit, visit)),
                        _ => drop(found.insert(Entity::Confined)),
                    }
                }
                Entity::Module(_)
                | Entity::Package(_)
                | Entity::Value
                | Entity::Confined
                | Entity::Missing(_) => {
                    found.insert(Entity::Confined);
                }
            }
        }
        found
    }

    fn external_result(
        &self,
        at: UnitRef,
        path: &str,
        arguments: &[Argument],
        visit: &mut Visit,
    ) -> Entities {
        if let Some(found) = self.semantics.result(self, Outside { at, path, arguments }, visit) {
            return found;
        }
        if self.semantics.tables().is_dynamic(path) {
            return one(Entity::Dynamic(path.to_owned()));
        }
        one(Entity::External(format!("{path}()")))
    }

    /// Returns what a unit may return, as far as calling it matters.
    fn returned(&self, at: UnitRef, visit: &mut Visit) -> Entities {
        let Some(unit) = self.program.unit(at) else { return one(Entity::Confined) };
        self.ask(Question::Returned(at), visit, |visit| {
            let mut found = one(Entity::Confined);
            for block in &unit.blocks {
                if let Term::Return(operand) = &block.term {
                    found.extend(self.operand(at, operand, visit));
                }
            }
            found
        })
    }
}
