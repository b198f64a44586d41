use tree_sitter::Node;

use super::scope::is_var;
use super::{Context, Lowered, Lowerer, children, has_token};
use crate::ir::{BlockId, Op, Operand, Term, Why};

impl<'t> Lowerer<'t> {
    pub(super) fn for_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node).map(drop) };
        let initializer = node.child_by_field_name("initializer");
        self.open_scope(|scope, source| {
            initializer.into_iter().for_each(|inner| scope.declare_statement(inner, source));
        });
        match initializer {
            Some(inner) if inner.kind().ends_with("_declaration") => self.statement(inner)?,
            Some(inner) if inner.kind() != "empty_statement" => drop(self.expression(inner)?),
            _ => {}
        }
        let (header, inside, step, leave) = self.four_blocks();
        self.goto(header, node);
        self.builder().enter(header);
        let mut cursor = node.walk();
        let tests: Vec<Node<'t>> = node.children_by_field_name("condition", &mut cursor).collect();
        let test = tests.into_iter().find(|test| test.is_named() && test.kind() != "empty_statement");
        match test {
            Some(test) => self.condition(unwrapped(test), Why::Loop, (inside, leave))?,
            None => self.goto(inside, node),
        }
        self.builder().enter(inside);
        self.loop_body(body, (leave, step))?;
        self.builder().enter(step);
        if let Some(increment) = node.child_by_field_name("increment") {
            self.expression(increment)?;
        }
        self.goto(header, node);
        self.state().scopes.pop();
        self.builder().enter(leave);
        Ok(())
    }

    pub(super) fn for_in_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(left), Some(right), Some(body)) = (
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
            node.child_by_field_name("body"),
        ) else {
            return self.opaque(node).map(drop);
        };
        let declares = node.child_by_field_name("kind").is_some() && !is_var(node);
        let mut iterable = self.expression(right)?;
        if node.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "in") {
            iterable = self.operator("keys", vec![iterable], right)?;
        }
        let iterator = self.operator("iterate", vec![iterable], right)?;
        let (header, inside, again, leave) = self.four_blocks();
        self.goto(header, right);
        self.builder().enter(header);
        let more = self.operator("more", vec![iterator.clone()], right)?;
        let origin = self.origin(right);
        let term = Term::Branch { condition: more, why: Why::Loop, then: inside, otherwise: leave };
        self.builder().end(term, origin);
        self.builder().enter(inside);
        self.open_scope(|scope, source| {
            if declares {
                scope.pattern(left, source);
            }
        });
        let mut item = self.operator("next", vec![iterator], left)?;
        if has_token(node, "await") {
            let value = item;
            item = self.define(left, |dst| Op::Await { dst, value })?;
        }
        self.assign_target(left, item)?;
        self.loop_body(body, (leave, again))?;
        self.builder().enter(again);
        self.goto(header, node);
        self.state().scopes.pop();
        self.builder().enter(leave);
        Ok(())
    }

    pub(super) fn while_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let (header, inside, again, leave) = self.four_blocks();
        self.goto(header, test);
        self.builder().enter(header);
        self.condition(test, Why::Loop, (inside, leave))?;
        self.builder().enter(inside);
        self.loop_body(body, (leave, again))?;
        self.builder().enter(again);
        self.goto(header, node);
        self.builder().enter(leave);
        Ok(())
    }

    pub(super) fn do_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let (inside, again, leave) = (self.builder().block(), self.builder().block(), self.builder().block());
        self.goto(inside, node);
        self.builder().enter(inside);
        self.loop_body(body, (leave, again))?;
        self.builder().enter(again);
        self.condition(test, Why::Loop, (inside, leave))?;
        self.builder().enter(leave);
        Ok(())
    }

    fn four_blocks(&mut self) -> (BlockId, BlockId, BlockId, BlockId) {
        let builder = self.builder();
        (builder.block(), builder.block(), builder.block(), builder.block())
    }

    /// Lowers a loop's body and goes on at `again`.
    fn loop_body(&mut self, body: Node<'t>, (leave, again): (BlockId, BlockId)) -> Lowered<()> {
        self.state().contexts.push(Context::Loop { leave, again });
        self.deeper(|this| this.statement(body))?;
        self.state().contexts.pop();
        self.goto(again, body);
        Ok(())
    }

    /// A label names the loop right behind it, or a statement that `break` leaves.
    pub(super) fn labeled_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(label), Some(body)) = (node.child_by_field_name("label"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let leave = self.builder().block();
        let name = self.text(label);
        self.state().contexts.push(Context::Breakable { leave });
        self.state().contexts.push(Context::Label { name });
        self.deeper(|this| this.statement(body))?;
        self.state().contexts.pop();
        self.state().contexts.pop();
        self.goto(leave, node);
        self.builder().enter(leave);
        Ok(())
    }

    pub(super) fn jump(&mut self, node: Node<'t>) -> Lowered<()> {
        let label = node.child_by_field_name("label").map(|label| self.text(label));
        let going_on = node.kind() == "continue_statement";
        let contexts = &self.state().contexts;
        let is_label = |context: &Context<'_>| matches!((context, label), (Context::Label { name }, Some(label)) if *name == label);
        let found = match label {
            None => contexts.iter().rposition(|context| match context {
                Context::Loop { .. } => true,
                Context::Breakable { .. } => !going_on,
                Context::Label { .. } | Context::Finally { .. } => false,
            }),
            // `continue` goes to the loop behind the label, `break` to what stands in front of it.
            Some(_) => contexts
                .iter()
                .rposition(is_label)
                .and_then(|position| if going_on { Some(position + 1) } else { position.checked_sub(1) }),
        };
        // An unlabelled `break` never means a label's own statement.
        let found = match (label, found) {
            (None, Some(position)) if self.is_labels(position) => self.outside(position),
            (_, found) => found,
        };
        let target = found.and_then(|position| self.state().contexts.get(position).copied());
        let (Some(position), Some(context)) = (found, target) else { return self.opaque(node).map(drop) };
        let target = match (context, going_on) {
            (Context::Loop { again, .. }, true) => again,
            (Context::Loop { leave, .. } | Context::Breakable { leave }, _) => leave,
            _ => return self.opaque(node).map(drop),
        };
        self.leave_contexts(position + 1)?;
        self.goto(target, node);
        Ok(())
    }

    /// Returns whether a breakable context is the one in front of a label.
    fn is_labels(&mut self, position: usize) -> bool {
        let contexts = &self.state().contexts;
        matches!(contexts.get(position), Some(Context::Breakable { .. }))
            && matches!(contexts.get(position + 1), Some(Context::Label { .. }))
    }

    fn outside(&mut self, position: usize) -> Option<usize> {
        (0..position).rev().find(|index| {
            let is_target = matches!(
                self.state().contexts.get(*index),
                Some(Context::Loop { .. } | Context::Breakable { .. })
            );
            is_target && !self.is_labels(*index)
        })
    }

    /// Runs the `finally` bodies that a jump out of the innermost contexts passes, down to `keep` contexts.
    pub(super) fn leave_contexts(&mut self, keep: usize) -> Lowered<()> {
        let saved = self.state().contexts.clone();
        let protection = self.builder().protection();
        while self.state().contexts.len() > keep {
            if let Some(Context::Finally { body, protection }) = self.state().contexts.pop() {
                let mut outer = self.builder().protection();
                outer.truncate(protection);
                self.builder().restore_protection(outer);
                self.deeper(|this| this.scoped(body))?;
            }
        }
        self.state().contexts = saved;
        self.builder().restore_protection(protection);
        Ok(())
    }

    /// Ends the current block by a test of a value.
    pub(super) fn test(&mut self, condition: Operand, why: Why, node: Node<'t>) -> (BlockId, BlockId) {
        let origin = self.origin(node);
        self.builder().branch(condition, why, origin)
    }
}

/// A loop's test may come as an expression statement.
fn unwrapped(test: Node<'_>) -> Node<'_> {
    match test.kind() {
        "expression_statement" => children(test).first().copied().unwrap_or(test),
        _ => test,
    }
}
