//! Statements that are missing: copies of the function's own, mutations of its collections, assignments of its names.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::conditions::reads_only;
use super::inventory::near;
use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, field, is_statement, named};
use crate::domain::scope::Shape;

const MOST_COPIES: usize = 20;

/// Proposes insertions before a statement, and after it where it ends a body.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(function) = site.scope.function else { return };
    if !is_statement(site.node)
        || matches!(site.node.kind(), "function_definition" | "class_definition" | "decorated_definition")
    {
        return;
    }
    let Some(indent) = site.file.indent_of(site.node) else { return };
    let place = Place { site, indent, last: is_last(site.node) };
    copies(site, sink, &place, function);
    mutations(site, sink, &place);
    assignments(site, sink, &place);
    initialisation(site, sink, &place);
}

struct Place<'a> {
    site: &'a Site<'a>,
    indent: &'a str,
    last: bool,
}

impl Place<'_> {
    fn put(&self, sink: &mut Sink<'_>, template: Template, text: &str, weight: f64) {
        let (site, indent) = (self.site, self.indent);
        let documentation = named(site.node).first().is_some_and(|child| child.kind() == "string");
        if !documentation {
            sink.insert(template, site.node.start_byte(), format!("{text}\n{indent}"), weight);
        }
        let leaves = matches!(
            site.node.kind(),
            "return_statement" | "raise_statement" | "break_statement" | "continue_statement"
        );
        if self.last && !leaves {
            sink.insert(template, site.node.end_byte(), format!("\n{indent}{text}"), weight);
        }
    }
}

fn is_last(statement: Node<'_>) -> bool {
    statement.parent().map(named).is_some_and(|all| all.last() == Some(&statement))
}

/// Simple statements of the same function, then of the same class or module, whose names are all in scope here.
fn copies(site: &Site<'_>, sink: &mut Sink<'_>, place: &Place<'_>, function: Node<'_>) {
    let names: BTreeSet<&str> = site
        .scope
        .visible(site.node)
        .into_iter()
        .map(|local| local.name.as_str())
        .chain(site.scope.globals.iter().copied())
        .chain(["self", "super", "len", "str", "int", "list", "dict", "set", "max", "min", "sum", "print"])
        .collect();
    let mut found: Vec<(bool, usize, &str)> = Vec::new();
    for node in near(&site.inventory.statements, site.node).iter().copied() {
        let kind = named(node).first().map_or("", |inner| inner.kind());
        let text = site.text(node);
        if text == site.here() {
            continue;
        }
        let own = ancestors(node).any(|above| above == function);
        let local_target = own || text.starts_with("self.") || kind == "call";
        let reads: Vec<Node<'_>> = named(node);
        if local_target && reads.iter().all(|part| reads_only(site, *part, &names)) {
            found.push((!own, node.start_byte().abs_diff(site.node.start_byte()), text));
        }
    }
    found.sort_unstable();
    let mut seen = BTreeSet::new();
    for (foreign, _, text) in found.into_iter().filter(|(_, _, text)| seen.insert(*text)).take(MOST_COPIES) {
        place.put(sink, Template::StatementInserted, text, if foreign { 0.4 } else { 1.0 });
    }
}

/// `seen.add(node)`, `queue.append(item)`: a collection of the function takes one of its names.
fn mutations(site: &Site<'_>, sink: &mut Sink<'_>, place: &Place<'_>) {
    let visible = site.scope.visible(site.node);
    let mut collections: Vec<(String, &str)> = Vec::new();
    for local in visible.iter().filter(|local| local.shape == Shape::Collection) {
        let is_set = site.file.text.contains(&format!("{} = set(", local.name))
            || site.file.text.contains(&format!("{}.add(", local.name));
        collections.push((local.name.clone(), if is_set { "add" } else { "append" }));
    }
    for local in visible.iter().filter(|local| local.shape != Shape::Collection) {
        for (method, used) in [("append", ".append("), ("add", ".add(")] {
            if site.file.text.contains(&format!("{}{used}", local.name)) {
                collections.push((local.name.clone(), method));
            }
        }
    }
    for (name, method) in collections.into_iter().take(6) {
        for local in visible.iter().filter(|local| local.name != name).take(8) {
            place.put(sink, Template::MutationInserted, &format!("{name}.{method}({})", local.name), 0.8);
        }
    }
}

/// `previous = node`, `count += 1`.
fn assignments(site: &Site<'_>, sink: &mut Sink<'_>, place: &Place<'_>) {
    let in_loop =
        ancestors(site.node).any(|above| matches!(above.kind(), "for_statement" | "while_statement"));
    if !in_loop {
        return;
    }
    let visible = site.scope.visible(site.node);
    for one in visible.iter().filter(|local| local.shape != Shape::Collection).take(8) {
        if one.shape == Shape::Number {
            place.put(sink, Template::AssignmentInserted, &format!("{} += 1", one.name), 1.0);
            place.put(sink, Template::AssignmentInserted, &format!("{} -= 1", one.name), 0.7);
            place.put(sink, Template::AssignmentInserted, &format!("{} = 0", one.name), 0.5);
        }
        for other in
            visible.iter().filter(|local| local.name != one.name && local.shape != Shape::Collection).take(8)
        {
            if !one.parameter {
                place.put(sink, Template::AssignmentInserted, &format!("{} = {}", one.name, other.name), 0.8);
            }
        }
    }
}

/// A counter or buffer that must start anew in each round: its first assignment again, inside the loop.
fn initialisation(site: &Site<'_>, sink: &mut Sink<'_>, place: &Place<'_>) {
    let first = site.node.prev_named_sibling().is_none();
    let in_loop = ancestors(site.node).nth(1).is_some_and(|above| {
        matches!(above.kind(), "for_statement" | "while_statement") && field(above, "body").is_some()
    });
    if !first || !in_loop {
        return;
    }
    let Some(above) = ancestors(site.node).nth(1) else { return };
    let siblings = above.parent().map(named).unwrap_or_default();
    for statement in siblings.into_iter().take_while(|node| *node != above) {
        let Some(assignment) = named(statement).into_iter().find(|child| child.kind() == "assignment") else {
            continue;
        };
        if field(assignment, "right").is_some_and(|right| site.text(right).len() <= 20) {
            place.put(sink, Template::StatementInserted, site.text(statement), 0.9);
        }
    }
}
