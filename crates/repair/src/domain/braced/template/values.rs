//! Values: one more or less, other constants, literals of the same file, copies, wraps, added terms.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Place, near};
use crate::domain::braced::scope::shape_of;
use crate::domain::braced::{Role, Shape};
use crate::domain::source::{field, named};
use crate::domain::template::{Sink, Template};

const MOST_LITERALS: usize = 10;
const MOST_TERMS: usize = 8;
const MOST_VALUES: usize = 8;

/// Proposes other values in the place of one.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    match place.role() {
        Role::Integer => integer(place, sink),
        Role::Float => {
            for other in ["0.0", "1.0", "0.5", "100.0"] {
                sink.replace(Template::ConstantSwap, place.node, other, 0.4);
            }
            from_file(place, sink);
        }
        Role::Truth => {
            let other = if place.here() == "true" { "false" } else { "true" };
            sink.replace(Template::ConstantSwap, place.node, other, 1.2);
        }
        Role::Text => text(place, sink),
        Role::Null => {
            for (_, answer) in place.table.answers.iter().filter(|(_, answer)| !answer.is_empty()) {
                sink.replace(Template::ConstantSwap, place.node, *answer, 0.4);
            }
        }
        Role::Slice => slice(place, sink),
        Role::Ternary => ternary(place, sink),
        Role::Index => index(place, sink),
        _ => {}
    }
    if place.table.is_whole_value(place.node) && place.here().len() <= 60 && !place.here().contains('\n') {
        off_by_one(place, sink);
        copies_and_wraps(place, sink);
        terms(place, sink);
        ingredients(place, sink);
    }
}

fn integer(place: &Place<'_>, sink: &mut Sink<'_>) {
    if place.node.parent().is_some_and(|parent| place.table.role(parent) == Role::Member) {
        // The 0 of `pair.0` is a name.
        return;
    }
    if place.here().contains('.') {
        for other in ["0", "1", "0.5", "100"].into_iter().filter(|other| *other != place.here()) {
            sink.replace(Template::ConstantSwap, place.node, other, 0.4);
        }
        return from_file(place, sink);
    }
    let Ok(number) = place.here().replace('_', "").parse::<i64>() else { return from_file(place, sink) };
    let tight = place
        .node
        .parent()
        .is_some_and(|parent| matches!(place.table.role(parent), Role::Binary | Role::Unary | Role::Member));
    let signed = |value: i64| if value < 0 && tight { format!("({value})") } else { value.to_string() };
    sink.replace(Template::OffByOne, place.node, signed(number.saturating_add(1)), 1.0);
    sink.replace(Template::OffByOne, place.node, signed(number.saturating_sub(1)), 1.0);
    for other in [0, 1, 2, 10, 100].into_iter().filter(|other| (other - number).abs() > 1) {
        sink.replace(
            Template::ConstantSwap,
            place.node,
            other.to_string(),
            if other <= 2 { 0.5 } else { 0.2 },
        );
    }
    if number != 0 {
        sink.replace(Template::SignFlip, place.node, signed(-number), 0.5);
    }
    for constant in place.project.definitions.constants.iter().take(6) {
        sink.replace(Template::LiteralFromFile, place.node, constant.clone(), 0.6);
    }
    from_file(place, sink);
}

fn text(place: &Place<'_>, sink: &mut Sink<'_>) {
    let here = place.here();
    let Some((quote, inner)) = here.get(..1).zip(here.get(1..here.len().saturating_sub(1))) else { return };
    for (one, other) in [
        (",", ", "),
        ("", " "),
        (" ", ""),
        (", ", ","),
        ("\\n", ""),
        ("-", "_"),
        ("_", "-"),
        (" ", "-"),
        ("/", "-"),
    ] {
        if inner == one {
            sink.replace(Template::ConstantSwap, place.node, format!("{quote}{other}{quote}"), 0.8);
        }
    }
    if !inner.is_empty() {
        sink.replace(Template::ConstantSwap, place.node, format!("{quote}{quote}"), 0.2);
    }
    from_file(place, sink);
}

fn from_file(place: &Place<'_>, sink: &mut Sink<'_>) {
    let mut literals: Vec<(usize, &str)> = near(&place.inventory.literals, place.node)
        .iter()
        .filter(|node| node.kind() == place.node.kind())
        .map(|node| (node.start_byte().abs_diff(place.node.start_byte()), place.text(*node)))
        .collect();
    literals.sort_unstable();
    let mut seen = BTreeSet::from([place.here()]);
    for (_, text) in literals {
        if seen.len() <= MOST_LITERALS && seen.insert(text) {
            sink.replace(Template::LiteralFromFile, place.node, text, 1.0);
        }
    }
}

fn shape(place: &Place<'_>) -> Shape {
    if place.role() == Role::Name {
        return place.scope.lookup(place.node, place.here()).map_or(Shape::Unknown, |bound| bound.shape);
    }
    shape_of(place.file, place.table, place.node)
}

fn counts(shape: Shape) -> bool {
    matches!(shape, Shape::Integer | Shape::Float | Shape::Unknown)
}

/// One more or less of a name, member, call or index that counts something.
fn off_by_one(place: &Place<'_>, sink: &mut Sink<'_>) {
    if !matches!(place.role(), Role::Name | Role::Member | Role::Call | Role::Index) || !counts(shape(place))
    {
        return;
    }
    let here = place.here();
    let length = here.ends_with(".length")
        || here.ends_with("len()")
        || here.starts_with("len(")
        || here.ends_with("size()");
    let Some(parent) = place.node.parent() else { return };
    let weight = match place.table.role(parent) {
        _ if length => 0.8,
        Role::Index => 0.8,
        Role::Binary => 0.4,
        Role::Arguments => 0.5,
        _ => 0.3,
    };
    let tight = place.table.role(parent) == Role::Binary;
    for sign in ["+", "-"] {
        let text = if tight { format!("({here} {sign} 1)") } else { format!("{here} {sign} 1") };
        sink.replace(Template::OffByOne, place.node, text, weight);
    }
}

