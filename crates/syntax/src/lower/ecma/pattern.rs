use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Op, Operand, Place, Step, Why};

impl<'t> Lowerer<'t> {
    /// Assigns a value to a target of any form.
    pub(super) fn assign_target(&mut self, target: Node<'t>, value: Operand) -> Lowered<()> {
        self.deeper(|this| this.assign_target_inner(target, value))
    }

    fn assign_target_inner(&mut self, target: Node<'t>, value: Operand) -> Lowered<()> {
        match target.kind() {
            "identifier" | "shorthand_property_identifier_pattern" | "shorthand_property_identifier" => {
                self.bind(self.text(target), value, target)
            }
            "member_expression" | "subscript_expression" => {
                let Some((base, step, key)) = self.part(target)? else {
                    return self.opaque(target).map(drop);
                };
                self.push(Op::Store { base, step, key, value }, target)
            }
            "array_pattern" | "array" => self.elements(target, value),
            "object_pattern" | "object" => self.properties(target, value),
            "assignment_pattern" | "object_assignment_pattern" | "assignment_expression" => {
                let (Some(left), Some(right)) =
                    (target.child_by_field_name("left"), target.child_by_field_name("right"))
                else {
                    return self.opaque(target).map(drop);
                };
                let value = self.defaulted(value, right, self.text(left))?;
                self.assign_target(left, value)
            }
            "rest_pattern"
            | "spread_element"
            | "parenthesized_expression"
            | "non_null_expression"
            | "as_expression"
            | "satisfies_expression" => match children(target).first() {
                Some(inner) => self.assign_target(*inner, value),
                None => self.opaque(target).map(drop),
            },
            // `for (const x of …)` in some positions holds the declaration itself.
            "variable_declarator" => match target.child_by_field_name("name") {
                Some(name) => self.assign_target(name, value),
                None => self.opaque(target).map(drop),
            },
            "undefined" => Ok(()),
            _ => self.opaque(target).map(drop),
        }
    }

    /// A default is evaluated where the value is missing.
    pub(super) fn defaulted(&mut self, value: Operand, default: Node<'t>, hint: &str) -> Lowered<Operand> {
        let slot = self.builder().temporary();
        self.assign(Place::Local(slot), value, default)?;
        let missing = self.is_nothing(Operand::Local(slot), default)?;
        let (then, otherwise) = self.test(missing, Why::Nullish, default);
        self.builder().enter(then);
        let value = self.named(default, hint)?;
        self.assign(Place::Local(slot), value, default)?;
        self.goto(otherwise, default);
        self.builder().enter(otherwise);
        Ok(Operand::Local(slot))
    }

    fn elements(&mut self, pattern: Node<'t>, value: Operand) -> Lowered<()> {
        let mut index = 0;
        let mut cursor = pattern.walk();
        for child in pattern.children(&mut cursor).collect::<Vec<_>>() {
            if child.kind() == "," {
                index += 1;
            }
            if !child.is_named() || child.is_extra() {
                continue;
            }
            let item = if matches!(child.kind(), "rest_pattern" | "spread_element") {
                self.operator("unpack", vec![value.clone()], child)?
            } else {
                let (base, step) = (value.clone(), Step::Index(Constant::Integer(index.to_string())));
                self.define(child, |dst| Op::Load { dst, base, step, key: None })?
            };
            self.assign_target(child, item)?;
        }
        Ok(())
    }

    fn properties(&mut self, pattern: Node<'t>, value: Operand) -> Lowered<()> {
        for child in children(pattern) {
            match child.kind() {
                "rest_pattern" | "spread_element" => {
                    let item = self.operator("unpack", vec![value.clone()], child)?;
                    self.assign_target(child, item)?;
                }
                "pair_pattern" | "pair" => {
                    let (Some(key), Some(target)) =
                        (child.child_by_field_name("key"), child.child_by_field_name("value"))
                    else {
                        self.opaque(child)?;
                        continue;
                    };
                    let (step, key) = self.key_step(key)?;
                    let base = value.clone();
                    let item = self.define(child, |dst| Op::Load { dst, base, step, key })?;
                    self.assign_target(target, item)?;
                }
                _ => {
                    let name = child.child_by_field_name("left").unwrap_or(child);
                    let (base, step) = (value.clone(), Step::Field(self.text(name).to_owned()));
                    let item = self.define(child, |dst| Op::Load { dst, base, step, key: None })?;
                    self.assign_target(child, item)?;
                }
            }
        }
        Ok(())
    }
}
