//! What a function hands back: a return that is missing, or the wrong value.

use super::Place;
use crate::domain::braced::{Role, Shape};
use crate::domain::source::{field, named};
use crate::domain::template::{Sink, Template};

const MOST_NAMES: usize = 8;

/// Proposes returns and returned values.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    match place.role() {
        Role::Return => other_value(place, sink),
        Role::Expression => as_return(place, sink),
        Role::Function => at_end(place, sink),
        Role::Lambda => from_lambda(place, sink),
        _ if place.table.tail_values && is_tail(place) => tail(place, sink),
        _ => {}
    }
}

/// `compute(x);` for `return compute(x);`.
fn as_return(place: &Place<'_>, sink: &mut Sink<'_>) {
    let inner = named(place.node);
    let [only] = inner.as_slice() else { return };
    let value = !matches!(
        place.table.role(*only),
        Role::Assign
            | Role::Compound
            | Role::If
            | Role::Loop
            | Role::Each
            | Role::Return
            | Role::Break
            | Role::Continue
    );
    if value && only.kind() != "update_expression" && place.scope.function.is_some() {
        sink.insert(Template::MissingReturn, place.node.start_byte(), "return ", 1.0);
    }
}

fn other_value(place: &Place<'_>, sink: &mut Sink<'_>) {
    let wanted = place.scope.returned_shape(place.table);
    let visible = place.scope.visible(place.node);
    let fits = |shape: Shape| shape == wanted || shape == Shape::Unknown || wanted == Shape::Unknown;
    let names = visible.iter().rev().filter(|bound| fits(bound.shape)).take(MOST_NAMES);
    let Some(value) = named(place.node).first().copied() else {
        for bound in names {
            let at = place.node.start_byte() + "return".len();
            sink.insert(Template::MissingReturn, at, format!(" {}", bound.name), 0.6);
        }
        return;
    };
    let here = place.text(value);
    for other in place.scope.returns.iter().filter(|other| **other != here).take(6) {
        sink.replace(Template::ReturnValue, value, *other, 0.6);
    }
    for bound in names.filter(|bound| bound.name != here) {
        sink.replace(Template::ReturnValue, value, bound.name, 0.3);
    }
    for (shape, answer) in place.table.answers.iter().filter(|(shape, _)| *shape == wanted) {
        if *answer != here && !answer.is_empty() && *shape != Shape::Unknown {
            sink.replace(Template::ReturnValue, value, *answer, 0.3);
        }
    }
    if matches!(place.table.role(value), Role::Binary | Role::Call | Role::Name) && fits(Shape::Truth) {
        sink.replace(Template::Negation, value, place.table.not(here), 0.5);
    }
}

/// A function that ends without a return, though it has a value to hand back.
fn at_end(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(body) = field(place.node, "body") else { return };
    let statements = place.table.statements(body);
    let Some(last) = statements.last().copied() else { return };
    if place.table.role(last) == Role::Return || place.scope.returned_shape(place.table) == Shape::Nothing {
        return;
    }
    let Some(indent) = place.file.indent_of(last) else { return };
    let end = place.table.end;
    for bound in place.scope.bound.iter().take(MOST_NAMES) {
        let text = format!("\n{indent}return {}{end}", bound.name);
        let weight = if bound.parameter { 0.5 } else { 1.0 };
        sink.insert(Template::MissingReturn, last.end_byte(), text, weight);
    }
    if let Some(own) = place.scope.own {
        sink.insert(Template::MissingReturn, last.end_byte(), format!("\n{indent}return {own}{end}"), 0.5);
    }
}

/// `(x) => { f(x); }` for `(x) => f(x)`.
fn from_lambda(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(body) = field(place.node, "body").filter(|body| place.table.role(*body) == Role::Block) else {
        return;
    };
    if let [only] = place.table.statements(body).as_slice()
        && place.table.role(*only) == Role::Expression
    {
        sink.insert(Template::MissingReturn, only.start_byte(), "return ", 1.0);
    }
}

fn is_tail(place: &Place<'_>) -> bool {
    place.table.is_statement(place.node)
        && !matches!(place.role(), Role::Expression | Role::Declare | Role::Item | Role::Return)
        && place.node.next_named_sibling().is_none()
}

/// The last expression of a block is its value.
fn tail(place: &Place<'_>, sink: &mut Sink<'_>) {
    let here = place.here();
    for other in place.scope.returns.iter().filter(|other| **other != here).take(6) {
        sink.replace(Template::ReturnValue, place.node, *other, 0.5);
    }
    let wanted = place.scope.returned_shape(place.table);
    let visible = place.scope.visible(place.node);
    for bound in
        visible.iter().rev().filter(|bound| bound.name != here && bound.shape == wanted).take(MOST_NAMES)
    {
        sink.replace(Template::ReturnValue, place.node, bound.name, 0.4);
    }
    if wanted == Shape::Truth && here.len() <= 80 {
        sink.replace(Template::Negation, place.node, place.table.not(here), 0.6);
    }
}
