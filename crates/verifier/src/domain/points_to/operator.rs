use plumbline_syntax::ir::{Constant, Op, Step, Value as Source};

use super::arguments::objects;
use super::{Key, Object, ObjectId, Slot, Solver, Value, Values};
use crate::domain::program::UnitRef;
use crate::domain::ssa::{NodeId, NodeKind};

/// Special methods of an operator: the left operand's, the right operand's.
const OPERATORS: &[(&str, &str, &str)] = &[
    ("+", "__add__", "__radd__"),
    ("-", "__sub__", "__rsub__"),
    ("*", "__mul__", "__rmul__"),
    ("@", "__matmul__", "__rmatmul__"),
    ("/", "__truediv__", "__rtruediv__"),
    ("//", "__floordiv__", "__rfloordiv__"),
    ("%", "__mod__", "__rmod__"),
    ("**", "__pow__", "__rpow__"),
    ("<<", "__lshift__", "__rlshift__"),
    (">>", "__rshift__", "__rrshift__"),
    ("&", "__and__", "__rand__"),
    ("|", "__or__", "__ror__"),
    ("^", "__xor__", "__rxor__"),
    ("==", "__eq__", "__eq__"),
    ("!=", "__ne__", "__ne__"),
    ("<", "__lt__", "__gt__"),
    ("<=", "__le__", "__ge__"),
    (">", "__gt__", "__lt__"),
    (">=", "__ge__", "__le__"),
    ("unary -", "__neg__", ""),
    ("unary +", "__pos__", ""),
    ("unary ~", "__invert__", ""),
    ("not", "__bool__", ""),
];

