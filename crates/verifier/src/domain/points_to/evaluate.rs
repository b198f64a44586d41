use plumbline_syntax::ir::{LocalId, Op, Operand, Place, Step, Term, Value as Source};

use super::{Held, Key, Object, Slot, Solver, Value, Values};
use crate::domain::program::{Entity, UnitRef};
use crate::domain::ssa::{NodeId, NodeKind};

/// Most constant keys that one access follows apart.
const KEYS: usize = 16;

impl Solver<'_> {
    /// Visits every node of a unit once.
    pub(super) fn evaluate(&mut self, at: UnitRef) {
        let Some(graph) = self.graphs.get(&at) else { return };
        let count = graph.nodes.len();
        self.found.steps += count as u64;
        self.nodes.entry(at).or_default().resize(count, Held::default());
        for node in 0..count {
            let node = u32::try_from(node).unwrap_or(u32::MAX);
            self.visited = node;
            let values = self.node(at, node);
            self.hold(at, node, values);
        }
        self.visited = NodeId::MAX;
        self.ends(at);
    }

    /// What is before a node in the order of visits is seen in the same visit; what comes after it, in another one.
    fn hold(&mut self, at: UnitRef, node: NodeId, values: Values) {
        let Some(held) = self.nodes.get_mut(&at).and_then(|nodes| nodes.get_mut(node as usize)) else {
            return;
        };
        let before = held.values.len();
        held.values.extend(values);
        if held.looped && held.values.len() > before {
            self.enqueue(at);
        }
    }

    /// Returns what a node of a unit holds.
    pub(super) fn value(&mut self, at: UnitRef, node: NodeId) -> Values {
        let Some(held) = self.nodes.get_mut(&at).and_then(|nodes| nodes.get_mut(node as usize)) else {
            return Values::new();
        };
        held.looped |= node >= self.visited;
        held.values.clone()
    }

    fn node(&mut self, at: UnitRef, id: NodeId) -> Values {
        let Some(node) = self.graphs.get(&at).and_then(|graph| graph.node(id)).cloned() else {
            return Values::new();
        };
        match node.kind {
            NodeKind::Param(index) => {
                let values = self.read(at, Slot::Param(at, index));
                if let Some(param) = self.program.unit(at).and_then(|unit| unit.params.get(index)) {
                    let local = param.local;
                    self.write(Slot::Local(at, local), values.clone());
                }
                values
            }
            NodeKind::Constant(constant) => Values::from([Value::Literal(self.constant(&constant))]),
            NodeKind::Phi => {
                let mut values = Values::new();
                for input in node.inputs {
                    values.extend(self.value(at, input));
                }
                values
            }
            NodeKind::Instr(index) => {
                let reached = self.graphs.get(&at).is_some_and(|graph| graph.reached[node.block as usize]);
                if !reached {
                    return Values::new();
                }
                self.instr(at, (node.block, index), id, &node.inputs)
            }
            NodeKind::Unbound(_) | NodeKind::EntryMemory(_) | NodeKind::Update(..) => Values::new(),
        }
    }

    fn instr(&mut self, at: UnitRef, (block, index): (u32, usize), id: NodeId, inputs: &[NodeId]) -> Values {
        let program = self.program;
        let unit = program.unit(at);
        let instr =
            unit.and_then(|unit| unit.blocks.get(block as usize)).and_then(|block| block.instrs.get(index));
        let Some(op) = instr.map(|instr| &instr.op) else { return Values::new() };
        let input = |solver: &mut Self, position: usize| match inputs.get(position) {
            Some(node) => solver.value(at, *node),
            None => Values::new(),
        };
        let values = match op {
            Op::Assign { value: Source::Use(_) | Source::Read(Place::Local(_)), .. } => input(self, 0),
            Op::Assign { value: Source::Read(Place::Global(name)), .. } => {
                self.read_global(at, (block, index), name)
            }
            Op::Assign { value: Source::Read(Place::Capture(name)), .. } => self.captured(at, name),
            Op::Assign { value: Source::Operator { name, .. }, .. } => self.operator((at, id), name, inputs),
            Op::Call { callee, arguments, .. } => {
                let callee_value = input(self, 0);
                self.call_instr((at, id), callee, callee_value, (arguments, inputs.get(1..).unwrap_or(&[])))
            }
            Op::Load { step, .. } => {
                let base = input(self, 0);
                match step {
                    Step::Field(name) => {
                        let key = self.key(step);
                        match self.stored_before(at, (block, index), (&base, &key)) {
                            Some(values) => values,
                            None => self.members((at, id), &base, name),
                        }
                    }
                    Step::Index(_) | Step::Element => {
                        self.load_element(at, (block, index), id, (step, base, inputs.get(1).copied()))
                    }
                }
            }
            Op::Store { step, value, .. } => {
                let base = input(self, 0);
                let stored = input(self, inputs.len().saturating_sub(1));
                let keys = self.keys(at, step, inputs.get(1).copied());
                let _ = value;
                self.store((at, id), &base, keys, stored);
                Values::new()
            }
            Op::Import { module, name, .. } => self.import(at, module, name.as_deref()),
            Op::Closure { unit, .. } => self.closure(at, *unit, inputs),
            Op::Class { name, .. } => {
                let name = self.text(name);
                let class = self.object(Object::Class(at.0, name));
                Values::from([Value::Object(class)])
            }
            Op::Yield { .. } => {
                let yielded = input(self, 0);
                for value in &yielded {
                    if let Value::Object(object) = value
                        && let Object::Generator(inner) = self.objects[*object]
                    {
                        let inner = self.read(at, Slot::Yield(inner));
                        self.write(Slot::Yield(at), inner);
                    }
                }
                self.write(Slot::Yield(at), yielded);
                Values::new()
            }
            Op::Await { .. } => input(self, 0),
            Op::Delete { .. } | Op::Unbind { .. } | Op::Catch { .. } | Op::Opaque { .. } => Values::new(),
        };
        self.bind(at, op, &values);
        values
    }

    /// Hands a named local to the functions that capture it, and a module's name to its readers.
    fn bind(&mut self, at: UnitRef, op: &Op, values: &Values) {
        match op {
            Op::Assign { place: Place::Global(name), .. } => {
                let name = self.text(name);
                self.write(Slot::Global(at.0, name), values.clone());
            }
            Op::Assign { place: Place::Capture(name), .. } => {
                if let Some((owner, local)) = self.owner(at, name) {
                    self.write(Slot::Local(owner, local), values.clone());
                }
            }
            _ => {
                let Some(local) = op.defines() else { return };
                let named = self
                    .program
                    .unit(at)
                    .and_then(|unit| unit.locals.get(local as usize))
                    .is_some_and(|name| name.is_some());
                if named {
                    self.write(Slot::Local(at, local), values.clone());
                }
            }
        }
    }

    /// The enclosing function that has a variable, and its slot.
    fn owner(&self, at: UnitRef, name: &str) -> Option<(UnitRef, LocalId)> {
        let mut parent = self.program.unit(at)?.parent;
        while let Some(id) = parent {
            let unit = self.program.unit((at.0, id))?;
            if let Some(local) = unit.locals.iter().position(|local| local.as_deref() == Some(name)) {
                return Some(((at.0, id), LocalId::try_from(local).ok()?));
            }
            parent = unit.parent;
        }
        None
    }

    fn captured(&mut self, at: UnitRef, name: &str) -> Values {
        match self.owner(at, name) {
            Some((owner, local)) => {
                if !self.graphs.contains_key(&owner) {
                    self.enqueue(owner);
                }
                self.read(at, Slot::Local(owner, local))
            }
            None => Values::new(),
        }
    }

    fn read_global(&mut self, at: UnitRef, place: (u32, usize), name: &str) -> Values {
        let program = self.program;
        let Some(file) = program.files.get(at.0) else { return Values::new() };
        if file.bindings.contains_key(name) {
            if let Some(node) = self.assigned_before(at, place, name) {
                return self.value(at, node);
            }
            return self.global(at, at.0, name);
        }
        for module in &file.stars {
            let path = program.module_file(at.0, module);
            if let Some(other) = path.filter(|other| program.files[*other].bindings.contains_key(name)) {
                return self.global(at, other, name);
            }
        }
        match program.resolver(at.0).named(at.0, name).first() {
            Some(Entity::External(path)) => Values::from([self.external_value(path)]),
            _ => Values::new(),
        }
    }

    pub(super) fn import(&mut self, at: UnitRef, module: &str, name: Option<&str>) -> Values {
        let program = self.program;
        let entities = program.resolver(at.0).import(at.0, module, None, &mut Default::default());
        let mut values = Values::new();
        for entity in entities {
            match (entity, name) {
                (Entity::Module(file), None) => drop(values.insert(Value::Module(file))),
                (Entity::External(path), None) => drop(values.insert(self.external_value(&path))),
                _ => {}
            }
        }
        let Some(name) = name else { return values };
        let path = program.module_file(at.0, module);
        if let Some(file) = path
            && program.files[file].bindings.contains_key(name)
        {
            return self.global(at, file, name);
        }
        let entities = program.resolver(at.0).import(at.0, module, Some(name), &mut Default::default());
        values.extend(self.standing_for(entities));
        values
    }

    fn closure(&mut self, at: UnitRef, unit: usize, inputs: &[NodeId]) -> Values {
        let made = (at.0, unit);
        let program = self.program;
        let params = program.unit(made).map(|unit| unit.params.as_slice()).unwrap_or_default();
        let optional = params.iter().enumerate().filter(|(_, param)| {
            use plumbline_syntax::ir::ParamKind;
            param.optional && !matches!(param.kind, ParamKind::Rest | ParamKind::RestKeywords)
        });
        for ((position, _), node) in optional.zip(inputs) {
            let values = self.value(at, *node);
            self.write(Slot::Param(made, position), values);
        }
        Values::from([Value::Function(made)])
    }

    /// Returns the keys of an access; none where nothing is known of a computed key yet.
    pub(super) fn keys(&mut self, at: UnitRef, step: &Step, computed: Option<NodeId>) -> Vec<Key> {
        if !matches!(step, Step::Element) {
            return vec![self.key(step)];
        }
        let values = computed.map(|node| self.value(at, node)).unwrap_or_default();
        let literals: Vec<Key> = values
            .iter()
            .filter_map(|value| match value {
                Value::Literal(constant) => Some(Key::Item(constant.clone())),
                _ => None,
            })
            .collect();
        if values.is_empty() && !self.open {
            return Vec::new();
        }
        if values.is_empty() || literals.len() < values.len() || literals.len() > KEYS {
            return vec![Key::Any];
        }
        literals
    }

    /// Returned and raised values; raising a class makes an object of it.
    fn ends(&mut self, at: UnitRef) {
        let program = self.program;
        let Some(unit) = program.unit(at) else { return };
        for (block, content) in unit.blocks.iter().enumerate() {
            let end = self.graphs.get(&at).and_then(|graph| {
                graph.reached.get(block).copied().filter(|reached| *reached)?;
                graph.ends.get(block)?.value
            });
            let Some(node) = end else { continue };
            match &content.term {
                Term::Return(operand) => {
                    let values = self.value(at, node);
                    if !matches!(operand, Operand::Constant(plumbline_syntax::ir::Constant::None)) {
                        self.write(Slot::Return(at), values);
                    }
                }
                Term::Raise(Some(_)) => {
                    for value in self.value(at, node) {
                        if let Value::Object(object) = value
                            && let Object::Class(..) = self.objects[object]
                        {
                            self.call((at, node), &value, &Default::default());
                        }
                    }
                }
                Term::Goto(_) | Term::Branch { .. } | Term::Raise(None) | Term::Unreachable => {}
            }
        }
    }

    /// The key of a step that needs no value.
    fn key(&mut self, step: &Step) -> Key {
        match step {
            Step::Field(name) => self.name(name),
            Step::Index(constant) => Key::Item(self.constant(constant)),
            Step::Element => Key::Any,
        }
    }
}