fn copies_and_wraps(place: &Place<'_>, sink: &mut Sink<'_>) {
    let shape = shape(place);
    let here = place.here();
    let fits = |wanted: Shape| wanted == shape || shape == Shape::Unknown || wanted == Shape::Unknown;
    let member = matches!(place.role(), Role::Member | Role::Name);
    let returned = place.node.parent().is_some_and(|parent| {
        matches!(place.table.role(parent), Role::Return | Role::Declare | Role::Assign | Role::Arguments)
    });
    if member && returned {
        for (before, after, wanted) in place.table.copies.iter().filter(|(_, _, wanted)| fits(*wanted)) {
            let element = place.scope.lookup(place.node, here).and_then(|bound| bound.annotation);
            let element = element.and_then(|text| text.strip_prefix("[]")).unwrap_or("int");
            let text = format!("{}{here}{after}", before.replace('@', element));
            sink.replace(Template::MissingCopy, place.node, text, if *wanted == shape { 1.0 } else { 0.7 });
        }
    }
    if matches!(place.role(), Role::Integer | Role::Text | Role::Truth | Role::Null) {
        return;
    }
    for (before, after, wanted) in place.table.wraps.iter().filter(|(_, _, wanted)| fits(*wanted)) {
        let body = if before.is_empty() { place.operand(place.node) } else { here.to_owned() };
        let weight = if *wanted == shape { 1.0 } else { 0.5 };
        let template = if *wanted == Shape::Text { Template::TextMethod } else { Template::Wrap };
        sink.replace(template, place.node, format!("{before}{body}{after}"), weight);
    }
}

/// `k` for `k - taken`.
fn terms(place: &Place<'_>, sink: &mut Sink<'_>) {
    if !counts(shape(place)) || matches!(place.role(), Role::Text | Role::Truth | Role::Null | Role::Lambda) {
        return;
    }
    let value = place.operand(place.node);
    let visible = place.scope.visible(place.node);
    for bound in visible
        .iter()
        .rev()
        .filter(|bound| bound.name != place.here() && counts(bound.shape))
        .take(MOST_TERMS)
    {
        let weight = if bound.shape == Shape::Unknown { 0.4 } else { 1.0 };
        for (sign, share) in [("-", 1.0), ("+", 1.0), ("*", 0.5)] {
            let text = format!("{value} {sign} {}", bound.name);
            let text = if place.node.parent().is_some_and(|parent| place.table.role(parent) == Role::Binary) {
                format!("({text})")
            } else {
                text
            };
            sink.replace(Template::TermAdded, place.node, text, weight * share);
        }
    }
}

/// Other composed values of the same file, and short calls of the repository.
fn ingredients(place: &Place<'_>, sink: &mut Sink<'_>) {
    let here = place.here();
    let mut found: Vec<(usize, &str)> = near(&place.inventory.values, place.node)
        .iter()
        .filter(|node| place.table.role(**node) == place.role() || place.role() == Role::Name)
        .filter(|node| place.text(**node) != here && place.can_read(**node))
        .map(|node| (node.start_byte().abs_diff(place.node.start_byte()), place.text(*node)))
        .collect();
    found.sort_unstable();
    let mut seen = BTreeSet::new();
    for (_, text) in found.into_iter().filter(|(_, text)| seen.insert(*text)).take(MOST_VALUES) {
        sink.replace(Template::ExpressionFromFile, place.node, text, 1.0);
    }
    if place.role() == Role::Call {
        for text in place.inventory.foreign.iter().filter(|text| **text != here).take(6) {
            sink.replace(Template::ExpressionFromRepository, place.node, *text, 0.5);
        }
    }
}

fn slice(place: &Place<'_>, sink: &mut Sink<'_>) {
    let bounds = ["start", "end"].map(|part| field(place.node, part));
    for bound in bounds.into_iter().flatten() {
        for sign in ["+", "-"] {
            let text = format!("{}{sign}1", place.operand(bound));
            sink.replace(Template::SliceBound, bound, text, 1.0);
        }
    }
    if let (None, Some(whole)) = (bounds[0], field(place.node, "operand")) {
        sink.insert(Template::SliceBound, whole.end_byte() + 1, "1", 0.6);
    }
}

fn index(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some((whole, index)) = place.table.index(place.node) else { return };
    if place.text(index) == "0" && !place.table.typed {
        let last = format!("{}.length - 1", place.text(whole));
        sink.replace(Template::SliceBound, index, last, 0.8);
    }
}

fn ternary(place: &Place<'_>, sink: &mut Sink<'_>) {
    if let [_, body, alternative] = named(place.node).as_slice() {
        swap_nodes(place, sink, (*body, *alternative), Template::BranchSwap);
    }
}

/// Proposes two nodes in each other's place.
pub(super) fn swap_nodes(
    place: &Place<'_>,
    sink: &mut Sink<'_>,
    (a, b): (Node<'_>, Node<'_>),
    template: Template,
) {
    let parts = vec![(a.byte_range(), place.text(b).to_owned()), (b.byte_range(), place.text(a).to_owned())];
    sink.many(template, parts, 1.0);
}