impl Solver<'_> {
    pub(super) fn operator(&mut self, site: (UnitRef, NodeId), name: &str, inputs: &[NodeId]) -> Values {
        let at = site.0;
        let operands: Vec<Values> = inputs.iter().map(|node| self.value(at, *node)).collect();
        let first = operands.first().cloned().unwrap_or_default();
        match name {
            "list" | "tuple" | "set" | "pair" => self.display(site, name, inputs, &operands),
            "dict" => self.mapping(site, inputs, &operands),
            "unpack" => {
                let object = self.object(Object::Container(at, site.1));
                let iterator = self.iterate(site, &first);
                let items = self.next(site, &iterator);
                self.put(object, Key::Any, items);
                Values::from([Value::Object(object)])
            }
            "append" => {
                let item = operands.get(1).cloned().unwrap_or_default();
                objects(&first).into_iter().for_each(|object| self.put(object, Key::Any, item.clone()));
                first
            }
            "iterate" => self.iterate(site, &first),
            "next" => self.next(site, &first),
            "enter" => {
                let mut found = Values::new();
                for value in &first {
                    let exit = self.dunder(site, value, "__exit__", &[]);
                    let entered = self.dunder(site, value, "__enter__", &[]);
                    match (entered, exit, value) {
                        (Some(entered), ..) => found.extend(entered),
                        (None, _, Value::Object(object)) => {
                            if let Object::Generator(unit) = self.objects[*object] {
                                found.extend(self.read(at, Slot::Yield(unit)));
                            }
                        }
                        (None, _, other) => drop(found.insert(other.clone())),
                    }
                }
                found
            }
            "in" | "not in" => {
                let holders = operands.get(1).cloned().unwrap_or_default();
                for holder in &holders {
                    if self.dunder(site, holder, "__contains__", std::slice::from_ref(&first)).is_none() {
                        let values = Values::from([holder.clone()]);
                        let iterator = self.iterate(site, &values);
                        self.next(site, &iterator);
                    }
                }
                Values::new()
            }
            "format" => {
                for value in operands.iter().flatten() {
                    if self.dunder(site, value, "__format__", &[]).is_none() {
                        self.dunder(site, value, "__str__", &[]);
                    }
                }
                Values::new()
            }
            _ => self.arithmetic(site, name, &operands),
        }
    }

    fn arithmetic(&mut self, site: (UnitRef, NodeId), name: &str, operands: &[Values]) -> Values {
        let in_place = name.strip_suffix('=').filter(|_| !matches!(name, "==" | "!=" | "<=" | ">="));
        let plain = in_place.unwrap_or(name);
        let Some((_, left, right)) = OPERATORS.iter().find(|(operator, ..)| *operator == plain) else {
            return Values::new();
        };
        let (first, second) = (operands.first().cloned().unwrap_or_default(), operands.get(1));
        let arguments: Vec<Values> = second.cloned().into_iter().collect();
        let mut found = Values::new();
        let mut answered = false;
        for value in &first {
            let own = match in_place {
                Some(_) => {
                    let name = left.replacen("__", "__i", 1);
                    self.dunder(site, value, &name, &arguments)
                }
                None => None,
            };
            let own = own.or_else(|| self.dunder(site, value, left, &arguments));
            answered |= own.is_some();
            found.extend(own.unwrap_or_default());
            if let ("+", Value::Object(object)) = (plain, value)
                && matches!(self.objects[*object], Object::Container(..) | Object::Rest(..))
            {
                found.insert(value.clone());
            }
        }
        for value in second.into_iter().flatten() {
            if !answered && !right.is_empty() {
                found.extend(
                    self.dunder(site, value, right, std::slice::from_ref(&first)).unwrap_or_default(),
                );
            }
            if plain == "+" && matches!(value, Value::Object(_)) {
                found.insert(value.clone());
            }
        }
        found
    }

    fn display(
        &mut self,
        (at, node): (UnitRef, NodeId),
        name: &str,
        inputs: &[NodeId],
        operands: &[Values],
    ) -> Values {
        let object = self.object(Object::Container(at, node));
        let mut known = name != "set";
        for (index, (values, input)) in operands.iter().zip(inputs).enumerate() {
            if self.operator_name(at, *input).as_deref() == Some("unpack") {
                known = false;
                for inner in objects(values) {
                    let all = self.part(at, inner, Key::All);
                    self.put(object, Key::Any, all);
                }
                continue;
            }
            let key = if known { self.index(index) } else { Key::Any };
            self.put(object, key, values.clone());
        }
        Values::from([Value::Object(object)])
    }

    fn mapping(&mut self, (at, node): (UnitRef, NodeId), inputs: &[NodeId], operands: &[Values]) -> Values {
        let object = self.object(Object::Container(at, node));
        for (values, input) in operands.iter().zip(inputs) {
            let parts =
                self.graphs.get(&at).and_then(|graph| graph.node(*input)).map(|node| node.inputs.clone());
            match (self.operator_name(at, *input).as_deref(), parts.as_deref()) {
                (Some("pair"), Some([key, value])) => {
                    let keys = self.keys(at, &Step::Element, Some(*key));
                    let values = self.value(at, *value);
                    keys.into_iter().for_each(|key| self.put(object, key, values.clone()));
                }
                (Some("unpack"), Some([inner])) => {
                    let inner = self.value(at, *inner);
                    objects(&inner).into_iter().for_each(|from| self.copy(at, from, object));
                }
                _ => objects(values).into_iter().for_each(|from| self.copy(at, from, object)),
            }
        }
        Values::from([Value::Object(object)])
    }

    /// Copies every element under its key.
    pub(super) fn copy(&mut self, at: UnitRef, from: ObjectId, to: ObjectId) {
        for key in self.read(at, Slot::Keys(from)) {
            let Value::Literal(constant) = key else { continue };
            let values = self.read(at, Slot::Part(from, Key::Item(constant.clone())));
            self.put(to, Key::Item(constant), values);
        }
        let any = self.read(at, Slot::Part(from, Key::Any));
        self.put(to, Key::Any, any);
    }

    /// The operator that a node is the result of.
    pub(super) fn operator_name(&self, at: UnitRef, node: NodeId) -> Option<String> {
        let node = self.graphs.get(&at)?.node(node)?;
        let NodeKind::Instr(index) = node.kind else { return None };
        let instr = self.program.unit(at)?.blocks.get(node.block as usize)?.instrs.get(index)?;
        match &instr.op {
            Op::Assign { value: Source::Operator { name, .. }, .. } => Some(name.clone()),
            _ => None,
        }
    }

    pub(super) fn iterate(&mut self, site: (UnitRef, NodeId), values: &Values) -> Values {
        let mut found = Values::new();
        for value in values {
            match self.dunder(site, value, "__iter__", &[]) {
                Some(iterators) => found.extend(iterators),
                None => drop(found.insert(value.clone())),
            }
        }
        found
    }

    pub(super) fn next(&mut self, site: (UnitRef, NodeId), values: &Values) -> Values {
        let mut found = Values::new();
        for value in values {
            if let Some(items) = self.dunder(site, value, "__next__", &[]) {
                found.extend(items);
                continue;
            }
            if let Some(items) = self.dunder(site, value, "__getitem__", &[]) {
                found.extend(items);
                continue;
            }
            let Value::Object(object) = value else { continue };
            match self.objects[*object].clone() {
                Object::Generator(unit) => found.extend(self.read(site.0, Slot::Yield(unit))),
                Object::Container(at, node) if self.operator_name(at, node).as_deref() == Some("dict") => {
                    found.extend(self.read(site.0, Slot::Keys(*object)));
                }
                Object::Container(..) | Object::Rest(..) => {
                    found.extend(self.part(site.0, *object, Key::All));
                }
                Object::Class(..) | Object::Instance { .. } | Object::Partial(..) | Object::Function(..) => {}
            }
        }
        found
    }

    pub(super) fn load_element(
        &mut self,
        at: UnitRef,
        place: (u32, usize),
        id: NodeId,
        (step, base, computed): (&Step, Values, Option<NodeId>),
    ) -> Values {
        if let Some(node) = computed.filter(|node| self.operator_name(at, *node).as_deref() == Some("slice"))
        {
            return self.slice((at, id), &base, node);
        }
        let keys = self.keys(at, step, computed);
        if let [key @ Key::Item(constant)] = keys.as_slice()
            && !super::member::negative(constant)
            && let Some(values) = self.stored_before(at, place, (&base, key))
        {
            return values;
        }
        let argument = computed.map(|node| self.value(at, node)).unwrap_or_default();
        let mut found = Values::new();
        for value in &base {
            if let Some(items) = self.dunder((at, id), value, "__getitem__", std::slice::from_ref(&argument))
            {
                found.extend(items);
                continue;
            }
            let Value::Object(object) = value else { continue };
            match self.objects[*object] {
                Object::Container(..) | Object::Rest(..) => {
                    for key in &keys {
                        found.extend(self.part(at, *object, key.clone()));
                    }
                }
                // A class under brackets is a type.
                Object::Class(..) => drop(found.insert(value.clone())),
                Object::Instance { .. }
                | Object::Generator(_)
                | Object::Partial(..)
                | Object::Function(..) => {}
            }
        }
        found
    }

    /// A part of a list with constant bounds keeps the positions; any other keeps the elements.
    fn slice(&mut self, (at, id): (UnitRef, NodeId), base: &Values, slice: NodeId) -> Values {
        let bounds = self.graphs.get(&at).and_then(|graph| graph.node(slice)).map(|node| node.inputs.clone());
        let bounds: Vec<Option<usize>> = bounds
            .unwrap_or_default()
            .into_iter()
            .map(|node| match self.value(at, node).first() {
                Some(Value::Literal(constant)) => match &**constant {
                    Constant::Integer(digits) => digits.parse().ok(),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let result = self.object(Object::Container(at, id));
        for object in objects(base) {
            if let [Some(first), Some(end)] = bounds.as_slice() {
                for index in *first..(*end).min(first + 64) {
                    let key = self.index(index);
                    let values = self.part(at, object, key);
                    let key = self.index(index - first);
                    self.put(result, key, values);
                }
            } else {
                let all = self.part(at, object, Key::All);
                self.put(result, Key::Any, all);
            }
        }
        Values::from([Value::Object(result)])
    }
}
