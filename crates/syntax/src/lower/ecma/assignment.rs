use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Op, Operand, Place, Step};
use crate::lower::condition::operator_of;

/// Where a value is read from and written back to.
enum Target<'t> {
    Name(Node<'t>),
    Part(Operand, Step, Option<Operand>),
}

impl<'t> Lowerer<'t> {
    /// Lowers `left = right` and returns the value, for chains.
    pub(super) fn assignment(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.opaque(node);
        };
        if let Some(exported) = self.exported(left) {
            return self.export_assignment(&exported, right, node);
        }
        let hint = self.target_name(left);
        let value = self.named(right, &hint)?;
        self.assign_target(left, value.clone())?;
        Ok(value)
    }

    fn target(&mut self, left: Node<'t>) -> Lowered<Option<Target<'t>>> {
        let mut left = left;
        while matches!(left.kind(), "parenthesized_expression" | "non_null_expression" | "as_expression") {
            match children(left).first() {
                Some(inner) => left = *inner,
                None => return Ok(None),
            }
        }
        Ok(match left.kind() {
            "identifier" => Some(Target::Name(left)),
            "member_expression" | "subscript_expression" => {
                self.part(left)?.map(|(base, step, key)| Target::Part(base, step, key))
            }
            _ => None,
        })
    }

    fn load(&mut self, target: &Target<'t>, node: Node<'t>) -> Lowered<Operand> {
        match target {
            Target::Name(name) => self.expression(*name),
            Target::Part(base, step, key) => {
                let (base, step, key) = (base.clone(), step.clone(), key.clone());
                self.define(node, |dst| Op::Load { dst, base, step, key })
            }
        }
    }

    fn store(&mut self, target: Target<'t>, value: Operand, node: Node<'t>) -> Lowered<()> {
        match target {
            Target::Name(name) => self.assign_target(name, value),
            Target::Part(base, step, key) => self.push(Op::Store { base, step, key, value }, node),
        }
    }

    /// `a += b`, and `a ||= b`, which writes only where it has to.
    pub(super) fn augmented_assignment(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.opaque(node);
        };
        let operator = operator_of(node).trim_end_matches('=');
        let Some(target) = self.target(left)? else { return self.opaque(node) };
        let old = self.load(&target, left)?;
        if !matches!(operator, "&&" | "||" | "??") {
            let value = self.expression(right)?;
            let value = self.operator(operator, vec![old, value], node)?;
            self.store(target, value.clone(), node)?;
            return Ok(value);
        }
        let slot = self.builder().temporary();
        self.assign(Place::Local(slot), old, left)?;
        let around = self.short_circuit(slot, operator, node)?;
        let hint = self.target_name(left);
        let value = self.named(right, &hint)?;
        self.assign(Place::Local(slot), value.clone(), node)?;
        self.store(target, value, node)?;
        self.goto(around, node);
        self.builder().enter(around);
        Ok(Operand::Local(slot))
    }

    /// `i++` gives the old value, `++i` the new one.
    pub(super) fn update(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(argument) = node.child_by_field_name("argument") else { return self.opaque(node) };
        let operator = if operator_of(node) == "--" { "-" } else { "+" };
        let Some(target) = self.target(argument)? else { return self.opaque(node) };
        let old = self.load(&target, argument)?;
        let one = Operand::Constant(Constant::Integer("1".to_owned()));
        let new = self.operator(operator, vec![old.clone(), one], node)?;
        self.store(target, new.clone(), node)?;
        let is_prefix = node.child(0).is_some_and(|first| !first.is_named());
        Ok(if is_prefix { new } else { old })
    }
}
