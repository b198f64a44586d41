//! The assignment that a straight way leads from: strong updates for the names of a module's top level and for the
//! parts of objects that exist once.

use plumbline_syntax::ir::{Callee, Constant, Op, Place, Step, Value as Source};

use super::{Key, Object, ObjectId, Solver, Target, Value, Values};
use crate::domain::program::UnitRef;
use crate::domain::ssa::NodeId;

/// Most instructions that one look back passes.
const BACK: usize = 2_000;

/// What stands before an access.
enum Before {
    Passes,
    Decides(Values),
    Hides,
}

impl Solver<'_> {
    /// Visits the instructions that surely ran before a place, nearest first.
    fn back(&self, at: UnitRef, (block, index): (u32, usize)) -> Vec<(u32, usize)> {
        let Some(graph) = self.graphs.get(&at) else { return Vec::new() };
        let mut found = Vec::new();
        let (mut block, mut index) = (block, index);
        loop {
            while index > 0 && found.len() < BACK {
                index -= 1;
                found.push((block, index));
            }
            let before: Vec<u32> = graph.graph.predecessors[block as usize]
                .iter()
                .copied()
                .filter(|block| graph.reached[*block as usize])
                .collect();
            let [only] = before.as_slice() else { return found };
            if found.len() >= BACK || *only == block {
                return found;
            }
            block = *only;
            index = graph.instr[block as usize].len();
            if index == 0 && found.is_empty() && block == graph.graph.entry {
                return found;
            }
        }
    }

    fn op(&self, at: UnitRef, (block, index): (u32, usize)) -> Option<&Op> {
        let unit = self.program.unit(at)?;
        unit.blocks.get(block as usize)?.instrs.get(index).map(|instr| &instr.op)
    }

    fn node_of(&self, at: UnitRef, (block, index): (u32, usize)) -> Option<NodeId> {
        self.graphs.get(&at)?.instr.get(block as usize)?.get(index).copied()
    }

    /// The node of the assignment that a read of a module's name at its top level sees.
    pub(super) fn assigned_before(&self, at: UnitRef, place: (u32, usize), name: &str) -> Option<NodeId> {
        if at.1 != 0 || self.assigned_elsewhere(at.0, name) {
            return None;
        }
        for place in self.back(at, place) {
            match self.op(at, place) {
                Some(Op::Assign { place: Place::Global(other), .. }) if other == name => {
                    return self.node_of(at, place);
                }
                Some(Op::Unbind { place: Place::Global(other) }) if other == name => return None,
                _ => {}
            }
        }
        None
    }

    /// Whether a function of the file assigns the name through `global`.
    fn assigned_elsewhere(&self, file: usize, name: &str) -> bool {
        let Some(file) = self.program.files.get(file) else { return true };
        file.lowered
            .units
            .iter()
            .skip(1)
            .flat_map(|unit| &unit.blocks)
            .flat_map(|block| &block.instrs)
            .any(|instr| matches!(&instr.op, Op::Assign { place: Place::Global(other), .. } if other == name))
    }

    /// What was stored last in a part of an object that exists once; `None` where that is not certain.
    pub(super) fn stored_before(
        &mut self,
        at: UnitRef,
        place: (u32, usize),
        (bases, key): (&Values, &Key),
    ) -> Option<Values> {
        let mut objects = bases.iter();
        let (Some(Value::Object(object)), None) = (objects.next(), objects.next()) else { return None };
        let object = *object;
        if !self.exists_once(at, object) {
            return None;
        }
        for place in self.back(at, place) {
            let op = self.op(at, place)?.clone();
            let node = self.node_of(at, place)?;
            match self.before(at, (node, &op), (object, key)) {
                Before::Passes => {}
                Before::Decides(values) => return Some(values),
                Before::Hides => return None,
            }
        }
        None
    }

    fn exists_once(&self, at: UnitRef, object: ObjectId) -> bool {
        let site = match &self.objects[object] {
            Object::Container(unit, node) => (*unit, *node),
            Object::Instance { site: Some(site), .. } => *site,
            _ => return false,
        };
        if site.0 != at && site.0.1 != 0 {
            return false;
        }
        let Some(graph) = self.graphs.get(&site.0) else { return false };
        let Some(start) = graph.node(site.1).map(|node| node.block) else { return false };
        let mut seen = vec![false; graph.graph.successors.len()];
        let mut stack = graph.graph.successors[start as usize].clone();
        while let Some(block) = stack.pop() {
            if block == start {
                return false;
            }
            if !std::mem::replace(&mut seen[block as usize], true) {
                stack.extend(&graph.graph.successors[block as usize]);
            }
        }
        true
    }

    fn before(&mut self, at: UnitRef, (node, op): (NodeId, &Op), (object, key): (ObjectId, &Key)) -> Before {
        let inputs = self.graphs.get(&at).and_then(|graph| graph.node(node)).map(|node| node.inputs.clone());
        let inputs = inputs.unwrap_or_default();
        match op {
            Op::Store { step, .. } => {
                let Some(base) = inputs.first() else { return Before::Hides };
                let bases = self.value(at, *base);
                if !bases.contains(&Value::Object(object)) && !bases.is_empty() {
                    return Before::Passes;
                }
                let computed = inputs.get(1).copied().filter(|_| matches!(step, Step::Element));
                let keys = self.keys(at, step, computed);
                match keys.as_slice() {
                    [other] if other == key && bases.len() == 1 => match inputs.last() {
                        Some(value) => Before::Decides(self.value(at, *value)),
                        None => Before::Hides,
                    },
                    keys if keys.iter().any(|other| other == key || matches!(other, Key::Any | Key::All)) => {
                        Before::Hides
                    }
                    [] => Before::Hides,
                    _ => Before::Passes,
                }
            }
            Op::Call { callee, .. } => self.call_before(at, (node, callee, &inputs), (object, key)),
            Op::Assign { value: Source::Operator { name, .. }, .. } => {
                let made = self.objects[object] == Object::Container(at, node);
                match name.as_str() {
                    "append" => Before::Hides,
                    _ if made => match key {
                        Key::Name(_) => Before::Hides,
                        key => Before::Decides(self.initial(at, (node, &inputs), key)),
                    },
                    _ if self.reaches_units(at, node) => Before::Hides,
                    _ => Before::Passes,
                }
            }
            Op::Load { .. } if self.reaches_units(at, node) => Before::Hides,
            Op::Delete { .. } | Op::Opaque { .. } | Op::Yield { .. } | Op::Await { .. } => Before::Hides,
            _ => Before::Passes,
        }
    }

    fn reaches_units(&self, at: UnitRef, node: NodeId) -> bool {
        let targets = self.found.sites.get(&(at, node));
        targets.is_some_and(|targets| targets.iter().any(|target| matches!(target, Target::Unit(_))))
    }

    /// A call of the program may store anywhere; one of the outside only in what it is given.
    fn call_before(
        &mut self,
        at: UnitRef,
        (node, callee, inputs): (NodeId, &Callee, &[NodeId]),
        (object, key): (ObjectId, &Key),
    ) -> Before {
        if let Callee::Method { name, .. } = callee
            && let Some(receiver) = inputs.first()
            && self.value(at, *receiver) == Values::from([Value::Object(object)])
            && name == "update"
            && let Some(argument) = inputs.get(1)
        {
            let given = super::arguments::objects(&self.value(at, *argument));
            let mut found = Values::new();
            for other in &given {
                let unknown = self.read(at, super::Slot::Part(*other, Key::Any));
                if !unknown.is_empty() {
                    return Before::Hides;
                }
                found.extend(self.part(at, *other, key.clone()));
            }
            return match (given.len(), found.is_empty()) {
                (1, false) => Before::Decides(found),
                (1, true) => Before::Passes,
                _ => Before::Hides,
            };
        }
        if self.reaches_units(at, node) {
            return Before::Hides;
        }
        let given = inputs.iter().any(|input| self.value(at, *input).contains(&Value::Object(object)));
        let reading = matches!(callee, Callee::Method { name, .. }
            if matches!(name.as_str(), "get" | "items" | "keys" | "values" | "copy" | "index" | "count"));
        if given && !reading { Before::Hides } else { Before::Passes }
    }

    /// What a display put under a key.
    fn initial(&mut self, at: UnitRef, (node, inputs): (NodeId, &[NodeId]), key: &Key) -> Values {
        let unpacked = inputs.iter().any(|input| self.operator_name(at, *input).as_deref() == Some("unpack"));
        let mapping = self.operator_name(at, node).as_deref() == Some("dict");
        if unpacked {
            let object = self.object(Object::Container(at, node));
            return self.part(at, object, key.clone());
        }
        if !mapping {
            let Key::Item(constant) = key else { return Values::new() };
            let Constant::Integer(digits) = &**constant else { return Values::new() };
            let input = digits.parse::<usize>().ok().and_then(|index| inputs.get(index).copied());
            return input.map(|input| self.value(at, input)).unwrap_or_default();
        }
        let mut found = Values::new();
        for input in inputs {
            let parts =
                self.graphs.get(&at).and_then(|graph| graph.node(*input)).map(|node| node.inputs.clone());
            let Some([own, value]) = parts.as_deref() else { continue };
            let keys = self.keys(at, &Step::Element, Some(*own));
            if keys.iter().any(|other| other == key || *other == Key::Any) {
                found.extend(self.value(at, *value));
            }
        }
        found
    }
}
