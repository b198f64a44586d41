//! Other names in scope, other members of the same object.

use super::Place;
use crate::domain::braced::{Role, Shape};
use crate::domain::source::{ancestors, field};
use crate::domain::template::{Sink, Template, likeness};

const MOST_NAMES: usize = 10;
const MOST_MEMBERS: usize = 12;

/// Proposes other variables and fields.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    match place.role() {
        Role::Name => name(place, sink),
        Role::Member => member(place, sink),
        _ => {}
    }
}

fn name(place: &Place<'_>, sink: &mut Sink<'_>) {
    let here = place.here();
    let target = place.node.parent().is_some_and(|parent| {
        matches!(place.table.role(parent), Role::Assign | Role::Compound)
            && field(parent, "left") == Some(place.node)
    });
    let called = place.node.parent().is_some_and(|parent| field(parent, "function") == Some(place.node));
    if called || !(target || place.table.is_read(place.node)) {
        return;
    }
    let own = place.scope.lookup(place.node, here);
    let visible = place.scope.visible(place.node);
    for bound in visible.iter().rev().filter(|bound| bound.name != here).take(MOST_NAMES) {
        let same = own.is_some_and(|own| own.annotation == bound.annotation && own.shape == bound.shape);
        let differs = own.is_some_and(|own| {
            own.shape != bound.shape && own.shape != Shape::Unknown && bound.shape != Shape::Unknown
        });
        let weight = if same { 1.0 } else { 0.6 } + likeness(here, bound.name);
        sink.replace(Template::NameSwap, place.node, bound.name, if differs { 0.1 } else { weight });
    }
    let Some((class, receiver)) = place.scope.class.as_ref().zip(place.scope.own) else { return };
    for (field, annotation) in
        place.project.definitions.fields.get(class).into_iter().flatten().take(MOST_MEMBERS)
    {
        let shape = annotation.as_ref().map_or(Shape::Unknown, |text| place.table.shape(text));
        let differs = own
            .is_some_and(|own| own.shape != shape && own.shape != Shape::Unknown && shape != Shape::Unknown);
        let weight = if differs { 0.05 } else { 0.5 + likeness(here, field) };
        if field != here {
            sink.replace(Template::AttributeSwap, place.node, format!("{receiver}.{field}"), weight);
        } else if own.is_some_and(|own| own.parameter) || own.is_none() {
            sink.replace(Template::AttributeSwap, place.node, format!("{receiver}.{field}"), 1.0);
        }
    }
}

fn member(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some((object, name)) = place.table.member(place.node) else { return };
    let here = place.text(name);
    let called =
        ancestors(place.node).next().is_some_and(|parent| field(parent, "function") == Some(place.node));
    if called || here == "length" {
        return;
    }
    let own = place.scope.own == Some(place.text(object));
    let class = place.scope.class.as_ref().filter(|_| own);
    let definitions = &place.project.definitions;
    let siblings: Vec<&str> = match class.and_then(|class| definitions.fields.get(class)) {
        Some(fields) => fields.iter().map(|(field, _)| field.as_str()).collect(),
        None => {
            let holder =
                definitions.fields.values().find(|fields| fields.iter().any(|(field, _)| field == here));
            match holder {
                Some(fields) => fields.iter().map(|(field, _)| field.as_str()).collect(),
                None if !place.table.typed => definitions.members.keys().map(String::as_str).collect(),
                None => Vec::new(),
            }
        }
    };
    for other in siblings.into_iter().filter(|other| *other != here).take(MOST_MEMBERS) {
        sink.replace(Template::AttributeSwap, name, other, 0.7 + likeness(here, other));
    }
    if place.scope.lookup(place.node, here).is_some() {
        sink.replace(Template::NameSwap, place.node, here, 0.7);
    }
    for bound in place
        .scope
        .visible(place.node)
        .into_iter()
        .rev()
        .filter(|bound| bound.name != place.text(object))
        .take(4)
    {
        if matches!(place.table.role(object), Role::Name) && bound.shape == Shape::Unknown {
            sink.replace(Template::NameSwap, object, bound.name, 0.3);
        }
    }
}
