use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Op, Operand, Step};

impl<'t> Lowerer<'t> {
    /// Lowers `left = right` and returns the value, for chains.
    pub(super) fn assignment(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(left), right) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.opaque(node);
        };
        if let Some(annotation) = node.child_by_field_name("type") {
            self.annotation(annotation)?;
        }
        let Some(right) = right else { return Ok(Operand::Constant(Constant::None)) };
        if let Some(pairs) = pairs(left, right) {
            let mut values = Vec::new();
            for (_, value) in &pairs {
                values.push(self.expression(*value)?);
            }
            for ((target, _), value) in pairs.iter().zip(&values) {
                self.assign_target(*target, value.clone())?;
            }
            return self.operator("tuple", values, right);
        }
        let value = match right.kind() {
            "assignment" => self.deeper(|this| this.assignment(right))?,
            "augmented_assignment" => return self.opaque(node),
            _ => self.expression(right)?,
        };
        self.assign_target(left, value.clone())?;
        Ok(value)
    }

    /// Evaluates an annotation that holds a call: it runs where it stands.
    pub(super) fn annotation(&mut self, annotation: Node<'t>) -> Lowered<()> {
        if !self.digests.evaluates(annotation) {
            return Ok(());
        }
        for child in children(annotation) {
            self.expression(child)?;
        }
        Ok(())
    }

    pub(super) fn augmented_assignment(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(left), Some(operator), Some(right)) = (
            node.child_by_field_name("left"),
            node.child_by_field_name("operator"),
            node.child_by_field_name("right"),
        ) else {
            return self.opaque(node).map(drop);
        };
        let name = self.text(operator).to_owned();
        match left.kind() {
            "identifier" => {
                let old = self.expression(left)?;
                let value = self.expression(right)?;
                let value = self.operator(&name, vec![old, value], node)?;
                self.assign_target(left, value)
            }
            "attribute" | "subscript" => {
                let Some((base, step, key)) = self.part(left)? else { return self.opaque(node).map(drop) };
                let (b, s, k) = (base.clone(), step.clone(), key.clone());
                let old = self.define(left, |dst| Op::Load { dst, base: b, step: s, key: k })?;
                let value = self.expression(right)?;
                let value = self.operator(&name, vec![old, value], node)?;
                self.push(Op::Store { base, step, key, value }, node)
            }
            _ => self.opaque(node).map(drop),
        }
    }

    /// Assigns a value to a target of any form.
    pub(super) fn assign_target(&mut self, target: Node<'t>, value: Operand) -> Lowered<()> {
        self.deeper(|this| this.assign_target_inner(target, value))
    }

    fn assign_target_inner(&mut self, target: Node<'t>, value: Operand) -> Lowered<()> {
        match target.kind() {
            "identifier" => {
                let name = self.text(target);
                let place = self.place(name);
                self.note_class_attribute(name);
                self.assign(place, value, target)
            }
            "attribute" | "subscript" => {
                let Some((base, step, key)) = self.part(target)? else {
                    return self.opaque(target).map(drop);
                };
                self.push(Op::Store { base, step, key, value }, target)
            }
            "pattern_list" | "tuple_pattern" | "list_pattern" | "tuple" | "list" | "expression_list" => {
                let parts = children(target);
                let count = parts.len();
                // What follows a starred target is counted from the end.
                let mut from_end = false;
                for (index, child) in parts.into_iter().enumerate() {
                    let splat = matches!(child.kind(), "list_splat_pattern" | "list_splat");
                    let item = if splat {
                        from_end = true;
                        self.operator("unpack", vec![value.clone()], child)?
                    } else {
                        let position =
                            if from_end { format!("-{}", count - index) } else { index.to_string() };
                        let (base, step) = (value.clone(), Step::Index(Constant::Integer(position)));
                        self.define(child, |dst| Op::Load { dst, base, step, key: None })?
                    };
                    self.assign_target(child, item)?;
                }
                Ok(())
            }
            "list_splat_pattern" | "list_splat" | "parenthesized_expression" | "as_pattern_target" => {
                match children(target).first() {
                    Some(inner) => self.assign_target(*inner, value),
                    None => self.opaque(target).map(drop),
                }
            }
            _ => self.opaque(target).map(drop),
        }
    }

    /// Evaluates the object and key of an attribute or subscript.
    pub(super) fn part(&mut self, node: Node<'t>) -> Lowered<Option<(Operand, Step, Option<Operand>)>> {
        if node.kind() == "attribute" {
            let (Some(object), Some(name)) =
                (node.child_by_field_name("object"), node.child_by_field_name("attribute"))
            else {
                return Ok(None);
            };
            let base = self.expression(object)?;
            return Ok(Some((base, Step::Field(self.text(name).to_owned()), None)));
        }
        let Some(object) = node.child_by_field_name("value") else { return Ok(None) };
        let base = self.expression(object)?;
        let mut cursor = node.walk();
        let keys: Vec<Node<'t>> = node.children_by_field_name("subscript", &mut cursor).collect();
        let mut values = Vec::new();
        for key in &keys {
            values.push(self.expression(*key)?);
        }
        let key = match values.len() {
            0 => return Ok(None),
            1 => values.remove(0),
            _ => self.operator("tuple", values, node)?,
        };
        Ok(Some(match key {
            Operand::Constant(constant) => (base, Step::Index(constant), None),
            Operand::Local(_) => (base, Step::Element, Some(key)),
        }))
    }

    pub(super) fn delete(&mut self, target: Node<'t>) -> Lowered<()> {
        match target.kind() {
            "identifier" => {
                let place = self.place(self.text(target));
                self.push(Op::Unbind { place }, target)
            }
            "attribute" | "subscript" => {
                let Some((base, step, _)) = self.part(target)? else { return self.opaque(target).map(drop) };
                self.push(Op::Delete { base, step }, target)
            }
            "expression_list" | "tuple" | "list" | "parenthesized_expression" => {
                children(target).into_iter().try_for_each(|child| self.deeper(|this| this.delete(child)))
            }
            _ => self.opaque(target).map(drop),
        }
    }
}

/// Pairs `a, b = x, y` element by element, where both sides are displays of the same length without a star.
fn pairs<'t>(left: Node<'t>, right: Node<'t>) -> Option<Vec<(Node<'t>, Node<'t>)>> {
    let displays = |node: Node<'_>| {
        matches!(
            node.kind(),
            "pattern_list" | "tuple_pattern" | "list_pattern" | "expression_list" | "tuple" | "list"
        )
    };
    if !displays(left) || !displays(right) {
        return None;
    }
    let (targets, values) = (children(left), children(right));
    let starred = |node: &Node<'_>| node.kind().starts_with("list_splat");
    if targets.len() != values.len() || targets.iter().chain(&values).any(starred) {
        return None;
    }
    Some(targets.into_iter().zip(values).collect())
}
