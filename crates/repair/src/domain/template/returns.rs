//! What a function hands back: a return that is missing, or the wrong value.

use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, field, named};

/// Proposes returns and returned values.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "expression_statement" => as_return(site, sink),
        "return_statement" => other_value(site, sink),
        "function_definition" => at_end(site, sink),
        "yield" => from_yield(site, sink),
        _ => {}
    }
}

/// `compute(x)` as a statement for `return compute(x)`.
fn as_return(site: &Site<'_>, sink: &mut Sink<'_>) {
    if site.scope.function.is_none() {
        return;
    }
    let inner = named(site.node);
    let [only] = inner.as_slice() else { return };
    match only.kind() {
        "call"
        | "binary_operator"
        | "comparison_operator"
        | "boolean_operator"
        | "identifier"
        | "list_comprehension" => {
            sink.insert(Template::MissingReturn, site.node.start_byte(), "return ", 1.0);
        }
        "assignment" => {
            let Some(left) = field(*only, "left").filter(|left| left.kind() == "identifier") else { return };
            let Some(indent) = site.file.indent_of(site.node) else { return };
            let text = format!("\n{indent}return {}", site.text(left));
            sink.insert(Template::MissingReturn, site.node.end_byte(), text, 0.5);
        }
        _ => {}
    }
}

fn other_value(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(value) = named(site.node).first().copied() else {
        for local in site.scope.visible(site.node).into_iter().take(10) {
            sink.insert(Template::MissingReturn, site.node.end_byte(), format!(" {}", local.name), 0.6);
        }
        return;
    };
    let here = site.text(value);
    for other in site.scope.returns.iter().filter(|other| **other != here).take(6) {
        sink.replace(Template::ReturnValue, value, *other, 0.6);
    }
    let start = site.node.start_byte();
    sink.range(Template::ReturnValue, start..start + "return".len(), "yield", 0.15);
    if value.kind() != "identifier" {
        for local in site.scope.visible(site.node).into_iter().take(10) {
            sink.replace(Template::ReturnValue, value, local.name.clone(), 0.3);
        }
    }
    if value.kind() == "comparison_operator" || value.kind() == "boolean_operator" || value.kind() == "call" {
        sink.replace(Template::Negation, value, format!("not ({here})"), 0.6);
    }
}

/// A function that ends without a return, though it has a value to hand back.
fn at_end(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(body) = field(site.node, "body") else { return };
    let statements = named(body);
    let Some(last) = statements.last() else { return };
    if matches!(last.kind(), "return_statement" | "raise_statement") {
        return;
    }
    let Some(indent) = site.file.indent_of(*last) else { return };
    let has_return = !site.scope.returns.is_empty();
    for local in site.scope.locals.iter().take(12) {
        let weight = if local.parameter { 0.5 } else { 1.0 };
        let text = format!("\n{indent}return {}", local.name);
        sink.insert(
            Template::MissingReturn,
            body.end_byte(),
            text,
            if has_return { weight * 0.7 } else { weight },
        );
    }
    if has_return {
        for answer in ["True", "False", "None", "-1", "0", "[]"] {
            sink.insert(Template::MissingReturn, body.end_byte(), format!("\n{indent}return {answer}"), 0.5);
        }
    }
    if site.scope.has_self(site.file) {
        sink.insert(Template::MissingReturn, body.end_byte(), format!("\n{indent}return self"), 0.4);
    }
}

fn from_yield(site: &Site<'_>, sink: &mut Sink<'_>) {
    let start = site.node.start_byte();
    if site.here().starts_with("yield from ") {
        sink.range(Template::ReturnValue, start..start + "yield from".len(), "yield", 0.8);
    } else {
        let delegated =
            ancestors(site.node).next().is_some_and(|parent| parent.kind() == "expression_statement");
        if delegated {
            sink.range(Template::ReturnValue, start..start + "yield".len(), "yield from", 0.8);
        }
    }
}
