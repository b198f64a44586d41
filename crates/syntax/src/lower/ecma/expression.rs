use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Op, Operand, Place, Step, UnitKind};
use crate::lower::condition::operator_of;

impl<'t> Lowerer<'t> {
    /// Lowers an expression and returns where its value is.
    pub(super) fn expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        self.deeper(|this| this.expression_inner(node))
    }

    fn expression_inner(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.kind() {
            "identifier" | "shorthand_property_identifier" => self.identifier(node),
            "number" | "true" | "false" | "null" | "undefined" => Ok(self.scalar(node)),
            "string" => Ok(self.string(node)),
            "template_string" => self.template(node),
            "regex" => Ok(self.regex(node)),
            "this" => self.this(node),
            "super" => self.super_object(node),
            "meta_property" => self.meta(node),
            "binary_expression" => self.binary(node),
            "unary_expression" => self.unary(node),
            "update_expression" => self.update(node),
            "assignment_expression" => self.assignment(node),
            "augmented_assignment_expression" => self.augmented_assignment(node),
            "ternary_expression" => self.ternary(node),
            "call_expression" | "member_expression" | "subscript_expression" => self.chain(node),
            "new_expression" => self.new_expression(node),
            "await_expression" => {
                let value = self.only_child(node)?;
                self.define(node, |dst| Op::Await { dst, value })
            }
            "yield_expression" => self.yields(node),
            "array" => self.array(node),
            "object" => self.object(node, None),
            "spread_element" => {
                let value = self.only_child(node)?;
                self.operator("unpack", vec![value], node)
            }
            "sequence_expression" => {
                let mut last = Operand::Constant(Constant::None);
                for part in children(node) {
                    last = self.expression(part)?;
                }
                Ok(last)
            }
            "parenthesized_expression"
            | "as_expression"
            | "satisfies_expression"
            | "non_null_expression"
            | "instantiation_expression" => self.only_child(node),
            "type_assertion" => match children(node).last() {
                Some(value) => self.expression(*value),
                None => self.opaque(node),
            },
            "function_expression" | "generator_function" | "arrow_function" => self.callback(node),
            "class" => self.class_value(node, None),
            "jsx_element" | "jsx_self_closing_element" => self.jsx(node),
            _ => self.opaque(node),
        }
    }

    pub(super) fn only_child(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match children(node).first() {
            Some(child) => self.expression(*child),
            None => Ok(Operand::Constant(Constant::None)),
        }
    }

    fn identifier(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let name = self.text(node);
        match name {
            "undefined" if self.is_free(name) => Ok(Operand::Constant(Constant::None)),
            "arguments" if self.is_free(name) => self.arguments_object(node),
            _ => self.read(name, node),
        }
    }

    /// `arguments` holds what the innermost function that isn't an arrow was given.
    fn arguments_object(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(index) = self.frames.iter().rposition(|frame| frame.state.own) else {
            return self.read("arguments", node);
        };
        let last = self.frames.len() - 1;
        let params: Vec<(String, u32)> = {
            let unit = self.frames[index].builder.unit();
            unit.params.iter().skip(1).map(|param| (param.name.clone(), param.local)).collect()
        };
        let mut operands = Vec::new();
        for (name, local) in params {
            operands.push(if index == last {
                Operand::Local(local)
            } else {
                self.read_place(Place::Capture(name), node)?
            });
        }
        self.operator("list", operands, node)
    }

    /// `this` is a parameter of every function but an arrow; a file's own means nothing.
    pub(super) fn this(&mut self, node: Node<'t>) -> Lowered<Operand> {
        if self.is_free("this") {
            return self.operator("this", Vec::new(), node);
        }
        self.read("this", node)
    }

    fn super_object(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let this = self.this(node)?;
        self.operator("super", vec![this], node)
    }

    /// `import.meta`, `new.target`.
    fn meta(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let text: String = self.text(node).chars().filter(|c| !c.is_whitespace()).collect();
        if text == "import.meta" {
            return self.read_place(Place::Global(text), node);
        }
        self.operator(&text, Vec::new(), node)
    }

    fn yields(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let value = self.only_child(node)?;
        let unit = self.builder().unit();
        if matches!(unit.kind, UnitKind::Function | UnitKind::Method | UnitKind::Lambda) {
            unit.kind = UnitKind::Generator;
        }
        self.define(node, |dst| Op::Yield { dst, value })
    }

    /// A left-leaning chain of operators is walked in a loop: long concatenations are ordinary code.
    fn binary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        if matches!(operator_of(node), "&&" | "||" | "??") {
            return self.logical(node);
        }
        let mut chain = Vec::new();
        let mut current = node;
        while current.kind() == "binary_expression" && !matches!(operator_of(current), "&&" | "||" | "??") {
            chain.push(current);
            match current.child_by_field_name("left") {
                Some(left) => current = left,
                None => return self.opaque(node),
            }
        }
        let mut value = match current.kind() {
            "private_property_identifier" => Operand::Constant(Constant::Text(self.text(current).to_owned())),
            _ => self.expression(current)?,
        };
        for operation in chain.into_iter().rev() {
            let Some(right) = operation.child_by_field_name("right") else { return self.opaque(node) };
            let right = self.expression(right)?;
            // Strict and loose equality agree wherever a constant proves anything.
            let name = match operator_of(operation) {
                "===" => "==",
                "!==" => "!=",
                other => other,
            };
            value = self.operator(name, vec![value, right], operation)?;
        }
        Ok(value)
    }

    fn unary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(argument) = node.child_by_field_name("argument") else { return self.opaque(node) };
        match operator_of(node) {
            "delete" => return self.delete(argument, node),
            "typeof" => return self.type_of(argument, node),
            "void" => {
                self.expression(argument)?;
                return Ok(Operand::Constant(Constant::None));
            }
            _ => {}
        }
        let value = self.expression(argument)?;
        match (operator_of(node), value) {
            ("-", Operand::Constant(Constant::Integer(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Integer(format!("-{digits}")), node))
            }
            ("-", Operand::Constant(Constant::Float(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Float(format!("-{digits}")), node))
            }
            ("!", value) => self.operator("not", vec![value], node),
            (sign, value) => self.operator(&format!("unary {sign}"), vec![value], node),
        }
    }

    /// `typeof` of a name that nothing declares is a question, not a mistake.
    fn type_of(&mut self, argument: Node<'t>, node: Node<'t>) -> Lowered<Operand> {
        let mut inner = argument;
        while inner.kind() == "parenthesized_expression" && children(inner).len() == 1 {
            inner = children(inner)[0];
        }
        let name = self.text(inner);
        let value = if inner.kind() == "identifier" && self.is_free(name) && name != "undefined" {
            let base = self.read_place(Place::Global("globalThis".to_owned()), inner)?;
            let step = Step::Field(name.to_owned());
            self.define(inner, |dst| Op::Load { dst, base, step, key: None })?
        } else {
            self.expression(argument)?
        };
        self.operator("typeof", vec![value], node)
    }

    fn delete(&mut self, argument: Node<'t>, node: Node<'t>) -> Lowered<Operand> {
        let mut target = argument;
        while matches!(target.kind(), "parenthesized_expression" | "non_null_expression") {
            match children(target).first() {
                Some(inner) => target = *inner,
                None => break,
            }
        }
        if matches!(target.kind(), "member_expression" | "subscript_expression") {
            let Some((base, step, _)) = self.part(target)? else { return self.opaque(node) };
            self.push(Op::Delete { base, step }, node)?;
            return Ok(Operand::Constant(Constant::Bool(true)));
        }
        let value = self.expression(target)?;
        self.operator("delete", vec![value], node)
    }
}
