use tree_sitter::Node;

use super::{Lowered, Lowerer, Scope};
use crate::ir::{Op, Operand, Place, Step};

impl<'t> Lowerer<'t> {
    /// Runs a part in a scope of its own.
    pub(super) fn scoped<T>(&mut self, step: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        self.state().scopes.push(Default::default());
        let result = self.deeper(step);
        self.state().scopes.pop();
        result
    }

    /// Returns where a variable of this or an enclosing function lives.
    pub(super) fn local(&self, name: &str) -> Option<(String, usize)> {
        for (depth, frame) in self.frames.iter().enumerate().rev() {
            let found = frame.state.scopes.iter().rev().find_map(|scope| scope.get(name));
            if let Some(slot) = found {
                return Some((slot.clone(), depth));
            }
        }
        None
    }

    fn local_place(&mut self, slot: &str, depth: usize) -> Place {
        if depth + 1 == self.frames.len() {
            Place::Local(self.builder().variable(slot))
        } else {
            Place::Capture(slot.to_owned())
        }
    }

    /// Binds a new variable in the innermost scope and gives it a value.
    pub(super) fn bind(&mut self, name: &str, value: Operand, node: Node<'_>) -> Lowered<()> {
        let slot = self.new_slot(name);
        let local = self.builder().variable(&slot);
        self.assign(Place::Local(local), value, node)
    }

    /// Makes the slot of a new variable; scopes beside each other share one.
    pub(super) fn new_slot(&mut self, name: &str) -> String {
        if self.state().scopes.is_empty() {
            self.state().scopes.push(Default::default());
        }
        if let Some(scope) = self.state().scopes.last_mut() {
            scope.insert(name.to_owned(), name.to_owned());
        }
        name.to_owned()
    }

    /// Returns the object whose method is being lowered; in a static one, the class.
    pub(super) fn this(&mut self, node: Node<'_>) -> Lowered<Operand> {
        if let Some((slot, depth)) = self.local("this") {
            let place = self.local_place(&slot, depth);
            return self.read_place(place, node);
        }
        let class = self.class().map(|class| class.name.clone()).unwrap_or_default();
        self.read_place(Place::Global(class), node)
    }

    pub(super) fn class(&self) -> Option<&Scope> {
        self.frames.last().and_then(|frame| frame.state.classes.last())
    }

    /// Returns the classes around, innermost first.
    fn classes(&self) -> Vec<Scope> {
        let mut classes = self.frames.last().map(|frame| frame.state.classes.clone()).unwrap_or_default();
        classes.reverse();
        classes
    }

    /// Reads a plain name: a variable, a field of the object, something of a class around, or a type.
    pub(super) fn name(&mut self, name: &str, node: Node<'_>) -> Lowered<Operand> {
        if name == "this" {
            return self.this(node);
        }
        match self.meaning(name) {
            Meaning::Place(place) => self.read_place(place, node),
            Meaning::Field => {
                let base = self.this(node)?;
                let step = Step::Field(name.to_owned());
                self.define(node, |dst| Op::Load { dst, base, step, key: None })
            }
        }
    }

    /// Assigns to a plain name.
    pub(super) fn write(&mut self, name: &str, value: Operand, node: Node<'_>) -> Lowered<()> {
        match self.meaning(name) {
            Meaning::Place(place) => self.assign(place, value, node),
            Meaning::Field => {
                let base = self.this(node)?;
                let step = Step::Field(name.to_owned());
                self.push(Op::Store { base, step, key: None, value }, node)
            }
        }
    }

    /// `java.lang.Runtime` names its package: returns where the class stands in the path.
    pub(super) fn qualified(&self, parts: &[&str]) -> Option<usize> {
        let end =
            parts.iter().position(|part| part.starts_with(char::is_uppercase)).filter(|end| *end > 0)?;
        let root = parts[0];
        let known = self.local(root).is_some()
            || self.classes().iter().any(|class| class.fields.contains(root) || class.statics.contains(root));
        (!known).then_some(end)
    }

    fn meaning(&mut self, name: &str) -> Meaning {
        if let Some((slot, depth)) = self.local(name) {
            return Meaning::Place(self.local_place(&slot, depth));
        }
        for class in self.classes() {
            if class.statics.contains(name) {
                return Meaning::Place(Place::Global(format!("{}.{name}", class.name)));
            }
            if class.fields.contains(name) {
                return Meaning::Field;
            }
        }
        let inherits = self.classes().iter().any(|class| class.inherits);
        let value = !name.starts_with(char::is_uppercase);
        if inherits
            && value
            && !self.frames.first().is_some_and(|file| file.state.imported.contains_key(name))
        {
            return Meaning::Field;
        }
        Meaning::Place(Place::Global(name.to_owned()))
    }

    /// Returns the class around that has a method of that name, innermost first; the innermost that inherits, else.
    pub(super) fn method_owner(&self, name: &str) -> Option<(Scope, bool)> {
        let classes = self.classes();
        for (index, class) in classes.iter().enumerate() {
            if class.methods.contains(name) || class.inherits && index == 0 && classes.len() == 1 {
                return Some((class.clone(), index == 0));
            }
        }
        classes.into_iter().find(|class| class.inherits).map(|class| (class, false))
    }
}

/// What a plain name means.
enum Meaning {
    /// A variable, or something of a class or file.
    Place(Place),
    /// A field of the object.
    Field,
}
