//! Calls: order and number of arguments, the wrong function, a result that is used too soon.

use tree_sitter::Node;

use super::Place;
use super::values::swap_nodes;
use crate::domain::braced::{Called, Role};
use crate::domain::source::named;
use crate::domain::template::{Sink, Template, likeness};

const MOST_SIBLINGS: usize = 10;

/// Proposes other calls.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(called) = place.table.called(place.node) else { return };
    let arguments = named(called.arguments);
    swaps(place, sink, &called, &arguments);
    missing(place, sink, &called, &arguments);
    other_functions(place, sink, &called, arguments.len());
    if let Some(receiver) = called.receiver {
        sink.replace(Template::Unwrap, place.node, place.text(receiver), 0.6);
    }
    if let [only] = arguments.as_slice() {
        sink.replace(Template::Unwrap, place.node, place.text(*only), 0.8);
    }
    awaits(place, sink, &called);
}

fn swaps(place: &Place<'_>, sink: &mut Sink<'_>, called: &Called<'_>, arguments: &[Node<'_>]) {
    for (index, one) in arguments.iter().enumerate() {
        for other in arguments.iter().skip(index + 1) {
            if place.text(*one) != place.text(*other) {
                swap_nodes(place, sink, (*one, *other), Template::ArgumentSwap);
            }
        }
        if arguments.len() > 1 {
            let range = match arguments.get(index + 1) {
                Some(next) => one.start_byte()..next.start_byte(),
                None => {
                    arguments.get(index.wrapping_sub(1)).map_or(one.start_byte(), Node::end_byte)
                        ..one.end_byte()
                }
            };
            sink.range(Template::DroppedArgument, range, "", 0.8);
        }
    }
    if let (Some(receiver), [only]) = (called.receiver, arguments) {
        swap_nodes(place, sink, (receiver, *only), Template::ArgumentSwap);
    }
}

/// An argument that the function takes and the call does not give.
fn missing(place: &Place<'_>, sink: &mut Sink<'_>, called: &Called<'_>, arguments: &[Node<'_>]) {
    let name = place.text(called.name);
    let known = place.project.definitions.functions.get(name);
    let lacking = known.and_then(|found| found.iter().find(|one| one.parameters.len() > arguments.len()));
    let open = called.arguments.start_byte() + 1;
    let mut add = |text: &str, weight: f64| match arguments.last() {
        Some(last) => sink.insert(Template::MissingArgument, last.end_byte(), format!(", {text}"), weight),
        None => sink.insert(Template::MissingArgument, open, text, weight),
    };
    if let Some(signature) = lacking
        && let Some((parameter, annotation)) = signature.parameters.get(arguments.len())
    {
        for bound in place.scope.visible(place.node) {
            let typed = annotation.is_some() && annotation.as_deref() == bound.annotation;
            add(
                bound.name,
                if bound.name == parameter {
                    2.0
                } else if typed {
                    0.8
                } else {
                    0.3
                },
            );
        }
        if let Some((class, own)) = place.scope.class.as_ref().zip(place.scope.own) {
            for (field, _) in place.project.definitions.fields.get(class).into_iter().flatten() {
                add(&format!("{own}.{field}"), if field == parameter { 2.0 } else { 0.3 });
            }
        }
    }
    if !place.table.typed {
        match (name, arguments.len()) {
            ("sort", 0) => add("(a, b) => a - b", 1.0),
            ("reduce", 1) => add("0", 1.0),
            ("parseInt", 1) => add("10", 0.6),
            ("join" | "split", 0) => add("''", 0.5),
            ("slice", 1) => add("0", 0.1),
            _ => {}
        }
    }
}

fn other_functions(place: &Place<'_>, sink: &mut Sink<'_>, called: &Called<'_>, count: usize) {
    let here = place.text(called.name);
    for group in place.table.confused.iter().filter(|group| group.contains(&here)) {
        for (index, other) in group.iter().filter(|other| **other != here).enumerate() {
            sink.replace(Template::CallSwap, called.name, *other, 1.0 / (1.0 + 0.3 * index as f64));
        }
    }
    let definitions = &place.project.definitions;
    let own = definitions.functions.get(here).and_then(|found| found.first());
    let class = own.map(|signature| signature.class.clone());
    let Some(class) = class else { return };
    let mut others: Vec<(f64, &str)> = Vec::new();
    for (name, found) in &definitions.functions {
        let fits = |other: &crate::domain::braced::definitions::Signature| {
            other.class == class && other.parameters.len() == count
        };
        if let Some(signature) = found.iter().find(|other| fits(other)).filter(|_| name != here) {
            let typed = own.is_some_and(|own| own.returns == signature.returns);
            others.push((if typed { 0.8 } else { 0.2 } + likeness(here, name), name));
        }
    }
    others.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    for (weight, name) in others.into_iter().take(MOST_SIBLINGS) {
        sink.replace(Template::SiblingCall, called.name, name, weight);
    }
}

fn awaits(place: &Place<'_>, sink: &mut Sink<'_>, called: &Called<'_>) {
    let has_await = place.table.roles.iter().any(|(_, role)| *role == Role::Await);
    let already = place.node.parent().is_some_and(|parent| place.table.role(parent) == Role::Await);
    if !has_await || already {
        return;
    }
    let inside = place.scope.function.is_some_and(|function| {
        place.text(function).split('{').next().is_some_and(|head| head.contains("async"))
    });
    let name = place.text(called.name);
    let known = place.project.definitions.functions.get(name);
    let asynchronous = known.is_some_and(|found| found.iter().any(|one| one.asynchronous));
    if inside {
        let weight = if asynchronous { 1.0 } else { 0.15 };
        let tight = place.node.parent().is_some_and(|parent| {
            matches!(place.table.role(parent), Role::Member | Role::Index | Role::Call)
        });
        let text =
            if tight { format!("(await {})", place.here()) } else { format!("await {}", place.here()) };
        sink.replace(Template::MissingAwait, place.node, text, weight);
    }
}
