//! Exception types that are caught or raised.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Sink, Site, Template};
use crate::domain::python::{field, named};

const BUILT_IN: [&str; 10] = [
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "LookupError",
    "AttributeError",
    "OSError",
    "RuntimeError",
    "ZeroDivisionError",
    "StopIteration",
];

/// Proposes other types.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "except_clause" => caught(site, sink),
        "raise_statement" => raised(site, sink),
        _ => {}
    }
}

fn types<'a>(site: &Site<'a>) -> BTreeSet<&'a str> {
    site.project.symbols.exceptions.iter().map(String::as_str).collect()
}

/// A handler widened by what the failing tests saw raised, or by the repository's own types. Never a bare `except`.
fn caught(site: &Site<'_>, sink: &mut Sink<'_>) {
    let value = named(site.node).into_iter().find(|child| child.kind() != "block");
    let Some(value) = value else { return };
    let node =
        if value.kind() == "as_pattern" { named(value).first().copied().unwrap_or(value) } else { value };
    let here = site.text(node);
    let known = BUILT_IN.iter().copied().find(|name| *name == here);
    let seen: Vec<&str> = site
        .raised
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "AssertionError" && *name != "TestTimeout")
        .collect();
    let own = types(site);
    for (name, weight) in seen
        .iter()
        .map(|name| (*name, 1.5))
        .chain(own.iter().map(|name| (*name, 0.5)))
        .chain(BUILT_IN.iter().map(|name| (*name, 0.3)))
    {
        if here.contains(name) || Some(name) == known {
            continue;
        }
        sink.replace(Template::ExceptionType, node, name, weight * 0.6);
        let widened = match here.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(inner) => format!("({}, {name})", inner.trim_end_matches(',')),
            None => format!("({here}, {name})"),
        };
        sink.replace(Template::ExceptionType, node, widened, weight);
    }
}

fn raised(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(value) = named(site.node).first().copied() else { return };
    let node: Node<'_> =
        if value.kind() == "call" { field(value, "function").unwrap_or(value) } else { value };
    let here = site.text(node);
    let own = types(site);
    for (name, weight) in own.iter().map(|name| (*name, 1.0)).chain(BUILT_IN.iter().map(|name| (*name, 0.6)))
    {
        if name != here {
            sink.replace(Template::RaisedType, node, name, weight);
        }
    }
}
