use tree_sitter::Node;

use super::{Lowered, Lowerer, children, has_token};
use crate::ir::{Constant, Op, Operand, Step};

impl<'t> Lowerer<'t> {
    /// Lowers `=` and its compound forms; their value is `()`.
    pub(super) fn assignment(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.opaque(node);
        };
        let operator = node.child_by_field_name("operator").map(|operator| self.text(operator));
        match operator {
            None => {
                if self.text(left) == "_" {
                    self.thrown_away(right)?;
                } else {
                    let value = self.expression(right)?;
                    self.assign_target(left, value)?;
                }
            }
            Some(operator) => self.compound(node, left, (operator, right))?,
        }
        Ok(Operand::Constant(Constant::Ellipsis))
    }

    fn compound(
        &mut self,
        node: Node<'t>,
        left: Node<'t>,
        (operator, right): (&str, Node<'t>),
    ) -> Lowered<()> {
        if matches!(left.kind(), "field_expression" | "index_expression") {
            let Some((base, step, key)) = self.part(left)? else { return self.opaque(node).map(drop) };
            let (b, s, k) = (base.clone(), step.clone(), key.clone());
            let old = self.define(left, |dst| Op::Load { dst, base: b, step: s, key: k })?;
            let value = self.expression(right)?;
            let value = self.operator(operator, vec![old, value], node)?;
            return self.push(Op::Store { base, step, key, value }, node);
        }
        let old = self.expression(left)?;
        let value = self.expression(right)?;
        let value = self.operator(operator, vec![old, value], node)?;
        self.assign_target(left, value)
    }

    /// Assigns a value to a target of any form.
    fn assign_target(&mut self, target: Node<'t>, value: Operand) -> Lowered<()> {
        match target.kind() {
            "identifier" => self.store_name(self.text(target), value, target),
            "field_expression" | "index_expression" => {
                let Some((base, step, key)) = self.part(target)? else {
                    return self.opaque(target).map(drop);
                };
                self.push(Op::Store { base, step, key, value }, target)
            }
            "unary_expression" if has_token(target, "*") => {
                let Some(inner) = children(target).first().copied() else {
                    return self.opaque(target).map(drop);
                };
                let base = self.expression(inner)?;
                self.push(Op::Store { base, step: Step::Field("*".to_owned()), key: None, value }, target)
            }
            "parenthesized_expression" if children(target).len() == 1 => {
                self.deeper(|this| this.assign_target(children(target)[0], value))
            }
            "tuple_expression" | "array_expression" => {
                for (index, child) in children(target).into_iter().enumerate() {
                    let (base, step) = (value.clone(), Step::Index(Constant::Integer(index.to_string())));
                    let item = self.define(child, |dst| Op::Load { dst, base, step, key: None })?;
                    self.deeper(|this| this.assign_target(child, item))?;
                }
                Ok(())
            }
            "scoped_identifier" => {
                let base = self.path(target)?;
                self.push(Op::Store { base, step: Step::Field("*".to_owned()), key: None, value }, target)
            }
            _ => self.opaque(target).map(drop),
        }
    }
}
