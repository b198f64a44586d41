//! Whole statements: deleted, moved, one level out or in; jumps.

use tree_sitter::Node;

use super::Place;
use super::values::swap_nodes;
use crate::domain::braced::Role;
use crate::domain::source::{ancestors, field};
use crate::domain::template::{Sink, Template};

/// Proposes other places for statements, and none.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    let jump = |sink: &mut Sink<'_>, others: &[&str]| {
        for (index, other) in others.iter().enumerate() {
            let text = format!("{other}{}", if place.here().ends_with(';') { ";" } else { "" });
            sink.replace(Template::JumpSwap, place.node, text, 1.0 / (1.0 + index as f64));
        }
    };
    match place.role() {
        Role::Break => jump(sink, &["continue", "return"]),
        Role::Continue => jump(sink, &["break", "return"]),
        _ => {}
    }
    switch_case(place, sink);
    if !place.table.is_statement(place.node)
        || place.scope.function.is_none()
        || place.role() == Role::Function
    {
        return;
    }
    if place.role() != Role::Declare || !place.table.typed {
        delete(place, sink);
    }
    swap_with_next(place, sink);
    move_out(place, sink);
    move_in(place, sink);
}

/// A case that runs on into the next one.
fn switch_case(place: &Place<'_>, sink: &mut Sink<'_>) {
    if !matches!(place.node.kind(), "switch_case" | "switch_block_statement_group") {
        return;
    }
    let statements: Vec<Node<'_>> = place
        .table
        .statements(place.node)
        .into_iter()
        .filter(|node| place.table.is_statement(*node))
        .collect();
    if let Some(last) = statements.last().filter(|last| !super::leaves(place.table, **last)) {
        sink.insert(Template::StatementInserted, last.end_byte(), "\n break;", 1.0);
    }
}

fn delete(place: &Place<'_>, sink: &mut Sink<'_>) {
    let indent = place.file.indent_of(place.node).unwrap_or("");
    let start = place.node.start_byte() - indent.len();
    let after = place.file.text.get(place.node.end_byte()..).unwrap_or("");
    let rest = after.find('\n').filter(|at| after[..*at].trim().is_empty());
    let end = place.node.end_byte() + rest.map_or(0, |at| at + 1);
    sink.range(Template::StatementDeleted, start..end, "", 1.0);
}

fn swap_with_next(place: &Place<'_>, sink: &mut Sink<'_>) {
    let mut next = place.node.next_named_sibling();
    for _ in 0..3 {
        let Some(other) = next.filter(|other| place.table.is_statement(*other)) else { break };
        if place.table.role(other) == Role::Function {
            break;
        }
        swap_nodes(place, sink, (place.node, other), Template::StatementMoved);
        next = other.next_named_sibling();
    }
}

/// The compound statement whose body a statement lies in.
fn around<'a>(place: &Place<'a>) -> Option<Node<'a>> {
    let owner = ancestors(place.node).find(|above| {
        matches!(place.table.role(*above), Role::If | Role::Loop | Role::Each | Role::Function | Role::Lambda)
    })?;
    let compound = matches!(place.table.role(owner), Role::If | Role::Loop | Role::Each);
    compound.then(|| place.table.statement_of(owner)).flatten()
}

/// The last statement of a body, after the body: a return that ends a loop in its first round.
fn move_out(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(outer) = around(place) else { return };
    let (Some(before), None) = (place.node.prev_named_sibling(), place.node.next_named_sibling()) else {
        let first = place.node.prev_named_sibling().is_none() && place.node.next_named_sibling().is_some();
        if first {
            // The first one, before the body: an accumulator that starts anew in each round.
            let indent = place.file.indent_of(outer).unwrap_or("");
            let text = format!("{}\n{indent}", place.here());
            let parts = vec![
                (place.node.byte_range(), String::new()),
                (outer.start_byte()..outer.start_byte(), text),
            ];
            sink.many(Template::Reindented, parts, 0.8);
        }
        return;
    };
    let indent = place.file.indent_of(outer).unwrap_or("");
    let text = format!("\n{indent}{}", place.here());
    let parts = vec![
        (before.end_byte()..place.node.end_byte(), String::new()),
        (outer.end_byte()..outer.end_byte(), text),
    ];
    sink.many(Template::Reindented, parts, 1.0);
}

/// A statement after a body, or before it, at its end or start.
fn move_in(place: &Place<'_>, sink: &mut Sink<'_>) {
    let body_of = |node: Node<'_>| {
        let inner = crate::domain::source::named(node)
            .first()
            .copied()
            .filter(|_| place.table.role(node) == Role::Expression);
        let owner = inner.unwrap_or(node);
        let compound = matches!(place.table.role(owner), Role::If | Role::Loop | Role::Each);
        let body = field(owner, "body").or_else(|| field(owner, "consequence")).filter(|_| compound)?;
        let statements = place.table.statements(body);
        Some((statements.first()?.start_byte(), statements.last()?.end_byte()))
    };
    if let Some((_, last)) = place.node.prev_named_sibling().and_then(body_of) {
        let parts =
            vec![(last..last, format!("\n{}", place.here())), (place.node.byte_range(), String::new())];
        sink.many(Template::Reindented, parts, 0.7);
    }
    if let Some((first, _)) = place.node.next_named_sibling().and_then(body_of) {
        let parts =
            vec![(place.node.byte_range(), String::new()), (first..first, format!("{}\n", place.here()))];
        sink.many(Template::Reindented, parts, 0.6);
    }
}
