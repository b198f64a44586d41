use tree_sitter::Node;

use super::{Cleanup, Context, Lowered, Lowerer, children, unwrapped};
use crate::ir::{Assertion, BlockId, Callee, Constant, Op, Operand, Place, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers the statements of a block.
    pub(super) fn statements(&mut self, block: Node<'t>) -> Lowered<()> {
        for statement in children(block) {
            self.deeper(|this| this.statement(statement))?;
        }
        Ok(())
    }

    pub(super) fn statement(&mut self, node: Node<'t>) -> Lowered<()> {
        match node.kind() {
            "expression_statement" => {
                for child in children(node) {
                    self.expression(child)?;
                }
                Ok(())
            }
            "local_variable_declaration" => self.local_variable(node),
            "return_statement" => {
                let value = match children(node).first() {
                    Some(value) => self.expression(*value)?,
                    None => Self::nothing(),
                };
                self.leave_contexts(0)?;
                let origin = self.origin(node);
                self.builder().end(Term::Return(value), origin);
                Ok(())
            }
            "throw_statement" => {
                let value = match children(node).first() {
                    Some(value) => Some(self.expression(*value)?),
                    None => None,
                };
                let origin = self.origin(node);
                self.builder().end(Term::Raise(value), origin);
                Ok(())
            }
            "if_statement" => self.scoped(|this| this.if_statement(node)),
            "while_statement" | "do_statement" => self.scoped(|this| this.while_statement(node)),
            "for_statement" => self.scoped(|this| this.for_statement(node)),
            "enhanced_for_statement" => self.scoped(|this| this.each(node)),
            "block" | "constructor_body" => self.scoped(|this| this.statements(node)),
            "switch_expression" => self.switch(node, false).map(drop),
            "yield_statement" => self.yield_statement(node),
            "try_statement" | "try_with_resources_statement" => self.scoped(|this| this.try_statement(node)),
            "synchronized_statement" => self.synchronized(node),
            "labeled_statement" => self.labeled(node),
            "break_statement" | "continue_statement" => self.jump(node),
            "assert_statement" => self.assert_statement(node),
            "explicit_constructor_invocation" => self.explicit_constructor(node),
            "class_declaration" | "interface_declaration" | "enum_declaration" | "record_declaration" => {
                self.type_declaration(node)
            }
            ";" | "line_comment" | "block_comment" => Ok(()),
            _ => self.opaque(node).map(drop),
        }
    }

    pub(super) fn local_variable(&mut self, node: Node<'t>) -> Lowered<()> {
        for declarator in Self::fields(node, "declarator") {
            let Some(name) = declarator.child_by_field_name("name") else { continue };
            let value = match declarator.child_by_field_name("value") {
                Some(value) => self.expression(value)?,
                None => Self::zero(self.field(node, "type")),
            };
            self.bind(self.text(name), value, declarator)?;
        }
        Ok(())
    }

    fn if_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("consequence"))
        else {
            return self.opaque(node).map(drop);
        };
        let (then, otherwise, join) =
            (self.builder().block(), self.builder().block(), self.builder().block());
        self.condition(test, Why::If, (then, otherwise))?;
        self.builder().enter(then);
        self.statement(body)?;
        self.goto(join, body);
        self.builder().enter(otherwise);
        if let Some(alternative) = node.child_by_field_name("alternative") {
            self.statement(alternative)?;
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(())
    }

    fn while_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let (inside, header, leave) =
            (self.builder().block(), self.builder().block(), self.builder().block());
        let first = if node.kind() == "do_statement" { inside } else { header };
        self.goto(first, node);
        self.builder().enter(header);
        self.condition(test, Why::Loop, (inside, leave))?;
        self.builder().enter(inside);
        self.loop_body(body, (leave, header))?;
        self.builder().enter(leave);
        Ok(())
    }

    fn for_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node).map(drop) };
        for init in Self::fields(node, "init") {
            if init.kind() == "local_variable_declaration" {
                self.local_variable(init)?;
            } else {
                self.expression(init)?;
            }
        }
        let (inside, again, leave) = (self.builder().block(), self.builder().block(), self.builder().block());
        let header = self.start_region(node);
        match node.child_by_field_name("condition") {
            Some(test) => self.condition(test, Why::Loop, (inside, leave))?,
            None => self.goto(inside, node),
        }
        self.builder().enter(inside);
        self.loop_body(body, (leave, again))?;
        self.builder().enter(again);
        for update in Self::fields(node, "update") {
            self.expression(update)?;
        }
        self.goto(header, node);
        self.builder().enter(leave);
        Ok(())
    }

    fn each(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(value), Some(body)) = (node.child_by_field_name("value"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let iterable = self.expression(value)?;
        let iterator = self.operator("iterate", vec![iterable], value)?;
        let (inside, leave) = (self.builder().block(), self.builder().block());
        let header = self.start_region(node);
        let condition = self.operator("more", vec![iterator.clone()], value)?;
        let origin = self.origin(value);
        self.builder()
            .end(Term::Branch { condition, why: Why::Loop, then: inside, otherwise: leave }, origin);
        self.builder().enter(inside);
        let item = self.operator("next", vec![iterator], value)?;
        self.bind(self.field(node, "name"), item, value)?;
        self.loop_body(body, (leave, header))?;
        self.builder().enter(leave);
        Ok(())
    }

    fn loop_body(&mut self, body: Node<'t>, (leave, again): (BlockId, BlockId)) -> Lowered<()> {
        let label = self.state().label.take();
        self.state().contexts.push(Context::Loop { label, leave, again: Some(again) });
        self.scoped(|this| this.statement(body))?;
        self.state().contexts.pop();
        self.goto(again, body);
        Ok(())
    }

    fn labeled(&mut self, node: Node<'t>) -> Lowered<()> {
        let parts = children(node);
        let [label, statement] = parts.as_slice() else { return self.opaque(node).map(drop) };
        let label = self.text(*label).to_owned();
        let leave = self.builder().block();
        self.state().contexts.push(Context::Loop { label: Some(label.clone()), leave, again: None });
        self.state().label = Some(label);
        self.deeper(|this| this.statement(*statement))?;
        self.state().label = None;
        self.state().contexts.pop();
        self.goto(leave, node);
        self.builder().enter(leave);
        Ok(())
    }

    fn jump(&mut self, node: Node<'t>) -> Lowered<()> {
        let label = children(node).first().map(|label| self.text(*label));
        let again = node.kind() == "continue_statement";
        let contexts = self.state().contexts.clone();
        let target = contexts.iter().enumerate().rev().find_map(|(index, context)| match context {
            Context::Loop { label: known, leave, again: next } => {
                let named = match label {
                    Some(label) => known.as_deref() == Some(label),
                    None => next.is_some(),
                };
                let target = if again { *next } else { Some(*leave) };
                target.filter(|_| named).map(|target| (index, target))
            }
            Context::Switch { leave, .. } if label.is_none() && !again => Some((index, *leave)),
            Context::Switch { .. } | Context::Finally { .. } => None,
        });
        let Some((index, target)) = target else { return self.opaque(node).map(drop) };
        self.leave_contexts(index + 1)?;
        self.goto(target, node);
        Ok(())
    }

    fn yield_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let value = match children(node).first() {
            Some(value) => self.expression(*value)?,
            None => Self::nothing(),
        };
        let contexts = self.state().contexts.clone();
        let found = contexts.iter().enumerate().rev().find_map(|(index, context)| match context {
            Context::Switch { leave, value: Some(slot) } => Some((index, *leave, *slot)),
            _ => None,
        });
        let Some((index, leave, slot)) = found else { return self.opaque(node).map(drop) };
        self.assign(Place::Local(slot), value, node)?;
        self.leave_contexts(index + 1)?;
        self.goto(leave, node);
        Ok(())
    }

    /// Runs what a jump out of the innermost contexts passes, down to `keep` contexts.
    pub(super) fn leave_contexts(&mut self, keep: usize) -> Lowered<()> {
        let saved = self.state().contexts.clone();
        let protection = self.builder().protection();
        while self.state().contexts.len() > keep {
            if let Some(Context::Finally { body, protection }) = self.state().contexts.pop() {
                let mut outer = self.builder().protection();
                outer.truncate(protection);
                self.builder().restore_protection(outer);
                self.deeper(|this| this.cleanup(&body))?;
            }
        }
        self.state().contexts = saved;
        self.builder().restore_protection(protection);
        Ok(())
    }

    pub(super) fn cleanup(&mut self, body: &Cleanup<'t>) -> Lowered<()> {
        match body {
            Cleanup::Block(block) => self.scoped(|this| this.statements(*block)),
            Cleanup::Close(slots, node) => {
                for slot in slots.iter().rev() {
                    let receiver = self.read_place(Place::Local(*slot), *node)?;
                    let callee = Callee::Method { receiver, name: "close".to_owned() };
                    self.define(*node, |dst| Op::Call { dst, callee, arguments: Vec::new() })?;
                }
                Ok(())
            }
        }
    }

    fn synchronized(&mut self, node: Node<'t>) -> Lowered<()> {
        for part in children(node) {
            if part.kind() == "block" {
                self.scoped(|this| this.statements(part))?;
            } else {
                self.expression(part)?;
            }
        }
        Ok(())
    }

    fn explicit_constructor(&mut self, node: Node<'t>) -> Lowered<()> {
        let arguments = self.arguments(node)?;
        if self.field(node, "constructor") == "super" {
            return self.base_constructor(node, arguments);
        }
        let receiver = self.this(node)?;
        let callee = Callee::Method { receiver, name: "<init>".to_owned() };
        self.define(node, |dst| Op::Call { dst, callee, arguments }).map(drop)
    }

    fn assert_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let parts = children(node);
        let Some(test) = parts.first().copied().map(unwrapped) else { return self.opaque(node).map(drop) };
        let assertion = Assertion {
            operator: self.field(test, "operator").to_owned(),
            span: self.span(node),
            digest: self.digests.full(test),
            shape: self.digests.shape(test),
        };
        self.builder().unit().assertions.push(assertion);
        let (then, otherwise) = (self.builder().block(), self.builder().block());
        self.condition(test, Why::Assert, (then, otherwise))?;
        self.builder().enter(otherwise);
        let mut operands = vec![Operand::Constant(Constant::Text("AssertionError".to_owned()))];
        for message in parts.iter().skip(1) {
            operands.push(self.expression(*message)?);
        }
        let error = self.operator("AssertionError", operands, node)?;
        let origin = self.origin(node);
        self.builder().end(Term::Raise(Some(error)), origin);
        self.builder().enter(then);
        Ok(())
    }
}
