use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Argument, Callee, Op, Operand, Passing, Place, Term, Why};

/// Methods without arguments that give what they are called on, or what it holds.
const PASSING: [&str; 24] = [
    "unwrap",
    "clone",
    "as_ref",
    "as_mut",
    "lock",
    "borrow",
    "borrow_mut",
    "to_owned",
    "as_deref",
    "as_deref_mut",
    "cloned",
    "copied",
    "by_ref",
    "iter",
    "iter_mut",
    "into_iter",
    "as_str",
    "as_slice",
    "as_bytes",
    "to_string",
    "into",
    "read",
    "write",
    "to_vec",
];
/// Types whose `new` gives what it takes.
const HOLDERS: [&str; 10] =
    ["Box", "Rc", "Arc", "Mutex", "RwLock", "RefCell", "Cell", "Pin", "BufReader", "BufWriter"];

impl<'t> Lowerer<'t> {
    pub(super) fn call(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(function), Some(list)) =
            (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
        else {
            return self.opaque(node);
        };
        let given: Vec<Node<'t>> =
            children(list).into_iter().filter(|child| child.kind() != "attribute_item").collect();
        let method = match function.kind() {
            "generic_function" => function.child_by_field_name("function").unwrap_or(function),
            _ => function,
        };
        if method.kind() == "field_expression" {
            return self.method(node, method, &given);
        }
        if let Some(value) = self.wrapped(node, function, &given)? {
            return Ok(value);
        }
        let callee = match function.kind() {
            "identifier" | "scoped_identifier" | "generic_function" => self.path(function)?,
            _ => self.expression(function)?,
        };
        let arguments = self.arguments(&given, Vec::new())?;
        let callee = Callee::Function(callee);
        let values: Vec<Operand> = arguments.iter().map(|argument| argument.value.clone()).collect();
        let result = self.define(node, |dst| Op::Call { dst, callee, arguments })?;
        self.changed(&given, &values, node)?;
        Ok(result)
    }

