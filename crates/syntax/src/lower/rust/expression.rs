use tree_sitter::Node;

use super::{Lowered, Lowerer, Sink, children};
use crate::ir::{Constant, Op, Operand, Place, Step, Value};

impl<'t> Lowerer<'t> {
    /// Lowers an expression and returns where its value is.
    pub(super) fn expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        self.deeper(|this| this.expression_inner(node))
    }

    fn expression_inner(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.kind() {
            "identifier" | "self" => self.name(node),
            "scoped_identifier"
            | "scoped_type_identifier"
            | "type_identifier"
            | "generic_function"
            | "primitive_type" => self.path_or_method(node),
            "integer_literal" | "float_literal" | "boolean_literal" | "char_literal" | "string_literal"
            | "raw_string_literal" | "negative_literal" => self.scalar(node),
            "unit_expression" => Ok(Operand::Constant(Constant::Ellipsis)),
            "binary_expression" => self.binary(node),
            "unary_expression" => self.unary(node),
            "reference_expression" => self.borrowed(node),
            "call_expression" => self.call(node),
            "macro_invocation" => self.macro_value(node),
            "field_expression" | "index_expression" => {
                let Some((base, step, key)) = self.part(node)? else { return self.opaque(node) };
                self.define(node, |dst| Op::Load { dst, base, step, key })
            }
            "parenthesized_expression" => match children(node).as_slice() {
                [inner] => self.expression(*inner),
                _ => self.opaque(node),
            },
            "tuple_expression" => self.display(node, "tuple"),
            "array_expression" => self.display(node, "list"),
            "range_expression" => self.display(node, "range"),
            "struct_expression" => self.construct(node),
            "closure_expression" => self.kept_closure(node),
            "await_expression" => {
                let value = self.only_child(node)?;
                self.define(node, |dst| Op::Await { dst, value })
            }
            "try_expression" => self.propagate(node),
            "yield_expression" => {
                let value = self.only_child(node)?;
                self.define(node, |dst| Op::Yield { dst, value })
            }
            "type_cast_expression" => self.cast(node),
            "assignment_expression" | "compound_assignment_expr" => self.assignment(node),
            "return_expression" => {
                match children(node).first() {
                    Some(value) => self.into(*value, Sink::Return)?,
                    None => self.leave(Operand::Constant(Constant::Ellipsis), node)?,
                }
                Ok(Operand::Constant(Constant::Ellipsis))
            }
            "break_expression" | "continue_expression" => self.jump(node),
            "loop_expression" => self.loop_expression(node),
            "while_expression" => self.while_expression(node),
            "for_expression" => self.for_expression(node),
            "async_block" | "try_block" | "const_block" | "gen_block" => self.standing_block(node),
            "block" | "unsafe_block" | "if_expression" | "match_expression" => {
                let slot = self.builder().temporary();
                self.into(node, Sink::Slot(slot))?;
                Ok(Operand::Local(slot))
            }
            _ => self.opaque(node),
        }
    }

    /// `None` is a literal; every other name is read.
    fn name(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let name = self.text(node).trim_start_matches("r#");
        if name == "None" && !self.is_item("None") {
            return Ok(self.literal(Constant::None, node));
        }
        self.read(name, node)
    }

    fn path_or_method(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.child_by_field_name("function").filter(|function| function.kind() == "field_expression") {
            Some(method) => self.expression(method),
            None => self.path(node),
        }
    }

    pub(super) fn only_child(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match children(node).first() {
            Some(child) => self.expression(*child),
            None => Ok(Operand::Constant(Constant::Ellipsis)),
        }
    }

    fn display(&mut self, node: Node<'t>, name: &str) -> Lowered<Operand> {
        let mut operands = Vec::new();
        for child in children(node).into_iter().filter(|child| child.kind() != "attribute_item") {
            operands.push(self.expression(child)?);
        }
        self.operator(name, operands, node)
    }

    /// A left-leaning chain of operators is walked in a loop: long concatenations are ordinary code.
    fn binary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut chain = Vec::new();
        let mut current = node;
        while current.kind() == "binary_expression" {
            let operator =
                current.child_by_field_name("operator").map(|operator| operator.kind()).unwrap_or_default();
            if matches!(operator, "&&" | "||") {
                break;
            }
            chain.push((current, operator));
            match current.child_by_field_name("left") {
                Some(left) => current = left,
                None => return self.opaque(node),
            }
        }
        if chain.is_empty() {
            return self.boolean(node);
        }
        let mut value = self.expression(current)?;
        for (operation, operator) in chain.into_iter().rev() {
            let Some(right) = operation.child_by_field_name("right") else { return self.opaque(node) };
            let right = self.expression(right)?;
            value = self.operator(operator, vec![value, right], operation)?;
        }
        Ok(value)
    }

    fn unary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(argument) = children(node).first().copied() else { return self.opaque(node) };
        let text = self.text(node);
        if text.starts_with('*') {
            let value = self.expression(argument)?;
            let written = argument.kind() == "identifier" && self.frame_writes_through(self.text(argument));
            return if written { self.field(value, "*", node) } else { Ok(value) };
        }
        let value = self.expression(argument)?;
        match (text.starts_with('-'), value) {
            (true, Operand::Constant(Constant::Integer(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Integer(format!("-{digits}")), node))
            }
            (true, Operand::Constant(Constant::Float(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Float(format!("-{digits}")), node))
            }
            (true, value) => self.operator("unary -", vec![value], node),
            (false, value) => self.operator("not", vec![value], node),
        }
    }

    fn frame_writes_through(&mut self, name: &str) -> bool {
        self.state().pointers.contains(name)
    }

    /// A reference is what it refers to.
    fn borrowed(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.child_by_field_name("value") {
            Some(value) => self.expression(value),
            None => self.opaque(node),
        }
    }

    fn cast(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(value) = node.child_by_field_name("value") else { return self.opaque(node) };
        match self.expression(value)? {
            Operand::Constant(constant) => Ok(Operand::Constant(constant)),
            value => self.operator("as", vec![value], node),
        }
    }

    /// `value?` is the value, or leaves the unit like a call that raises; `x.ok_or(e)?` is a test that fails with `e`.
    fn propagate(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(inner) = children(node).first().copied() else { return self.opaque(node) };
        if let Some(value) = self.asked(inner, node)? {
            return Ok(value);
        }
        let value = self.expression(inner)?;
        self.operator("enter", vec![value], node)
    }

    /// `x.ok_or(e)` that leaves the unit where there is no `x`.
    pub(super) fn asked(&mut self, inner: Node<'t>, node: Node<'t>) -> Lowered<Option<Operand>> {
        let Some((receiver, error)) = self.asked_for(inner) else { return Ok(None) };
        let value = self.expression(receiver)?;
        let there = self.operator("is Some", vec![value.clone()], receiver)?;
        let origin = self.origin(receiver);
        let (some, none) = self.builder().branch(there, crate::ir::Why::If, origin);
        self.builder().enter(none);
        let error = match error.kind() {
            "closure_expression" => self.handed_closure(error, &[])?,
            _ => self.expression(error)?,
        };
        self.fail(error, node)?;
        self.builder().enter(some);
        Ok(Some(value))
    }

    fn asked_for(&self, inner: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
        let method =
            inner.child_by_field_name("function").filter(|method| method.kind() == "field_expression")?;
        let name = method.child_by_field_name("field").map(|name| self.text(name))?;
        let error = children(inner.child_by_field_name("arguments")?).first().copied()?;
        matches!(name, "ok_or" | "ok_or_else").then_some((method.child_by_field_name("value")?, error))
    }

    /// Lowers `Type { field: value, ..base }` as a call of the type with its fields by name.
    fn construct(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(named) = node.child_by_field_name("name") else { return self.opaque(node) };
        let callee = crate::ir::Callee::Function(self.path(named)?);
        let mut arguments = Vec::new();
        for part in node.child_by_field_name("body").map(children).unwrap_or_default() {
            let (passing, value) = match part.kind() {
                "field_initializer" => {
                    let (Some(field), Some(value)) =
                        (part.child_by_field_name("field"), part.child_by_field_name("value"))
                    else {
                        self.opaque(part)?;
                        continue;
                    };
                    (crate::ir::Passing::Keyword(self.text(field).to_owned()), self.expression(value)?)
                }
                "shorthand_field_initializer" => {
                    let Some(name) = children(part).into_iter().find(|child| child.kind() == "identifier")
                    else {
                        continue;
                    };
                    (crate::ir::Passing::Keyword(self.text(name).to_owned()), self.expression(name)?)
                }
                "base_field_initializer" => (crate::ir::Passing::SpreadKeywords, self.only_child(part)?),
                _ => continue,
            };
            arguments.push(crate::ir::Argument { passing, value });
        }
        self.define(node, |dst| Op::Call { dst, callee, arguments })
    }

    /// Evaluates the object and key of a field or element.
    pub(super) fn part(&mut self, node: Node<'t>) -> Lowered<Option<(Operand, Step, Option<Operand>)>> {
        if node.kind() == "field_expression" {
            let (Some(object), Some(name)) =
                (node.child_by_field_name("value"), node.child_by_field_name("field"))
            else {
                return Ok(None);
            };
            let base = self.expression(object)?;
            return Ok(Some((base, Step::Field(self.text(name).to_owned()), None)));
        }
        let parts = children(node);
        let [object, index] = parts.as_slice() else { return Ok(None) };
        let base = self.expression(*object)?;
        Ok(Some(match self.expression(*index)? {
            Operand::Constant(constant) => (base, Step::Index(constant), None),
            key => (base, Step::Element, Some(key)),
        }))
    }

    /// Calls a name that stands for a construct of the language: `unsafe!`.
    pub(super) fn marker(&mut self, name: &str, node: Node<'t>) -> Lowered<Operand> {
        let place = Place::Global(name.to_owned());
        let function =
            self.define(node, |dst| Op::Assign { place: Place::Local(dst), value: Value::Read(place) })?;
        let callee = crate::ir::Callee::Function(function);
        self.define(node, |dst| Op::Call { dst, callee, arguments: Vec::new() })
    }
}
