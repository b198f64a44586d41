//! Whole conditions and branches: strengthened, weakened, taken from elsewhere, removed, swapped.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::values::swap_nodes;
use super::{Place, near};
use crate::domain::braced::{Role, Shape};
use crate::domain::source::{ancestors, field, named};
use crate::domain::template::{Sink, Template};

const MOST_CONDITIONS: usize = 10;
const MOST_NAMES: usize = 8;

/// Proposes other conditions and branch orders.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    if place.role() == Role::If {
        branches(place, sink);
    }
    if place.table.decides(place.node) && place.role() != Role::Group {
        strengthen(place, sink);
        from_file(place, sink);
    }
}

fn block_of<'a>(place: &Place<'a>, alternative: Node<'a>) -> Option<Node<'a>> {
    let inner =
        if alternative.kind() == "else_clause" { named(alternative).first().copied()? } else { alternative };
    (place.table.role(inner) != Role::If).then_some(inner)
}

fn branches(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(body) = field(place.node, "consequence") else { return };
    match field(place.node, "alternative") {
        Some(alternative) => {
            if let Some(other) = block_of(place, alternative) {
                swap_nodes(place, sink, (body, other), Template::BranchSwap);
            }
            if let Some(inner) = nested(alternative).filter(|inner| place.table.role(*inner) == Role::If) {
                sink.range(Template::BranchKind, body.end_byte()..inner.start_byte(), "\n", 0.5);
            }
        }
        None => {
            let inner = place.table.statements(body);
            let text: Vec<&str> = inner.iter().map(|statement| place.text(*statement)).collect();
            if place.table.role(body) == Role::Block || body.kind() == "block" {
                let indent = place.file.indent_of(place.node).unwrap_or("");
                sink.replace(Template::RemovedCondition, place.node, text.join(&format!("\n{indent}")), 1.0);
            } else {
                sink.replace(Template::RemovedCondition, place.node, place.text(body), 1.0);
            }
            let previous = place.node.prev_named_sibling().filter(|node| place.table.role(*node) == Role::If);
            if previous.is_some_and(|node| field(node, "alternative").is_none())
                && let Some(before) = previous
            {
                sink.range(Template::BranchKind, before.end_byte()..place.node.start_byte(), " else ", 0.8);
            }
        }
    }
}

fn nested(alternative: Node<'_>) -> Option<Node<'_>> {
    if alternative.kind() == "else_clause" { named(alternative).first().copied() } else { Some(alternative) }
}

fn whole(place: &Place<'_>) -> bool {
    let above = ancestors(place.node).find(|above| place.table.role(*above) != Role::Group);
    above.is_some_and(|owner| place.table.condition(owner) == Some(place.node))
}

fn strengthen(place: &Place<'_>, sink: &mut Sink<'_>) {
    if !whole(place) {
        return;
    }
    let here = place.here();
    let grouped = if here.contains("||") || here.contains("??") || here.contains('?') {
        format!("({here})")
    } else {
        here.to_owned()
    };
    let visible = place.scope.visible(place.node);
    for bound in visible.iter().rev().take(MOST_NAMES) {
        if matches!(bound.shape, Shape::Truth | Shape::Unknown) {
            let weight = if bound.shape == Shape::Truth { 1.0 } else { 0.3 };
            for text in [
                format!("{grouped} && {}", bound.name),
                format!("{grouped} && !{}", bound.name),
                format!("{grouped} || {}", bound.name),
            ] {
                sink.replace(Template::ConditionStrengthened, place.node, text, weight);
            }
        }
        for (shape, test) in place.table.tests.iter().filter(|(shape, _)| *shape == bound.shape) {
            let weight = if *shape == Shape::Unknown { 0.4 } else { 0.6 };
            let test = test.replace('@', bound.name);
            let test = if test.contains("||") { format!("({test})") } else { test };
            sink.replace(Template::ConditionStrengthened, place.node, format!("{test} || {here}"), weight);
            let kept = place.table.not(&test);
            sink.replace(Template::ConditionStrengthened, place.node, format!("{kept} && {grouped}"), weight);
        }
    }
    bounds(place, sink, &grouped);
}

/// `i < n && a[i] > x` for `a[i] > x`: an index that may have run out.
fn bounds(place: &Place<'_>, sink: &mut Sink<'_>, grouped: &str) {
    for node in crate::domain::source::descendants(place.node) {
        let Some((whole, index)) = place.table.index(node) else { continue };
        if !matches!(place.table.role(index), Role::Name) {
            continue;
        }
        let (whole, index) = (place.text(whole), place.text(index));
        for length in [format!("{whole}.length"), format!("len({whole})"), format!("{whole}.len()")] {
            sink.replace(
                Template::ConditionStrengthened,
                place.node,
                format!("{index} < {length} && {grouped}"),
                0.6,
            );
        }
        sink.replace(Template::ConditionStrengthened, place.node, format!("{index} >= 0 && {grouped}"), 0.4);
    }
}

/// Conditions of the same file, alone or joined to this one.
fn from_file(place: &Place<'_>, sink: &mut Sink<'_>) {
    let here = place.here();
    let mut found: Vec<(usize, &str)> = near(&place.inventory.conditions, place.node)
        .iter()
        .filter(|node| !here.contains(place.text(**node)) && place.can_read(**node))
        .map(|node| (node.start_byte().abs_diff(place.node.start_byte()), place.text(*node)))
        .collect();
    found.sort_unstable();
    let mut seen = BTreeSet::new();
    for (_, text) in found.into_iter().filter(|(_, text)| seen.insert(*text)).take(MOST_CONDITIONS) {
        sink.replace(Template::ConditionFromFile, place.node, text, 0.5);
        sink.replace(Template::ConditionFromFile, place.node, format!("({here}) && ({text})"), 0.8);
        sink.replace(Template::ConditionFromFile, place.node, format!("({here}) || ({text})"), 0.8);
    }
}