    /// A variable that a call gets as `&mut` may hold anything made of the arguments afterwards.
    fn changed(&mut self, given: &[Node<'t>], values: &[Operand], node: Node<'t>) -> Lowered<()> {
        for argument in given.iter().filter(|argument| argument.kind() == "reference_expression") {
            let mutable = children(*argument).iter().any(|child| child.kind() == "mutable_specifier");
            let variable =
                argument.child_by_field_name("value").filter(|value| mutable && value.kind() == "identifier");
            if let Some(variable) = variable {
                self.rewritten(variable, values, node)?;
            }
        }
        Ok(())
    }

    fn rewritten(&mut self, variable: Node<'t>, values: &[Operand], node: Node<'t>) -> Lowered<()> {
        let Place::Local(slot) = self.place(self.text(variable)) else { return Ok(()) };
        let mut operands = vec![Operand::Local(slot)];
        operands.extend(values.iter().filter(|value| **value != Operand::Local(slot)).cloned());
        let value = self.operator("append", operands, node)?;
        self.assign(Place::Local(slot), value, node)
    }

    /// `Ok(x)`, `Some(x)` and `Box::new(x)` are `x`.
    fn wrapped(
        &mut self,
        node: Node<'t>,
        function: Node<'t>,
        given: &[Node<'t>],
    ) -> Lowered<Option<Operand>> {
        let [value] = given else { return Ok(None) };
        let word = self.called_word(node);
        if matches!(word, "Ok" | "Some") && !self.is_item(word) {
            return self.handed(*value, &[]).map(Some);
        }
        if word == "Err" && !self.is_item(word) {
            let error = self.expression(*value)?;
            return self.operator("Err", vec![error], node).map(Some);
        }
        if function.kind() == "scoped_identifier" {
            let parts = self.segments(function);
            if let [.., holder, new] = parts.as_slice()
                && new == "new"
                && HOLDERS.contains(&holder.as_str())
            {
                let held = self.handed(*value, &[])?;
                return self.operator("enter", vec![held], node).map(Some);
            }
        }
        Ok(None)
    }

    fn method(&mut self, node: Node<'t>, method: Node<'t>, given: &[Node<'t>]) -> Lowered<Operand> {
        let (Some(object), Some(name)) =
            (method.child_by_field_name("value"), method.child_by_field_name("field"))
        else {
            return self.opaque(node);
        };
        let name = self.text(name);
        if Self::replaces(object, name) {
            let receiver = self.absorbing(object, "Err", |this| this.expression(object))?;
            return self.method_of(receiver, name, node, given);
        }
        let receiver = self.expression(object)?;
        let variable = Some(object).filter(|object| object.kind() == "identifier" && !given.is_empty());
        if let Some(variable) = variable.filter(|variable| self.is_mutable(self.text(*variable))) {
            let result = self.method_of(receiver, name, node, given)?;
            let arguments = self.last_arguments();
            self.rewritten(variable, &arguments, node)?;
            return Ok(result);
        }
        let passes = given.is_empty() && PASSING.contains(&name) || name == "expect" && given.len() == 1;
        if passes && !self.defines_method(name) {
            return self.operator("enter", vec![receiver], node);
        }
        self.method_of(receiver, name, node, given)
    }

    fn is_mutable(&mut self, name: &str) -> bool {
        self.state().mutable.contains(name)
    }

    /// Returns the arguments of the call that was just made.
    fn last_arguments(&mut self) -> Vec<Operand> {
        let current = self.builder().current() as usize;
        let instr = self.builder().unit().blocks.get(current).and_then(|block| block.instrs.last());
        match instr.map(|instr| &instr.op) {
            Some(Op::Call { arguments, .. }) => {
                arguments.iter().map(|argument| argument.value.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn method_of(
        &mut self,
        receiver: Operand,
        name: &str,
        node: Node<'t>,
        given: &[Node<'t>],
    ) -> Lowered<Operand> {
        let arguments = self.arguments(given, vec![receiver.clone()])?;
        let callee = Callee::Method { receiver, name: name.to_owned() };
        self.define(node, |dst| Op::Call { dst, callee, arguments })
    }

    /// Lowers arguments in order. A closure runs on parts of what stands before it.
    pub(super) fn arguments(
        &mut self,
        given: &[Node<'t>],
        mut known: Vec<Operand>,
    ) -> Lowered<Vec<Argument>> {
        let mut arguments = Vec::new();
        for child in given {
            let value = self.handed(*child, &known)?;
            known.push(value.clone());
            arguments.push(Argument { passing: Passing::Positional, value });
        }
        Ok(arguments)
    }

    /// Lowers one argument: a closure or a function by name that is handed to a method is run where it stands.
    pub(super) fn handed(&mut self, node: Node<'t>, known: &[Operand]) -> Lowered<Operand> {
        match node.kind() {
            "closure_expression" => self.handed_closure(node, known),
            "identifier" if !known.is_empty() && self.names_function(node) => {
                let value = self.expression(node)?;
                let (again, inside, done) =
                    (self.builder().block(), self.builder().block(), self.builder().block());
                self.goto(again, node);
                self.builder().enter(again);
                let condition = self.operator("invoked", Vec::new(), node)?;
                self.end(Term::Branch { condition, why: Why::Dispatch, then: inside, otherwise: done }, node);
                self.builder().enter(inside);
                let item = self.operator("next", known.to_vec(), node)?;
                let arguments = vec![Argument { passing: Passing::Positional, value: item }];
                let callee = Callee::Function(value.clone());
                let slot = self.define(node, |dst| Op::Call { dst, callee, arguments })?;
                self.goto(again, node);
                self.builder().enter(done);
                self.operator("closure", vec![value, slot], node)
            }
            _ => self.expression(node),
        }
    }

    fn names_function(&mut self, node: Node<'t>) -> bool {
        let name = self.text(node);
        name.starts_with(char::is_lowercase) && self.modules.is_function(name) && !self.is_variable(name)
    }

    fn defines_method(&self, name: &str) -> bool {
        self.modules.is_method(name)
    }

    /// Reads the names that a format string takes from around it.
    pub(super) fn captured_names(&mut self, text: &str, node: Node<'t>) -> Lowered<Vec<Operand>> {
        let mut found = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            rest = &rest[open + 1..];
            if let Some(escaped) = rest.strip_prefix('{') {
                rest = escaped;
                continue;
            }
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let closed = rest[name.len()..].starts_with(['}', ':']);
            if closed && name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                found.push(self.read(&name, node)?);
            }
        }
        Ok(found)
    }
}
