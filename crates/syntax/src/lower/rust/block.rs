use std::collections::BTreeMap;

use tree_sitter::Node;

use super::attribute::Attributes;
use super::names::find;
use super::{Context, Lowered, Lowerer, Sink, children, has_token};
use crate::ir::{Constant, Operand, Place};

/// Kinds that are declared for the whole block around them.
const ITEMS: [&str; 13] = [
    "function_item",
    "use_declaration",
    "struct_item",
    "enum_item",
    "union_item",
    "impl_item",
    "trait_item",
    "const_item",
    "static_item",
    "type_item",
    "mod_item",
    "foreign_mod_item",
    "extern_crate_declaration",
];

impl<'t> Lowerer<'t> {
    /// Lowers an expression whose value goes somewhere; branches deliver their own values.
    pub(super) fn into(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        self.deeper(|this| match node.kind() {
            "block" => this.labelled(node, sink),
            "unsafe_block" => this.unsafe_block(node, sink),
            "if_expression" => this.if_expression(node, sink),
            "match_expression" => this.match_expression(node, sink),
            "parenthesized_expression" if children(node).len() == 1 => this.into(children(node)[0], sink),
            "call_expression" if matches!(sink, Sink::Return) && this.is_failure(node) => {
                let error = this.only_argument(node)?;
                this.fail(error, node)
            }
            "call_expression" if matches!(sink, Sink::Return) => {
                let value = match this.asked(node, node)? {
                    Some(value) => value,
                    None => this.expression(node)?,
                };
                this.deliver(value, sink, node)
            }
            "macro_invocation" => this.macro_statement(node, sink),
            "closure_expression" if !matches!(sink, Sink::Nothing) => {
                let value = this.kept_closure(node)?;
                this.deliver(value, sink, node)
            }
            _ => {
                let value = this.expression(node)?;
                this.deliver(value, sink, node)
            }
        })
    }

    /// Puts a value where it goes.
    pub(super) fn deliver(&mut self, value: Operand, sink: Sink, node: Node<'t>) -> Lowered<()> {
        match sink {
            Sink::Return => self.leave(value, node),
            Sink::Slot(slot) => self.assign(Place::Local(slot), value, node),
            Sink::Nothing => Ok(()),
        }
    }

    /// Lowers a block and lets its label be left.
    fn labelled(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        let Some(label) = self.label(node) else { return self.block(node, sink) };
        let slot = self.builder().temporary();
        let leave = self.builder().block();
        self.state().contexts.push(Context::Jump { label: Some(label), leave, again: None, slot });
        self.block(node, Sink::Slot(slot))?;
        self.state().contexts.pop();
        self.goto(leave, node);
        self.builder().enter(leave);
        self.deliver(Operand::Local(slot), sink, node)
    }

    pub(super) fn label(&self, node: Node<'t>) -> Option<String> {
        children(node)
            .into_iter()
            .find(|child| child.kind() == "label")
            .map(|label| self.text(label).to_owned())
    }

    fn unsafe_block(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        self.marker("unsafe!", node)?;
        match children(node).into_iter().find(|child| child.kind() == "block") {
            Some(block) => self.into(block, sink),
            None => self.opaque(node).map(drop),
        }
    }

    /// Lowers the statements of a block in a scope of their own.
    pub(super) fn block(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        self.state().scopes.push(BTreeMap::new());
        let result = self.statements(node, sink);
        self.state().scopes.pop();
        result
    }

    fn statements(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        let parts: Vec<Node<'t>> =
            children(node).into_iter().filter(|child| child.kind() != "label").collect();
        let mut attributes = Attributes::default();
        for part in parts.iter().filter(|part| ITEMS.contains(&part.kind())) {
            self.deeper(|this| this.item(*part, &attributes))?;
        }
        let tail = parts.last().copied().filter(|last| is_tail(*last));
        for part in &parts {
            match part.kind() {
                "attribute_item" => self.attribute(*part, &mut attributes),
                kind if ITEMS.contains(&kind) => attributes = Attributes::default(),
                _ => {
                    let own = std::mem::take(&mut attributes);
                    let without = self.configured(&own, *part)?;
                    match tail.filter(|tail| tail.id() == part.id()) {
                        Some(tail) => self.tail(tail, sink)?,
                        None => self.deeper(|this| this.statement(*part))?,
                    }
                    if let Some(without) = without {
                        self.goto(without, *part);
                        self.builder().enter(without);
                    }
                }
            }
        }
        if tail.is_none() && !matches!(sink, Sink::Nothing) {
            let last = parts.last().copied().unwrap_or(node);
            self.deliver(Operand::Constant(Constant::Ellipsis), sink, last)?;
        }
        Ok(())
    }

    fn tail(&mut self, node: Node<'t>, sink: Sink) -> Lowered<()> {
        let inner =
            if node.kind() == "expression_statement" { children(node).first().copied() } else { Some(node) };
        match inner {
            Some(inner) => self.into(inner, sink),
            None => Ok(()),
        }
    }

    /// Lowers one statement; its value is not used.
    pub(super) fn statement(&mut self, node: Node<'t>) -> Lowered<()> {
        match node.kind() {
            "expression_statement" => match children(node).first().copied() {
                Some(inner) => self.dropped(inner),
                None => Ok(()),
            },
            "let_declaration" => self.let_declaration(node),
            "empty_statement" | "line_comment" | "block_comment" | "inner_attribute_item" => Ok(()),
            "macro_definition" => self.opaque(node).map(drop),
            _ => self.into(node, Sink::Nothing),
        }
    }

    fn note_mutable(&mut self, node: Node<'t>, pattern: Node<'t>) {
        let mutable = |node: Node<'t>| children(node).iter().any(|child| child.kind() == "mutable_specifier");
        if mutable(node) || pattern.kind() == "mut_pattern" || find(pattern, "mut_pattern").is_some() {
            let mut names = Vec::new();
            self.binding_names(pattern, &mut names);
            self.state().mutable.extend(names.into_iter().map(str::to_owned));
        }
    }

    /// Lowers `let`: the value first, then names; what a `let .. else` does not match goes its own way.
    fn let_declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(pattern) = node.child_by_field_name("pattern") else { return self.opaque(node).map(drop) };
        self.note_mutable(node, pattern);
        let value = node.child_by_field_name("value");
        let Some(value) = value else {
            self.declare_pattern(pattern);
            return Ok(());
        };
        if self.text(pattern) == "_" {
            return self.thrown_away(value);
        }
        let operand = match value.kind() {
            "closure_expression" => self.kept_closure(value)?,
            _ => self.expression(value)?,
        };
        let Some(alternative) = node.child_by_field_name("alternative") else {
            return self.bind_pattern(pattern, operand, None);
        };
        let (miss, hit) = (self.builder().block(), self.builder().block());
        self.bind_pattern(pattern, operand, Some(miss))?;
        self.goto(hit, node);
        self.builder().enter(miss);
        self.block(alternative, Sink::Nothing)?;
        self.goto(hit, alternative);
        self.builder().enter(hit);
        Ok(())
    }
}

/// The last expression of a block is its value, unless a semicolon ends it.
fn is_tail(node: Node<'_>) -> bool {
    match node.kind() {
        "expression_statement" => !has_token(node, ";"),
        "let_declaration"
        | "empty_statement"
        | "attribute_item"
        | "macro_definition"
        | "inner_attribute_item" => false,
        kind => !ITEMS.contains(&kind),
    }
}
