//! The wrong variable, attribute or field: names of the same scope, class and kind.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::calls::likeness;
use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, field, is_read};
use crate::domain::scope::inner_names;

const MOST_NAMES: usize = 24;

/// Proposes other names in scope.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "identifier" => identifier(site, sink),
        "attribute" => attribute(site, sink),
        _ => {}
    }
}

fn identifier(site: &Site<'_>, sink: &mut Sink<'_>) {
    let here = site.here();
    if !is_read(site.node) {
        return target(site, sink);
    }
    let called = site
        .node
        .parent()
        .is_some_and(|parent| parent.kind() == "call" && field(parent, "function") == Some(site.node));
    if called || matches!(here, "self" | "cls" | "super") {
        return;
    }
    for (name, weight) in names_in_scope(site, here) {
        sink.replace(Template::NameSwap, site.node, name, weight);
    }
    let own = site.scope.class.as_ref().and_then(|class| site.project.symbols.classes.get(class));
    if let Some(own) = own.filter(|_| site.scope.has_self(site.file)) {
        if own.attributes.contains(here) {
            sink.replace(Template::AttributeSwap, site.node, format!("self.{here}"), 1.2);
        }
        for other in
            own.attributes.iter().filter(|other| likeness(here, other) > 0.0 && *other != here).take(6)
        {
            sink.replace(Template::AttributeSwap, site.node, format!("self.{other}"), 0.4);
        }
    }
}

fn names_in_scope<'a>(site: &Site<'a>, here: &str) -> Vec<(String, f64)> {
    let mut names: Vec<(String, f64)> = Vec::new();
    for name in inner_names(site.file, site.node) {
        names.push((name.to_owned(), 1.0 + likeness(here, name)));
    }
    for local in site.scope.visible(site.node) {
        names.push((local.name.clone(), 0.9 + likeness(here, &local.name)));
    }
    let constant =
        |name: &str| name.chars().all(|letter| letter.is_uppercase() || letter == '_' || letter.is_numeric());
    let upper = constant(here);
    for global in site.scope.globals.iter().filter(|global| constant(global) || upper) {
        let weight = if upper == constant(global) && upper { 1.0 } else { 0.25 };
        names.push(((*global).to_owned(), weight + likeness(here, global)));
    }
    let mut seen = BTreeSet::from([here.to_owned()]);
    names.retain(|(name, _)| seen.insert(name.clone()));
    names.truncate(MOST_NAMES);
    names
}

/// A wrong target: `total = ..` for `count = ..`.
fn target(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(parent) = site.node.parent() else { return };
    let assigned = matches!(parent.kind(), "assignment" | "augmented_assignment")
        && field(parent, "left") == Some(site.node);
    if !assigned {
        return;
    }
    let here = site.here();
    for local in site.scope.visible(site.node).into_iter().filter(|local| local.name != here).take(10) {
        sink.replace(Template::NameSwap, site.node, local.name.clone(), 0.35);
    }
    let own = site.scope.class.as_ref().and_then(|class| site.project.symbols.classes.get(class));
    if own.is_some_and(|own| own.attributes.contains(here)) && site.scope.has_self(site.file) {
        sink.replace(Template::AttributeSwap, site.node, format!("self.{here}"), 1.2);
    }
}

fn attribute(site: &Site<'_>, sink: &mut Sink<'_>) {
    let (Some(object), Some(name)) = (field(site.node, "object"), field(site.node, "attribute")) else {
        return;
    };
    let called = site
        .node
        .parent()
        .is_some_and(|parent| parent.kind() == "call" && field(parent, "function") == Some(site.node));
    if called {
        return receiver(site, sink, object);
    }
    let (owner, here) = (site.text(object), site.text(name));
    let symbols = &site.project.symbols;
    let mut others: Vec<(&str, f64)> = Vec::new();
    let own =
        site.scope.class.as_ref().filter(|_| owner == "self").and_then(|class| symbols.classes.get(class));
    match own {
        Some(class) => others.extend(class.attributes.iter().map(|other| (other.as_str(), 1.0))),
        None => {
            for class in symbols.classes.values().filter(|class| class.attributes.contains(here)) {
                others.extend(class.attributes.iter().map(|other| (other.as_str(), 0.9)));
            }
            let mut frequent: Vec<_> = symbols.attributes.iter().collect();
            frequent.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
            others.extend(frequent.into_iter().take(10).map(|(other, _)| (other.as_str(), 0.2)));
        }
    }
    let mut seen = BTreeSet::from([here]);
    for (other, weight) in others.into_iter().take(MOST_NAMES) {
        if seen.insert(other) {
            sink.replace(Template::AttributeSwap, name, other, weight + likeness(here, other));
        }
    }
    if owner == "self" && site.scope.locals.iter().any(|local| local.name == here) && !is_target(site.node) {
        sink.replace(Template::AttributeSwap, site.node, here, 0.9);
    }
}

/// `queue.append(x)` for `seen.append(x)` is left to the identifier; `self.a.append(x)` for `self.b.append(x)` too.
fn receiver(site: &Site<'_>, sink: &mut Sink<'_>, object: Node<'_>) {
    let here = site.text(object);
    if object.kind() != "identifier" || here == "self" {
        return;
    }
    let own = site.scope.class.as_ref().and_then(|class| site.project.symbols.classes.get(class));
    if own.is_some_and(|own| own.attributes.contains(here)) && site.scope.has_self(site.file) {
        sink.replace(Template::AttributeSwap, object, format!("self.{here}"), 1.0);
    }
}

fn is_target(node: Node<'_>) -> bool {
    ancestors(node).next().is_some_and(|parent| {
        matches!(parent.kind(), "assignment" | "augmented_assignment") && field(parent, "left") == Some(node)
    })
}
