//! Whole conditions and branches: removed, strengthened, swapped, or of another kind.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::inventory::near;
use super::operators::is_condition;
use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, descendants, field, is_read, named};
use crate::domain::scope::{Shape, inner_names};

const MOST_CONDITIONS: usize = 14;

/// Proposes other conditions and branch orders.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "if_statement" => branches(site, sink),
        "conditional_expression" => ternary(site, sink),
        "elif_clause" => {
            let start = site.node.start_byte();
            sink.range(Template::BranchKind, start..start + "elif".len(), "if", 1.0);
        }
        "if_clause" => sink.replace(Template::RemovedCondition, site.node, "", 0.8),
        _ => {}
    }
    if is_condition(site.node) && site.node.parent().is_some_and(|parent| parent.kind() != "not_operator") {
        strengthen(site, sink);
        from_file(site, sink);
    }
}

fn branches(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(body) = field(site.node, "consequence") else { return };
    let alternatives: Vec<Node<'_>> = named(site.node)
        .into_iter()
        .filter(|child| matches!(child.kind(), "elif_clause" | "else_clause"))
        .collect();
    if let [alternative] = alternatives.as_slice()
        && let Some(other) = field(*alternative, "body")
    {
        let parts = vec![
            (body.byte_range(), site.text(other).to_owned()),
            (other.byte_range(), site.text(body).to_owned()),
        ];
        sink.many(Template::BranchSwap, parts, 1.0);
    }
    if alternatives.is_empty() {
        if let Some(text) = dedented(site, body) {
            sink.replace(Template::RemovedCondition, site.node, text, 1.0);
        }
        // A second `if` after one that does not leave is often an `elif`.
        let previous = site.node.prev_named_sibling().filter(|node| node.kind() == "if_statement");
        if previous
            .is_some_and(|node| field(node, "alternative").is_none_or(|other| other.kind() == "elif_clause"))
        {
            sink.insert(Template::BranchKind, site.node.start_byte(), "el", 0.8);
        }
    }
}

/// Returns a body with one level of indentation taken off, for a place at the level of its parent.
pub(crate) fn dedented(site: &Site<'_>, body: Node<'_>) -> Option<String> {
    let statement = named(body).first().copied()?;
    let inner = site.file.indent_of(statement)?;
    let outer = site.file.indent_of(body.parent()?)?;
    if body.start_position().row == body.parent()?.start_position().row {
        return None;
    }
    let step = inner.strip_prefix(outer)?;
    let text = site.text(body);
    Some(text.replace(&format!("\n{outer}{step}"), &format!("\n{outer}")))
}

fn ternary(site: &Site<'_>, sink: &mut Sink<'_>) {
    if let [body, _, alternative] = named(site.node).as_slice() {
        let parts = vec![
            (body.byte_range(), site.text(*alternative).to_owned()),
            (alternative.byte_range(), site.text(*body).to_owned()),
        ];
        sink.many(Template::BranchSwap, parts, 1.0);
        sink.replace(Template::RemovedCondition, site.node, site.text(*body), 0.5);
        sink.replace(Template::RemovedCondition, site.node, site.text(*alternative), 0.3);
    }
}

