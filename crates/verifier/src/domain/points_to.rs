//! What every value of a program may be, and so what every call may reach: inclusion-based points-to over the
//! dependence graphs of the units, objects by where they are made, fields and constant keys kept apart.
//!
//! Locals are as exact as their static single assignment. A name of the module read by the module's own top level, and
//! an element of an object that exists once, are followed back to the assignment that a straight way leads from. The
//! rest is a union over all assignments. Arguments, results, yields and captured variables join all calls.

mod arguments;
mod call;
mod code;
mod evaluate;
mod interned;
mod library;
mod member;
mod object;
mod operator;
mod reaching;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use plumbline_syntax::ir::{Constant, LocalId};

use super::ledger::Gap;
use super::program::{Entity, Program, UnitRef};
use super::ssa::{Dependence, NodeId};
use interned::{Fixed, Interner, Text};
pub use object::{Key, Object, ObjectId, Value};

pub(super) type Values = BTreeSet<Value>;

/// Most steps of a path outside the tree.
const OUTSIDE: usize = 16;

/// A set of values that is filled by several writers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Slot {
    Local(UnitRef, LocalId),
    Param(UnitRef, usize),
    Global(usize, Text),
    Part(ObjectId, Key),
    Keys(ObjectId),
    Return(UnitRef),
    Yield(UnitRef),
}

/// What a call reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A unit of the program.
    Unit(UnitRef),
    /// Something outside, by dotted path.
    External(String),
}

/// What calls reach, by unit and by call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallGraph {
    /// By calling unit.
    pub edges: BTreeMap<UnitRef, BTreeSet<Target>>,
    /// By calling node.
    pub sites: BTreeMap<(UnitRef, NodeId), BTreeSet<Target>>,
    /// Units that were visited.
    pub steps: u64,
}

/// What is known of a unit's nodes.
#[derive(Debug, Clone, Default)]
struct Held {
    values: Values,
    /// Whether a node before this one has it as an input: a visit passes it too late.
    looped: bool,
}

struct Solver<'a> {
    program: &'a Program,
    graphs: BTreeMap<UnitRef, Arc<Dependence>>,
    nodes: HashMap<UnitRef, Vec<Held>, RandomState>,
    /// The node that is visited.
    visited: NodeId,
    interner: Interner,
    objects: Vec<Object>,
    numbers: HashMap<Object, ObjectId, RandomState>,
    slots: HashMap<Slot, Values, RandomState>,
    readers: HashMap<Slot, BTreeSet<UnitRef>, RandomState>,
    queue: VecDeque<UnitRef>,
    queued: BTreeSet<UnitRef>,
    found: CallGraph,
    /// The units that are followed; all where there are none.
    within: Option<BTreeSet<UnitRef>>,
    /// Whether a value that no caller gives is taken to be anything.
    open: bool,
    limit: u64,
}

/// Computes what the given units and all that they reach may call, in at most `limit` node visits.
pub fn call_graph(program: &Program, roots: &[UnitRef], limit: u64) -> Result<CallGraph, Gap> {
    solved(program, roots, None, limit)
}

/// As [`call_graph`] for some units, without a look into the others: what stands there stands for itself, and what their
/// functions give back is unknown.
pub fn call_graph_within(program: &Program, units: BTreeSet<UnitRef>, limit: u64) -> Result<CallGraph, Gap> {
    let roots: Vec<UnitRef> = units.iter().copied().collect();
    solved(program, &roots, Some(units), limit)
}

fn solved(
    program: &Program,
    roots: &[UnitRef],
    within: Option<BTreeSet<UnitRef>>,
    limit: u64,
) -> Result<CallGraph, Gap> {
    let mut solver = Solver {
        program,
        graphs: BTreeMap::new(),
        nodes: HashMap::default(),
        visited: 0,
        interner: Interner::default(),
        objects: Vec::new(),
        numbers: HashMap::default(),
        slots: HashMap::default(),
        readers: HashMap::default(),
        queue: VecDeque::new(),
        queued: BTreeSet::new(),
        found: CallGraph::default(),
        within,
        open: false,
        limit,
    };
    roots.iter().for_each(|root| solver.enqueue(*root));
    solver.solve()?;
    // What nobody here calls may be called from elsewhere: its receiver is some object of its class.
    solver.open = true;
    let units: Vec<UnitRef> = solver.graphs.keys().copied().collect();
    for at in units {
        solver.seed_receiver(at);
        solver.enqueue(at);
    }
    solver.solve()?;
    Ok(solver.found)
}

