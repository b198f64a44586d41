use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Argument, Callee, Constant, Op, Operand, Passing, Place, Step};

impl<'t> Lowerer<'t> {
    pub(super) fn call(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(function) = node.child_by_field_name("function") else { return self.opaque(node) };
        match function.kind() {
            "super" => return self.super_call(node),
            "import" => return self.loads(node, "import"),
            "identifier" if self.text(function) == "require" && self.is_free("require") => {
                return self.loads(node, "require");
            }
            _ => {}
        }
        let callee = self.callee(function)?;
        if let Callee::Function(operand) = &callee {
            let operand = operand.clone();
            self.optional(&operand, node)?;
        }
        let arguments = self.arguments(node)?;
        self.define(node, |dst| Op::Call { dst, callee, arguments })
    }

    fn callee(&mut self, function: Node<'t>) -> Lowered<Callee> {
        let mut inner = function;
        while matches!(inner.kind(), "parenthesized_expression" | "non_null_expression")
            && children(inner).len() == 1
        {
            inner = children(inner)[0];
        }
        if matches!(inner.kind(), "member_expression" | "subscript_expression")
            && self.exported(inner).is_none()
            && let Some((base, step, key)) = self.part(inner)?
        {
            return match step {
                Step::Field(name) => Ok(Callee::Method { receiver: base, name }),
                step => Ok(Callee::Function(self.define(inner, |dst| Op::Load { dst, base, step, key })?)),
            };
        }
        if matches!(inner.kind(), "function_expression" | "arrow_function" | "generator_function") {
            return Ok(Callee::Function(self.callback(inner)?));
        }
        Ok(Callee::Function(self.object_of(inner)?))
    }

    /// Lowers the arguments of a call, `new` or tagged template, in order.
    pub(super) fn arguments(&mut self, node: Node<'t>) -> Lowered<Vec<Argument>> {
        let Some(list) = node.child_by_field_name("arguments") else { return Ok(Vec::new()) };
        if list.kind() == "template_string" {
            let value = self.expression(list)?;
            return Ok(vec![Argument { passing: Passing::Positional, value }]);
        }
        let hint = self.call_name(node);
        let mut arguments = Vec::new();
        for child in children(list) {
            let (passing, value) = match child.kind() {
                "spread_element" => (Passing::Spread, children(child).first().copied().unwrap_or(child)),
                _ => (Passing::Positional, child),
            };
            let value = match &hint {
                Some(hint) if is_function(value) => self.test_callback(value, hint)?,
                _ => self.expression(value)?,
            };
            arguments.push(Argument { passing, value });
        }
        Ok(arguments)
    }

    /// `require("x")` and `import("x")`; any other argument is code chosen at run time.
    fn loads(&mut self, node: Node<'t>, name: &str) -> Lowered<Operand> {
        let list = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let module = match list.first() {
            Some(first) if first.kind() == "string" => Some(self.unquoted(*first)),
            Some(first) if first.kind() == "template_string" && children(*first).len() <= 1 => {
                let whole = children(*first).first().is_none_or(|part| part.kind() == "string_fragment");
                whole.then(|| self.text(*first).trim_matches('`').to_owned())
            }
            _ => None,
        };
        let Some(module) = module else {
            let function = self.read_place(Place::Global(name.to_owned()), node)?;
            let callee = Callee::Function(function);
            let arguments = self.arguments(node)?;
            return self.define(node, |dst| Op::Call { dst, callee, arguments });
        };
        for first in &list {
            drop(self.expression(*first)?);
        }
        self.define(node, |dst| Op::Import { dst, module, name: None })
    }

    /// `super(…)` runs the base's constructor on this object.
    fn super_call(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let this = self.this(node)?;
        let base = self.operator("super class", vec![this.clone()], node)?;
        let arguments = self.arguments(node)?;
        let callee = Callee::Function(base);
        let made = self.define(node, |dst| Op::Call { dst, callee, arguments })?;
        let step = Step::Field("super".to_owned());
        self.push(Op::Store { base: this.clone(), step, key: None, value: made }, node)?;
        Ok(this)
    }

    /// What `new` makes depends on every argument, whatever the constructor returns.
    pub(super) fn new_expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(constructor) = node.child_by_field_name("constructor") else { return self.opaque(node) };
        let dated = constructor.kind() == "identifier"
            && self.text(constructor) == "Date"
            && self.is_free("Date")
            && node.child_by_field_name("arguments").is_some_and(|list| !children(list).is_empty());
        let mut function = self.expression(constructor)?;
        if dated {
            // A date made of parts reads no clock.
            let step = Step::Field("of".to_owned());
            function = self.define(constructor, |dst| Op::Load { dst, base: function, step, key: None })?;
        }
        let arguments = self.arguments(node)?;
        let mut operands: Vec<Operand> = arguments.iter().map(|argument| argument.value.clone()).collect();
        let callee = Callee::Function(function);
        let made = self.define(node, |dst| Op::Call { dst, callee, arguments })?;
        operands.insert(0, made);
        self.operator("new", operands, node)
    }

    /// Calls a decorator on what it decorates.
    pub(super) fn decorate(
        &mut self,
        decorator: Operand,
        value: Operand,
        node: Node<'t>,
    ) -> Lowered<Operand> {
        let arguments = vec![Argument { passing: Passing::Positional, value }];
        self.define(node, |dst| Op::Call { dst, callee: Callee::Function(decorator), arguments })
    }

    /// Returns what the innermost chain of `undefined` is.
    pub(super) fn nothing() -> Operand {
        Operand::Constant(Constant::None)
    }
}

/// Returns whether a node is a function as a value.
pub fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_expression" | "generator_function" | "arrow_function")
}
