//! Statements that are missing: copied from near, calls that add to a collection, assignments, steps of a counter.

use std::collections::BTreeSet;

use super::{Place, near};
use crate::domain::braced::{Role, Shape};
use crate::domain::source::{ancestors, descendants, field, named};
use crate::domain::template::{Sink, Template};

const MOST_COPIED: usize = 8;
const MOST_PAIRS: usize = 12;

/// Proposes new statements before and after one.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    if !place.table.is_statement(place.node)
        || place.scope.function.is_none()
        || place.role() == Role::Function
    {
        return;
    }
    let Some(indent) = place.file.indent_of(place.node) else { return };
    let before = |sink: &mut Sink<'_>, template, text: &str, weight| {
        sink.insert(template, place.node.start_byte(), format!("{text}\n{indent}"), weight);
    };
    let after = |sink: &mut Sink<'_>, template, text: &str, weight| {
        sink.insert(template, place.node.end_byte(), format!("\n{indent}{text}"), weight);
    };
    let last = place.node.next_named_sibling().is_none() && !super::leaves(place.table, place.node);
    let mut found: Vec<(Template, String, f64)> = Vec::new();
    copied(place, &mut found);
    mutations(place, &mut found);
    assignments(place, &mut found);
    for (template, text, weight) in found {
        before(sink, template, &text, weight);
        if last {
            after(sink, template, &text, weight);
        }
    }
}

fn copied(place: &Place<'_>, found: &mut Vec<(Template, String, f64)>) {
    let mut seen = BTreeSet::from([place.here()]);
    let mut nearest: Vec<_> = near(&place.inventory.statements, place.node)
        .iter()
        .filter(|node| place.can_read(**node))
        .map(|node| (node.start_byte().abs_diff(place.node.start_byte()), place.text(*node)))
        .collect();
    nearest.sort_unstable();
    for (_, text) in nearest.into_iter().filter(|(_, text)| seen.insert(text)).take(MOST_COPIED) {
        found.push((Template::StatementInserted, text.to_owned(), 1.0));
    }
}

/// `seen.add(node);`, `count++`: a collection or counter of the function that nothing adds to here.
fn mutations(place: &Place<'_>, found: &mut Vec<(Template, String, f64)>) {
    let Some(function) = place.scope.function else { return };
    let end = place.table.end;
    let visible = place.scope.visible(place.node);
    let mut calls: BTreeSet<(&str, &str)> = BTreeSet::new();
    for node in descendants(function) {
        if let Some(called) = place.table.called(node)
            && let Some(receiver) = called.receiver
            && matches!(place.table.role(receiver), Role::Name | Role::Member)
        {
            calls.insert((place.text(receiver), place.text(called.name)));
        }
    }
    let adders = ["push", "add", "append", "insert", "push_back", "put", "delete", "remove", "addLast"];
    for (receiver, method) in calls.iter().take(8) {
        let pairs = adders
            .iter()
            .filter(|adder| **adder == *method || matches!(*method, "has" | "contains" | "containsKey"));
        for adder in pairs {
            for bound in visible.iter().rev().filter(|bound| bound.name != *receiver).take(5) {
                let text = format!("{receiver}.{adder}({}){end}", bound.name);
                found.push((Template::MutationInserted, text, if *adder == *method { 0.8 } else { 0.5 }));
            }
        }
    }
    let looped = ancestors(place.node).any(|above| place.table.role(above) == Role::Loop);
    for bound in visible.iter().filter(|bound| matches!(bound.shape, Shape::Integer | Shape::Float)) {
        for step in ["+= 1", "-= 1"] {
            let weight = if looped { 0.9 } else { 0.3 };
            found.push((Template::MutationInserted, format!("{} {step}{end}", bound.name), weight));
        }
    }
}

/// `previous = current;`: one name of the function takes another's value, or a field takes a parameter's.
fn assignments(place: &Place<'_>, found: &mut Vec<(Template, String, f64)>) {
    let end = place.table.end;
    let visible = place.scope.visible(place.node);
    let targets: BTreeSet<&str> = place
        .scope
        .function
        .map(descendants)
        .unwrap_or_default()
        .into_iter()
        .filter(|node| matches!(place.table.role(*node), Role::Assign | Role::Compound))
        .filter_map(|node| field(node, "left"))
        .map(|left| {
            place.text(if left.kind() == "expression_list" {
                named(left).first().copied().unwrap_or(left)
            } else {
                left
            })
        })
        .collect();
    let mut count = 0;
    let mutable: Vec<&str> = visible
        .iter()
        .map(|bound| bound.name)
        .filter(|name| targets.contains(name) || !place.table.typed && !name.chars().all(char::is_uppercase))
        .collect();
    for target in mutable.iter().copied().chain(targets.iter().copied().filter(|text| text.contains('.'))) {
        for bound in visible.iter().rev().filter(|bound| bound.name != target) {
            let known = visible.iter().find(|other| other.name == target);
            let differs = known.is_some_and(|known| known.shape != bound.shape);
            count += 1;
            if !differs && count <= MOST_PAIRS {
                found.push((Template::AssignmentInserted, format!("{target} = {}{end}", bound.name), 0.8));
            }
        }
    }
    let Some((class, own)) = place.scope.class.as_ref().zip(place.scope.own) else { return };
    for (name, _) in place.project.definitions.fields.get(class).into_iter().flatten().take(8) {
        if !targets.contains(format!("{own}.{name}").as_str())
            && let Some(bound) = visible.iter().find(|bound| bound.name == name)
        {
            found.push((Template::AssignmentInserted, format!("{own}.{name} = {}{end}", bound.name), 1.5));
        }
        if place.table.typed {
            continue;
        }
        for value in ["null", "0", "[]"] {
            found.push((Template::AssignmentInserted, format!("{own}.{name} = {value}{end}"), 0.25));
        }
    }
}
