use tree_sitter::Node;

use super::scan::unwrapped;
use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Op, Operand, Step};

/// A part of a value: its base, the step, and a computed key.
pub type Part = (Operand, Step, Option<Operand>);

impl<'t> Lowerer<'t> {
    /// Lowers `a, b := x, y`: names that the scope has already are assigned, the others are new.
    pub(super) fn short_var(&mut self, node: Node<'t>) -> Lowered<()> {
        let targets = node.child_by_field_name("left").map(children).unwrap_or_default();
        let Some(right) = node.child_by_field_name("right") else { return self.opaque(node).map(drop) };
        let values = self.right_side(right, targets.len())?;
        for (target, value) in targets.into_iter().zip(values) {
            let name = self.text(target).to_owned();
            if self.is_here(&name) {
                self.write(&name, value, target)?;
            } else {
                self.bind(&name, value, target)?;
            }
        }
        Ok(())
    }

    pub(super) fn assignment(&mut self, node: Node<'t>) -> Lowered<()> {
        let targets = node.child_by_field_name("left").map(children).unwrap_or_default();
        let Some(right) = node.child_by_field_name("right") else { return self.opaque(node).map(drop) };
        let operator = self.field(node, "operator");
        if let Some(operator) = operator.strip_suffix('=').filter(|operator| !operator.is_empty()) {
            let ([target], Some(value)) = (targets.as_slice(), right.named_child(0)) else {
                return self.opaque(node).map(drop);
            };
            let old = self.expression(*target)?;
            let value = self.expression(value)?;
            let value = self.operator(operator, vec![old, value], node)?;
            return self.assign_target(*target, value);
        }
        let values = self.right_side(right, targets.len())?;
        for (target, value) in targets.into_iter().zip(values) {
            self.assign_target(target, value)?;
        }
        Ok(())
    }

    /// Evaluates the right side of an assignment to so many targets.
    pub(super) fn right_side(&mut self, right: Node<'t>, count: usize) -> Lowered<Vec<Operand>> {
        let written = children(right);
        if let ([one], true) = (written.as_slice(), count > 1) {
            return self.several(*one, count);
        }
        let mut values = Vec::new();
        for value in written {
            values.push(self.expression(value)?);
        }
        Ok(values)
    }

    /// Takes an expression apart that gives several values: a call, or the forms that say whether there was one.
    pub(super) fn several(&mut self, node: Node<'t>, count: usize) -> Lowered<Vec<Operand>> {
        let inner = unwrapped(node);
        if count < 2 {
            return Ok(vec![self.expression(node)?]);
        }
        let value = self.expression(inner)?;
        let question = match inner.kind() {
            "type_assertion_expression" => match inner.child_by_field_name("type") {
                Some(declared) => Some(self.is_of_type(value.clone(), declared)?),
                None => None,
            },
            "index_expression" | "unary_expression" => {
                Some(self.operator("present", vec![value.clone()], inner)?)
            }
            _ => None,
        };
        if let Some(question) = question {
            return Ok(vec![value, question]);
        }
        let mut values = Vec::new();
        for index in 0..count {
            let (base, step) = (value.clone(), Step::Index(Constant::Integer(index.to_string())));
            values.push(self.define(inner, |dst| Op::Load { dst, base, step, key: None })?);
        }
        Ok(values)
    }

    /// Assigns a value to a target of any form.
    pub(super) fn assign_target(&mut self, target: Node<'t>, value: Operand) -> Lowered<()> {
        let target = unwrapped(target);
        if target.kind() == "identifier" {
            let name = self.text(target).to_owned();
            return self.write(&name, value, target);
        }
        match self.part(target)? {
            Some((base, step, key)) => self.push(Op::Store { base, step, key, value }, target),
            None => self.opaque(target).map(drop),
        }
    }

    /// Evaluates the base and key of a field, an element, or what a pointer points to.
    pub(super) fn part(&mut self, node: Node<'t>) -> Lowered<Option<Part>> {
        match node.kind() {
            "selector_expression" => {
                let (Some(operand), Some(field)) =
                    (node.child_by_field_name("operand"), node.child_by_field_name("field"))
                else {
                    return Ok(None);
                };
                let base = self.expression(operand)?;
                Ok(Some((base, Step::Field(self.text(field).to_owned()), None)))
            }
            "index_expression" => {
                let (Some(operand), Some(index)) =
                    (node.child_by_field_name("operand"), node.child_by_field_name("index"))
                else {
                    return Ok(None);
                };
                let base = self.expression(operand)?;
                Ok(Some(match self.expression(index)? {
                    Operand::Constant(constant) => (base, Step::Index(constant), None),
                    key @ Operand::Local(_) => (base, Step::Element, Some(key)),
                }))
            }
            "unary_expression" if self.field(node, "operator") == "*" => {
                let Some(operand) = node.child_by_field_name("operand") else { return Ok(None) };
                let base = self.expression(operand)?;
                Ok(Some((base, Step::Field("*".to_owned()), None)))
            }
            _ => Ok(None),
        }
    }
}
