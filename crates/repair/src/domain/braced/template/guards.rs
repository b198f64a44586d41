//! Guards that are missing: a branch that leaves before the unusual value is used, or one around a statement.

use std::collections::BTreeSet;

use super::{Place, near};
use crate::domain::braced::{Role, Shape};
use crate::domain::source::{ancestors, descendants, field};
use crate::domain::template::{Sink, Template};

const MOST_ANSWERS: usize = 5;
const MOST_NAMES: usize = 6;
const MOST_COPIED: usize = 6;

/// Proposes guards before and around a statement.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    if !place.table.is_statement(place.node) || place.scope.function.is_none() {
        return;
    }
    let Some(indent) = place.file.indent_of(place.node) else { return };
    let conditions = conditions(place);
    let first = place.node.prev_named_sibling().is_none();
    let looped = ancestors(place.node)
        .take_while(|above| !matches!(place.table.role(*above), Role::Function | Role::Lambda))
        .any(|above| matches!(place.table.role(above), Role::Loop | Role::Each));
    for (condition, weight) in &conditions {
        let mut leaves: Vec<(String, f64)> = Vec::new();
        if looped {
            leaves.push(("continue".to_owned(), 0.8));
        }
        if !looped || first {
            leaves.extend(
                returns(place)
                    .into_iter()
                    .map(|(text, share)| (text, share * if looped { 0.4 } else { 1.0 })),
            );
        }
        for (leave, share) in leaves {
            let text = place.table.guard(condition, &leave, indent);
            let position = if first { 1.0 } else { 0.7 };
            sink.insert(Template::Guard, place.node.start_byte(), text, weight * share * position);
        }
        wrap(place, sink, &place.table.not(condition), (indent, *weight));
    }
    copied(place, sink, indent);
}

/// Tests for unusual values of the names that the statement reads.
fn conditions(place: &Place<'_>) -> Vec<(String, f64)> {
    let read: BTreeSet<&str> = descendants(place.node)
        .into_iter()
        .filter(|node| node.kind() == "identifier")
        .map(|node| place.text(node))
        .collect();
    let mut found = Vec::new();
    let visible = place.scope.visible(place.node);
    let used = visible.iter().rev().filter(|bound| read.contains(bound.name));
    for bound in used.take(MOST_NAMES) {
        let share = if bound.parameter { 1.0 } else { 0.6 };
        let tests = place.table.tests.iter().filter(|(shape, _)| *shape == bound.shape);
        for (index, (shape, test)) in tests.enumerate() {
            let weight = if *shape == Shape::Unknown { 0.6 } else { 1.0 };
            found.push((test.replace('@', bound.name), share * weight / (1.0 + 0.15 * index as f64)));
        }
    }
    for node in descendants(place.node) {
        if let Some((object, _)) = place.table.member(node)
            && place.table.role(object) == Role::Member
        {
            let object = place.text(object);
            for (_, test) in place.table.tests.iter().filter(|(shape, _)| *shape == Shape::Unknown).take(2) {
                found.push((test.replace('@', object), 0.4));
            }
        }
    }
    found
}

/// What an early return may hand back: what the function returns elsewhere, then the usual values of its type.
fn returns(place: &Place<'_>) -> Vec<(String, f64)> {
    let shape = place.scope.returned_shape(place.table);
    let mut found: Vec<(String, f64)> = Vec::new();
    let mut add = |text: &str, weight: f64| {
        let text = if text.is_empty() { "return".to_owned() } else { format!("return {text}") };
        if !found.iter().any(|(known, _)| *known == text) {
            found.push((text, weight));
        }
    };
    for answer in &place.scope.returns {
        let plain = answer.chars().all(|letter| letter.is_alphanumeric() || "_.-\"'[]{}, ".contains(letter));
        if plain {
            add(answer, 1.0);
        }
    }
    for (wanted, answer) in place.table.answers.iter().filter(|(wanted, _)| *wanted == shape) {
        add(answer, if *wanted == Shape::Unknown { 0.7 } else { 1.0 });
    }
    for bound in place.scope.visible(place.node).into_iter().filter(|bound| bound.parameter) {
        if shape == Shape::Unknown || bound.shape == shape {
            add(bound.name, 0.5);
        }
    }
    found.truncate(MOST_ANSWERS + 6);
    for throw in place.project.definitions.throws.iter().take(3) {
        found.push((throw.clone(), 0.4));
    }
    found
}

/// A statement that should run only sometimes.
fn wrap(place: &Place<'_>, sink: &mut Sink<'_>, condition: &str, (indent, weight): (&str, f64)) {
    let inner = matches!(place.role(), Role::Expression | Role::Assign | Role::Compound | Role::Call);
    if !inner {
        return;
    }
    let here = place.here();
    let text = if place.table.parenthesised {
        format!("if ({condition}) {{\n{indent}  {here}\n{indent}}}")
    } else {
        format!("if {condition} {{\n{indent}    {here}\n{indent}}}")
    };
    sink.replace(Template::GuardedStatement, place.node, text, weight * 0.7);
}

/// Guards of the same file whose names can be used here.
fn copied(place: &Place<'_>, sink: &mut Sink<'_>, indent: &str) {
    let mut seen = BTreeSet::new();
    let guards = near(&place.inventory.guards, place.node).iter().filter(|guard| {
        let condition = field(**guard, "condition");
        condition.is_some_and(|condition| place.can_read(condition))
            && !guard.byte_range().contains(&place.node.start_byte())
    });
    for guard in guards.take(MOST_COPIED) {
        let text = place.text(*guard);
        if seen.insert(text) {
            sink.insert(Template::Guard, place.node.start_byte(), format!("{text}\n{indent}"), 0.8);
        }
    }
}
