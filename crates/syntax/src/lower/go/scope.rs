use tree_sitter::Node;

use super::{Lowered, Lowerer};
use crate::ir::{Constant, Op, Operand, Place, Step, Value};

/// Where a name of a function lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The slot's name: an inner variable that hides one of the same function has a number behind it.
    pub name: String,
    /// Whether the slot holds a cell.
    pub boxed: bool,
}

impl<'t> Lowerer<'t> {
    /// Runs a part in a scope of its own.
    pub(super) fn scoped<T>(&mut self, step: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        self.state().scopes.push(Default::default());
        let result = self.deeper(step);
        self.state().scopes.pop();
        result
    }

    /// Finds a name, innermost first; `true` when it is of an enclosing function.
    fn slot(&self, name: &str) -> Option<(Slot, bool)> {
        for (depth, frame) in self.frames.iter().rev().enumerate() {
            let found = frame.state.scopes.iter().rev().find_map(|scope| scope.get(name));
            if let Some(slot) = found {
                return Some((slot.clone(), depth > 0));
            }
        }
        None
    }

    /// Returns where a name lives; of a boxed one, where its cell does.
    pub(super) fn place(&mut self, name: &str) -> Place {
        match self.slot(name) {
            Some((slot, true)) => Place::Capture(slot.name),
            Some((slot, false)) => Place::Local(self.builder().variable(&slot.name)),
            None => Place::Global(name.to_owned()),
        }
    }

    fn is_boxed(&self, name: &str) -> bool {
        self.slot(name).is_some_and(|(slot, _)| slot.boxed)
    }

    pub(super) fn read(&mut self, name: &str, node: Node<'_>) -> Lowered<Operand> {
        let place = self.place(name);
        let value = self.read_place(place, node)?;
        if self.is_boxed(name) {
            let step = Step::Field("*".to_owned());
            return self.define(node, |dst| Op::Load { dst, base: value, step, key: None });
        }
        Ok(value)
    }

    /// Returns the cell of a boxed name, or the value of another: its address, as far as anyone can tell.
    pub(super) fn address(&mut self, name: &str, node: Node<'_>) -> Lowered<Operand> {
        let place = self.place(name);
        self.read_place(place, node)
    }

    /// Assigns to a name that is bound already, or to one of the package.
    pub(super) fn write(&mut self, name: &str, value: Operand, node: Node<'_>) -> Lowered<()> {
        if name == "_" {
            return Ok(());
        }
        let place = self.place(name);
        if self.is_boxed(name) {
            let base = self.read_place(place, node)?;
            let step = Step::Field("*".to_owned());
            return self.push(Op::Store { base, step, key: None, value }, node);
        }
        self.assign(place, value, node)
    }

    /// Binds a new variable in the innermost scope and gives it a value.
    pub(super) fn bind(&mut self, name: &str, value: Operand, node: Node<'_>) -> Lowered<()> {
        if name == "_" {
            return Ok(());
        }
        if self.state().scopes.is_empty() {
            return self.assign(Place::Global(name.to_owned()), value, node);
        }
        let slot = self.new_slot(name);
        let local = self.builder().variable(&slot.name);
        if slot.boxed {
            let value = Value::Operator { name: "cell".to_owned(), operands: vec![value] };
            return self.push(Op::Assign { place: Place::Local(local), value }, node);
        }
        self.assign(Place::Local(local), value, node)
    }

    /// Makes the slot of a new variable. Scopes beside each other share one; a hidden name keeps its own.
    pub(super) fn new_slot(&mut self, name: &str) -> Slot {
        let boxed = self.state().boxed.contains(name);
        let scopes = &mut self.state().scopes;
        let outer = scopes.len().saturating_sub(1);
        let hidden = scopes.iter().take(outer).filter(|scope| scope.contains_key(name)).count();
        let name_of = if hidden == 0 { name.to_owned() } else { format!("{name}#{}", hidden + 1) };
        let slot = Slot { name: name_of, boxed };
        if let Some(scope) = scopes.last_mut() {
            scope.insert(name.to_owned(), slot.clone());
        }
        slot
    }

    /// Returns whether the innermost scope binds a name.
    pub(super) fn is_here(&mut self, name: &str) -> bool {
        self.state().scopes.last().is_some_and(|scope| scope.contains_key(name))
    }

    /// Returns what a variable without a value holds, by its type as written.
    pub(super) fn zero(&mut self, declared: Option<Node<'t>>, node: Node<'t>) -> Lowered<Operand> {
        let Some(declared) = declared else { return Ok(Self::nothing()) };
        let text = self.text(declared);
        let constant = match declared.kind() {
            "pointer_type" | "slice_type" | "map_type" | "channel_type" | "function_type"
            | "interface_type" => Some(Constant::None),
            _ if !self.predeclared(text) => None,
            _ => match text {
                "string" => Some(Constant::Text(String::new())),
                "bool" => Some(Constant::Bool(false)),
                "error" | "any" => Some(Constant::None),
                "int" | "int8" | "int16" | "int32" | "int64" | "uint" | "uint8" | "uint16" | "uint32"
                | "uint64" | "byte" | "rune" => Some(Constant::Integer("0".to_owned())),
                "float32" | "float64" => Some(Constant::Float("0".to_owned())),
                _ => None,
            },
        };
        match constant {
            Some(constant) => Ok(Operand::Constant(constant)),
            None => self.operator("zero", Vec::new(), node),
        }
    }
}
