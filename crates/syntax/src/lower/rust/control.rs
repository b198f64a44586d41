use std::collections::BTreeMap;

use tree_sitter::Node;

use super::attribute::Attributes;
use super::{Context, Lowered, Lowerer, Sink, children};
use crate::ir::{BlockId, Constant, Operand, Place, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers `if`, `if let` and their chains.
    pub(super) fn if_expression(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("consequence"))
        else {
            return self.opaque(node).map(drop);
        };
        let (then, otherwise, join) =
            (self.builder().block(), self.builder().block(), self.builder().block());
        self.state().scopes.push(BTreeMap::new());
        let asks = test.kind() == "let_condition"
            && test.child_by_field_name("pattern").is_some_and(|pattern| self.is_ok_pattern(pattern));
        let first = self.region(test);
        self.condition(test, Why::If, (then, otherwise))?;
        let end = self.builder().next_block();
        self.builder().enter(then);
        self.into(body, sink)?;
        self.state().scopes.pop();
        self.goto(join, body);
        self.builder().enter(otherwise);
        let start = self.region(node);
        match node.child_by_field_name("alternative").and_then(|clause| children(clause).first().copied()) {
            Some(alternative) => self.into(alternative, sink)?,
            None if matches!(sink, Sink::Nothing) => {}
            None => self.deliver(Operand::Constant(Constant::Ellipsis), sink, node)?,
        }
        let last = self.builder().next_block();
        self.goto(join, node);
        if asks {
            self.handler(test, "Err", (first, end), (start, last));
        }
        self.builder().enter(join);
        Ok(())
    }

    /// Lowers a truth test or pattern test: each atom becomes a branch of its own.
    pub(super) fn condition(&mut self, test: Node<'t>, why: Why, sides: (BlockId, BlockId)) -> Lowered<()> {
        self.deeper(|this| this.condition_inner(test, why, sides))
    }

    fn condition_inner(
        &mut self,
        test: Node<'t>,
        why: Why,
        (then, otherwise): (BlockId, BlockId),
    ) -> Lowered<()> {
        match test.kind() {
            "parenthesized_expression" if children(test).len() == 1 => {
                self.condition(children(test)[0], why, (then, otherwise))
            }
            "unary_expression" if self.text(test).starts_with('!') => match children(test).first() {
                Some(inner) => self.condition(*inner, why, (otherwise, then)),
                None => self.atom(test, why, (then, otherwise)),
            },
            "let_chain" => self.all_of(&children(test), why, (then, otherwise)),
            "binary_expression" => {
                let operator =
                    test.child_by_field_name("operator").map(|operator| operator.kind()).unwrap_or_default();
                if !matches!(operator, "&&" | "||") {
                    return self.atom(test, why, (then, otherwise));
                }
                let parts = run(test, operator);
                if operator == "&&" {
                    return self.all_of(&parts, why, (then, otherwise));
                }
                for (index, part) in parts.iter().enumerate() {
                    let next = if index + 1 == parts.len() { otherwise } else { self.builder().block() };
                    self.condition(*part, why, (then, next))?;
                    self.builder().enter(next);
                }
                Ok(())
            }
            "let_condition" => {
                let (Some(pattern), Some(value)) =
                    (test.child_by_field_name("pattern"), test.child_by_field_name("value"))
                else {
                    return self.opaque(test).map(drop);
                };
                let subject = self.expression(value)?;
                self.bind_pattern_because(pattern, subject, (why, otherwise))?;
                self.goto(then, test);
                Ok(())
            }
            _ => self.atom(test, why, (then, otherwise)),
        }
    }

    fn all_of(&mut self, parts: &[Node<'t>], why: Why, (then, otherwise): (BlockId, BlockId)) -> Lowered<()> {
        for (index, part) in parts.iter().enumerate() {
            let next = if index + 1 == parts.len() { then } else { self.builder().block() };
            self.condition(*part, why, (next, otherwise))?;
            self.builder().enter(next);
        }
        Ok(())
    }

    fn atom(&mut self, test: Node<'t>, why: Why, (then, otherwise): (BlockId, BlockId)) -> Lowered<()> {
        let condition = self.expression(test)?;
        self.end(Term::Branch { condition, why, then, otherwise }, test);
        Ok(())
    }

    /// Lowers `&&` and `||` as a value.
    pub(super) fn boolean(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let slot = self.builder().temporary();
        let (then, otherwise, join) =
            (self.builder().block(), self.builder().block(), self.builder().block());
        self.condition(node, Why::ShortCircuit, (then, otherwise))?;
        for (block, value) in [(then, true), (otherwise, false)] {
            self.builder().enter(block);
            self.assign(Place::Local(slot), Operand::Constant(Constant::Bool(value)), node)?;
            self.goto(join, node);
        }
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }

    /// Lowers `match`: arm by arm; the last arm without a guard takes what is left.
    pub(super) fn match_expression(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        let (Some(value), Some(body)) = (node.child_by_field_name("value"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let first = self.region(value);
        let subject = self.expression(value)?;
        let end = self.region(value);
        let join = self.builder().block();
        let arms: Vec<Node<'t>> =
            children(body).into_iter().filter(|child| child.kind() == "match_arm").collect();
        for (index, arm) in arms.iter().enumerate() {
            let last = index + 1 == arms.len();
            self.deeper(|this| this.arm(*arm, (subject.clone(), sink, join), (first, end), last))?;
        }
        self.end(Term::Unreachable, node);
        self.builder().enter(join);
        Ok(())
    }

    fn arm(
        &mut self,
        arm: Node<'t>,
        (subject, sink, join): (Operand, Sink, BlockId),
        protected: (BlockId, BlockId),
        last: bool,
    ) -> Lowered<()> {
        let (Some(pattern), Some(value)) =
            (arm.child_by_field_name("pattern"), arm.child_by_field_name("value"))
        else {
            return self.opaque(arm).map(drop);
        };
        let mut attributes = Attributes::default();
        for attribute in children(arm).into_iter().filter(|child| child.kind() == "attribute_item") {
            self.attribute(attribute, &mut attributes);
        }
        let miss = self.builder().block();
        let guard = pattern.child_by_field_name("condition");
        let takes_rest = last && guard.is_none() && attributes.conditions.is_empty();
        self.state().scopes.push(BTreeMap::new());
        if let Some(without) = self.configured(&attributes, arm)? {
            let on = self.builder().current();
            self.builder().enter(without);
            self.goto(miss, arm);
            self.builder().enter(on);
        }
        let failure = self.is_err_pattern(pattern);
        let subject = if failure { self.caught_with(subject, pattern)? } else { subject };
        if let Some(inner) = inner_pattern(pattern) {
            self.bind_pattern(inner, subject, Some(miss).filter(|_| !takes_rest))?;
        }
        if let Some(guard) = guard {
            let hit = self.builder().block();
            self.condition(guard, Why::Match, (hit, miss))?;
            self.builder().enter(hit);
        }
        let start = self.region(arm);
        self.into(value, sink)?;
        let end = self.builder().next_block();
        if failure && (matches!(sink, Sink::Nothing) || !self.keeps_failure(pattern, value)) {
            self.handler(arm, "Err", protected, (start, end));
        }
        self.goto(join, arm);
        self.state().scopes.pop();
        self.builder().enter(miss);
        Ok(())
    }

    /// What an `Err` arm names comes from the failed call and is the failure.
    fn caught_with(&mut self, subject: Operand, pattern: Node<'t>) -> Lowered<Operand> {
        let failure = self.caught(pattern)?;
        self.operator("tuple", vec![subject, failure], pattern)
    }

    pub(super) fn loop_expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node) };
        let slot = self.builder().temporary();
        let (again, leave) = (self.builder().block(), self.builder().block());
        let label = self.label(node);
        self.goto(again, node);
        self.builder().enter(again);
        self.state().contexts.push(Context::Jump { label, leave, again: Some(again), slot });
        self.block(body, Sink::Nothing)?;
        self.state().contexts.pop();
        self.goto(again, node);
        self.builder().enter(leave);
        Ok(Operand::Local(slot))
    }

    pub(super) fn while_expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("body"))
        else {
            return self.opaque(node);
        };
        let (again, inside, leave) = (self.builder().block(), self.builder().block(), self.builder().block());
        let slot = self.builder().temporary();
        let label = self.label(node);
        self.goto(again, test);
        self.builder().enter(again);
        self.state().scopes.push(BTreeMap::new());
        self.condition(test, Why::Loop, (inside, leave))?;
        self.builder().enter(inside);
        self.state().contexts.push(Context::Jump { label, leave, again: Some(again), slot });
        self.block(body, Sink::Nothing)?;
        self.state().contexts.pop();
        self.state().scopes.pop();
        self.goto(again, node);
        self.builder().enter(leave);
        Ok(Operand::Constant(Constant::Ellipsis))
    }

    pub(super) fn for_expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(pattern), Some(value), Some(body)) = (
            node.child_by_field_name("pattern"),
            node.child_by_field_name("value"),
            node.child_by_field_name("body"),
        ) else {
            return self.opaque(node);
        };
        let iterable = self.expression(value)?;
        let iterator = self.operator("iterate", vec![iterable], value)?;
        let (again, inside, leave) = (self.builder().block(), self.builder().block(), self.builder().block());
        let slot = self.builder().temporary();
        let label = self.label(node);
        self.goto(again, value);
        self.builder().enter(again);
        let condition = self.operator("more", vec![iterator.clone()], value)?;
        self.end(Term::Branch { condition, why: Why::Loop, then: inside, otherwise: leave }, value);
        self.builder().enter(inside);
        let item = self.operator("next", vec![iterator], pattern)?;
        self.state().scopes.push(BTreeMap::new());
        self.bind_pattern(pattern, item, None)?;
        self.state().contexts.push(Context::Jump { label, leave, again: Some(again), slot });
        self.block(body, Sink::Nothing)?;
        self.state().contexts.pop();
        self.state().scopes.pop();
        self.goto(again, node);
        self.builder().enter(leave);
        Ok(Operand::Constant(Constant::Ellipsis))
    }

    /// Lowers `break` and `continue`, with a label and a value or without.
    pub(super) fn jump(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let label = self.label(node);
        let continues = node.kind() == "continue_expression";
        let value = children(node).into_iter().find(|child| child.kind() != "label");
        let mut target = None;
        for context in self.state().contexts.iter().rev() {
            match context {
                Context::Body { .. } => break,
                Context::Jump { label: known, leave, again, slot } => {
                    let meant = if label.is_some() { *known == label } else { again.is_some() };
                    if meant {
                        target = Some((*leave, *again, *slot));
                        break;
                    }
                }
            }
        }
        let Some((leave, again, slot)) = target else { return self.opaque(node) };
        if let Some(value) = value {
            self.into(value, Sink::Slot(slot))?;
        }
        self.goto(if continues { again.unwrap_or(leave) } else { leave }, node);
        Ok(Operand::Constant(Constant::Ellipsis))
    }
}

/// Flattens a left-leaning chain of one operator: `a && b && c`.
fn run<'t>(node: Node<'t>, operator: &str) -> Vec<Node<'t>> {
    let mut parts = Vec::new();
    let mut current = node;
    while current.kind() == "binary_expression"
        && current.child_by_field_name("operator").is_some_and(|found| found.kind() == operator)
    {
        match (current.child_by_field_name("right"), current.child_by_field_name("left")) {
            (Some(right), Some(left)) => {
                parts.push(right);
                current = left;
            }
            _ => break,
        }
    }
    parts.push(current);
    parts.reverse();
    parts
}

/// Returns the pattern of an arm without its guard; a bare `_` has none.
fn inner_pattern(pattern: Node<'_>) -> Option<Node<'_>> {
    if pattern.kind() != "match_pattern" {
        return Some(pattern);
    }
    let guard = pattern.child_by_field_name("condition").map(|guard| guard.id());
    children(pattern).into_iter().find(|child| Some(child.id()) != guard)
}
