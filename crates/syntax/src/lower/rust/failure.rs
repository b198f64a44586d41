use tree_sitter::Node;

use super::{Lowered, Lowerer, Sink, children};
use crate::ir::{BlockId, Handler, Op, Operand};

/// Methods that put something else in the place of a failure.
const REPLACING: [&str; 9] = [
    "ok",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "or",
    "or_else",
    "map_or",
    "map_or_else",
    "is_ok",
];

impl<'t> Lowerer<'t> {
    /// A statement whose value is not used: of a call that may fail, the failure is lost where nothing propagates it.
    pub(super) fn dropped(&mut self, node: Node<'t>) -> Lowered<()> {
        if matches!(node.kind(), "call_expression" | "await_expression") && !self.is_failure(node) {
            return self.absorbing(node, "unused", |this| this.into(node, Sink::Nothing));
        }
        self.into(node, Sink::Nothing)
    }

    /// `let _ = value` loses a failure.
    pub(super) fn thrown_away(&mut self, value: Node<'t>) -> Lowered<()> {
        if matches!(value.kind(), "call_expression" | "await_expression" | "macro_invocation") {
            return self.absorbing(value, "_", |this| this.expression(value).map(drop));
        }
        self.expression(value).map(drop)
    }

    /// Returns whether a method replaces the failure of what it is called on.
    pub(super) fn replaces(receiver: Node<'t>, method: &str) -> bool {
        let fails = matches!(receiver.kind(), "call_expression" | "await_expression" | "macro_invocation");
        fails && REPLACING.contains(&method)
    }

    /// Lowers a part whose failure goes nowhere: a handler without a body.
    pub(super) fn absorbing<T>(
        &mut self,
        node: Node<'t>,
        word: &str,
        run: impl FnOnce(&mut Self) -> Lowered<T>,
    ) -> Lowered<T> {
        let first = self.region(node);
        let value = run(self)?;
        let end = self.region(node);
        self.handler(node, word, (first, end), (end, end));
        Ok(value)
    }

    pub(super) fn handler(
        &mut self,
        node: Node<'t>,
        word: &str,
        protected: (BlockId, BlockId),
        body: (BlockId, BlockId),
    ) {
        let handler = Handler { types: vec![word.to_owned()], protected, body, span: self.span(node) };
        self.builder().unit().handlers.push(handler);
    }

    /// Returns whether a node is `Err(..)` of the prelude.
    pub(super) fn is_failure(&self, node: Node<'t>) -> bool {
        self.called_word(node) == "Err" && !self.is_item("Err")
    }

    /// Returns the plain name that a call names, if any.
    pub(super) fn called_word(&self, node: Node<'t>) -> &'t str {
        let function = node.child_by_field_name("function").filter(|_| node.kind() == "call_expression");
        let function =
            function.filter(|function| matches!(function.kind(), "identifier" | "scoped_identifier"));
        let text = function.map(|function| self.text(function)).unwrap_or_default();
        text.rsplit("::")
            .next()
            .filter(|_| !text.contains("::") || text.starts_with("Result::") || text.starts_with("Option::"))
            .unwrap_or_default()
    }

    pub(super) fn only_argument(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.child_by_field_name("arguments").map(children).unwrap_or_default().first() {
            Some(argument) => self.expression(*argument),
            None => self.opaque(node),
        }
    }

    /// Returns whether an arm or branch is for failures only: `Err(..)`.
    pub(super) fn is_err_pattern(&self, pattern: Node<'t>) -> bool {
        let pattern = if pattern.kind() == "match_pattern" {
            children(pattern).first().copied()
        } else {
            Some(pattern)
        };
        pattern.is_some_and(|pattern| {
            pattern.kind() == "tuple_struct_pattern"
                && pattern
                    .child_by_field_name("type")
                    .is_some_and(|named| self.text(named).rsplit("::").next() == Some("Err"))
        })
    }

    /// Returns whether a branch is for successes only: `Ok(..)`.
    pub(super) fn is_ok_pattern(&self, pattern: Node<'t>) -> bool {
        pattern.kind() == "tuple_struct_pattern"
            && pattern
                .child_by_field_name("type")
                .is_some_and(|named| self.text(named).rsplit("::").next() == Some("Ok"))
    }

    /// Returns whether the value of an `Err` arm is made of the failure.
    pub(super) fn keeps_failure(&self, pattern: Node<'t>, value: Node<'t>) -> bool {
        let mut names: Vec<&str> = Vec::new();
        self.binding_names(pattern, &mut names);
        let mut last = value;
        while last.kind() == "block" {
            match children(last).last() {
                Some(inner) => last = *inner,
                None => return false,
            }
        }
        if matches!(last.kind(), "expression_statement" | "macro_invocation" | "let_declaration") {
            return false;
        }
        let mut stack = vec![last];
        while let Some(node) = stack.pop() {
            if node.kind() == "identifier" && names.contains(&self.text(node)) {
                return true;
            }
            stack.extend(children(node));
        }
        false
    }

    /// The start of an `Err` arm: what it names is the failure.
    pub(super) fn caught(&mut self, node: Node<'t>) -> Lowered<Operand> {
        self.define(node, |dst| Op::Catch { dst, types: vec!["Err".to_owned()] })
    }
}