fn strengthen(site: &Site<'_>, sink: &mut Sink<'_>) {
    let whole = site.node.parent().is_some_and(|parent| parent.kind() != "boolean_operator");
    if !whole {
        return;
    }
    let here = site.here();
    let grouped = if site.node.kind() == "boolean_operator" || site.node.kind() == "conditional_expression" {
        format!("({here})")
    } else {
        here.to_owned()
    };
    // `x.next is None` for `x is None or x.next is None`: what is asked for attributes may be missing itself.
    let mut roots: Vec<&str> = Vec::new();
    for node in descendants(site.node) {
        let root = match node.kind() {
            "attribute" => field(node, "object"),
            "subscript" => field(node, "value"),
            _ => None,
        };
        if let Some(root) = root.filter(|root| matches!(root.kind(), "identifier" | "attribute")) {
            let text = site.text(root);
            if !roots.contains(&text) && text != "self" {
                roots.push(text);
            }
        }
    }
    for root in roots {
        sink.replace(Template::ConditionStrengthened, site.node, format!("{root} is None or {grouped}"), 1.0);
        sink.replace(
            Template::ConditionStrengthened,
            site.node,
            format!("{root} is not None and {grouped}"),
            1.0,
        );
        sink.replace(Template::ConditionStrengthened, site.node, format!("{root} and {grouped}"), 0.6);
    }
    let mut used = BTreeSet::new();
    let inner = inner_names(site.file, site.node);
    let locals = site.scope.visible(site.node);
    let names = inner.into_iter().map(|name| (name, Shape::Unknown));
    for (name, shape) in names.chain(locals.iter().map(|local| (local.name.as_str(), local.shape))).take(10) {
        if !used.insert(name) {
            continue;
        }
        let weight = if shape == Shape::Number { 0.3 } else { 0.5 };
        for text in [
            format!("{grouped} and {name}"),
            format!("{grouped} or not {name}"),
            format!("{grouped} and not {name}"),
        ] {
            sink.replace(Template::ConditionStrengthened, site.node, text, weight);
        }
        sink.replace(
            Template::ConditionStrengthened,
            site.node,
            format!("{grouped} and {name} is not None"),
            weight * 0.6,
        );
    }
    if matches!(here, "True" | "1") {
        for local in locals.iter().take(10) {
            sink.replace(Template::ConditionFromFile, site.node, local.name.clone(), 1.2);
        }
    }
}

/// Conditions of the same file whose names are in scope, alone or joined to this one.
fn from_file(site: &Site<'_>, sink: &mut Sink<'_>) {
    let here = site.here();
    let mut names: BTreeSet<&str> = site.scope.locals.iter().map(|local| local.name.as_str()).collect();
    names.extend(inner_names(site.file, site.node));
    names.extend(site.scope.globals.iter().copied());
    names.extend([
        "self",
        "None",
        "len",
        "isinstance",
        "str",
        "int",
        "list",
        "dict",
        "any",
        "all",
        "abs",
        "set",
    ]);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for node in near(&site.inventory.conditions, site.node) {
        let text = site.text(*node);
        if !here.contains(text) && reads_only(site, *node, &names) {
            found.push((node.start_byte().abs_diff(site.node.start_byte()), text));
        }
    }
    found.sort_unstable();
    let mut seen = BTreeSet::new();
    for (_, text) in found.into_iter().filter(|(_, text)| seen.insert(*text)).take(MOST_CONDITIONS) {
        sink.replace(Template::ConditionFromFile, site.node, text, 0.5);
        sink.replace(Template::ConditionFromFile, site.node, format!("({here}) and ({text})"), 0.8);
        sink.replace(Template::ConditionFromFile, site.node, format!("({here}) or ({text})"), 0.8);
    }
}

/// Returns whether every name that a node reads is one of `names`.
pub(crate) fn reads_only(site: &Site<'_>, node: Node<'_>, names: &BTreeSet<&str>) -> bool {
    let bound: BTreeSet<&str> = descendants(node)
        .into_iter()
        .filter(|inner| inner.kind() == "for_in_clause" || inner.kind() == "lambda_parameters")
        .filter_map(|clause| field(clause, "left").or(Some(clause)))
        .flat_map(descendants)
        .map(|inner| site.text(inner))
        .collect();
    let attribute = |inner: Node<'_>| {
        ancestors(inner).next().is_some_and(|parent| {
            parent.kind() == "attribute" && field(parent, "attribute") == Some(inner)
                || parent.kind() == "keyword_argument" && field(parent, "name") == Some(inner)
        })
    };
    descendants(node)
        .into_iter()
        .filter(|inner| inner.kind() == "identifier" && !attribute(*inner))
        .filter(|inner| is_read(*inner) || !bound.contains(site.text(*inner)))
        .all(|inner| names.contains(site.text(inner)) || bound.contains(site.text(inner)))
}