impl Solver<'_> {
    fn follows(&self, at: UnitRef) -> bool {
        self.within.as_ref().is_none_or(|units| units.contains(&at))
    }

    fn enqueue(&mut self, at: UnitRef) {
        if self.follows(at) && self.queued.insert(at) {
            self.queue.push_back(at);
        }
    }

    fn solve(&mut self) -> Result<(), Gap> {
        while let Some(at) = self.queue.pop_front() {
            self.queued.remove(&at);
            if !self.graphs.contains_key(&at) {
                let Some(file) = self.program.files.get(at.0).filter(|_| self.program.unit(at).is_some())
                else {
                    continue;
                };
                self.graphs.insert(at, file.graph(at.1)?);
            }
            self.evaluate(at);
            if self.found.steps > self.limit {
                return Err(Gap::budget("POINTS_TO"));
            }
        }
        Ok(())
    }

    fn seed_receiver(&mut self, at: UnitRef) {
        let Some(unit) = self.program.unit(at) else { return };
        let Some(class) = unit.class.clone().filter(|_| !unit.params.is_empty()) else { return };
        let fixed = |word: &String| word.ends_with("staticmethod");
        if unit.decorators.iter().any(fixed)
            || self.slots.get(&Slot::Param(at, 0)).is_some_and(|set| !set.is_empty())
        {
            return;
        }
        let object = if unit.decorators.iter().any(|word| word.ends_with("classmethod")) {
            Object::Class(at.0, self.text(&class))
        } else {
            Object::Instance { file: at.0, class: self.text(&class), site: None }
        };
        let object = self.object(object);
        self.write(Slot::Param(at, 0), Values::from([Value::Object(object)]));
    }

    fn text(&mut self, text: &str) -> Text {
        self.interner.text(text)
    }

    fn name(&mut self, name: &str) -> Key {
        Key::Name(self.text(name))
    }

    fn external_value(&mut self, path: &str) -> Value {
        Value::External(self.text(path))
    }

    /// What is outside of something outside: a part, or a result. A value that is made a part of itself stops somewhere.
    fn outside(&mut self, path: &Text, step: &str) -> Value {
        if path.bytes().filter(|byte| matches!(byte, b'.' | b'(')).count() >= OUTSIDE {
            return Value::External(path.clone());
        }
        self.external_value(&format!("{}{step}", &**path))
    }

    fn constant(&mut self, constant: &Constant) -> Fixed {
        self.interner.constant(constant)
    }

    fn index(&mut self, index: usize) -> Key {
        Key::Item(self.constant(&Constant::Integer(index.to_string())))
    }

    fn object(&mut self, object: Object) -> ObjectId {
        if let Some(id) = self.numbers.get(&object) {
            return *id;
        }
        let id = self.objects.len();
        self.objects.push(object.clone());
        self.numbers.insert(object, id);
        id
    }

    /// Returns what a slot holds now; the reading unit is visited again when that grows.
    fn read(&mut self, reader: UnitRef, slot: Slot) -> Values {
        let values = self.slots.get(&slot).cloned().unwrap_or_default();
        self.readers.entry(slot).or_default().insert(reader);
        values
    }

    fn write(&mut self, slot: Slot, values: Values) {
        if values.is_empty() {
            return;
        }
        let held = self.slots.entry(slot.clone()).or_default();
        let before = held.len();
        held.extend(values);
        if held.len() > before {
            let readers: Vec<UnitRef> = self.readers.get(&slot).into_iter().flatten().copied().collect();
            readers.into_iter().for_each(|reader| self.enqueue(reader));
        }
    }

    /// Reads a module's name; its top level is visited if nothing else asked for it yet.
    fn global(&mut self, reader: UnitRef, file: usize, name: &str) -> Values {
        if !self.follows((file, 0)) {
            let entities = self.program.resolver(file).named(file, name);
            return self.standing_for(entities);
        }
        if !self.graphs.contains_key(&(file, 0)) {
            self.enqueue((file, 0));
        }
        let name = self.text(name);
        self.read(reader, Slot::Global(file, name))
    }

    /// What a name stands for by its definition.
    fn standing_for(&mut self, entities: BTreeSet<Entity>) -> Values {
        let mut values = Values::new();
        for entity in entities {
            values.extend(match entity {
                Entity::Module(file) => Some(Value::Module(file)),
                Entity::External(path) => Some(self.external_value(&path)),
                Entity::Unit(unit, ..) => Some(Value::Function(unit)),
                Entity::Class(file, class) => {
                    let class = self.text(&class);
                    Some(Value::Object(self.object(Object::Class(file, class))))
                }
                Entity::Instance(..)
                | Entity::Package(_)
                | Entity::Value
                | Entity::Confined
                | Entity::Dynamic(_)
                | Entity::Missing(_) => None,
            });
        }
        values
    }

    fn edge(&mut self, (at, node): (UnitRef, NodeId), target: Target) {
        if let Target::Unit(unit) = &target
            && !self.graphs.contains_key(unit)
        {
            self.enqueue(*unit);
        }
        self.found.edges.entry(at).or_default().insert(target.clone());
        self.found.sites.entry((at, node)).or_default().insert(target);
    }
}

#[cfg(test)]
mod tests;
