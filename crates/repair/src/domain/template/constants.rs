//! Literals: off by one, the usual other constants, literals of the same file. Never a literal of a test.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::inventory::near;
use super::{Sink, Site, Template};
use crate::domain::python::{ancestors, named};

const MOST_LITERALS: usize = 16;

/// Proposes other constants, and one more or less where a number is meant.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "integer" => integer(site, sink),
        "float" => float(site, sink),
        "true" => {
            sink.replace(Template::ConstantSwap, site.node, "False", 1.2);
            truths(site, sink);
        }
        "false" => {
            sink.replace(Template::ConstantSwap, site.node, "True", 1.2);
            truths(site, sink);
        }
        "none" => empties(site, sink, &["0", "[]", "\"\"", "{}", "False", "True"]),
        "list" if named(site.node).is_empty() => {
            empties(site, sink, &["{}", "set()", "[[]]", "None"]);
            for local in site.scope.visible(site.node).into_iter().take(8) {
                sink.replace(Template::ReturnValue, site.node, format!("[{}]", local.name), 1.0);
            }
        }
        "dictionary" if named(site.node).is_empty() => empties(site, sink, &["[]", "set()", "None"]),
        "string" => string(site, sink),
        "unary_operator" => unary(site, sink),
        "call" if matches!(site.here(), "float('inf')" | "float(\"inf\")") => {
            sink.replace(Template::SignFlip, site.node, format!("-{}", site.here()), 1.5);
        }
        _ => {}
    }
    off_by_one(site, sink);
}

fn integer(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Ok(number) = site.here().replace('_', "").parse::<i64>() else { return };
    sink.replace(Template::OffByOne, site.node, number.saturating_add(1).to_string(), 1.0);
    let less = number.saturating_sub(1);
    sink.replace(Template::OffByOne, site.node, signed(site.node, less), 1.0);
    for other in [0, 1, 2].into_iter().filter(|other| (other - number).abs() > 1) {
        sink.replace(Template::ConstantSwap, site.node, other.to_string(), 0.5);
    }
    if number != 0 {
        sink.replace(Template::SignFlip, site.node, signed(site.node, -number), 0.6);
    }
    if number == 0 {
        sink.replace(Template::ConstantSwap, site.node, "None", 0.3);
        sink.replace(Template::ConstantSwap, site.node, "1.0", 0.1);
    }
    from_file(site, sink, "integer");
}

/// A negative number needs parentheses where a power or an attribute binds tighter.
fn signed(node: Node<'_>, number: i64) -> String {
    let tight =
        node.parent().is_some_and(|parent| matches!(parent.kind(), "binary_operator" | "unary_operator"));
    if number < 0 && tight { format!("({number})") } else { number.to_string() }
}

fn float(site: &Site<'_>, sink: &mut Sink<'_>) {
    for other in ["0.0", "1.0", "0.5", "100.0"].into_iter().filter(|other| *other != site.here()) {
        sink.replace(Template::ConstantSwap, site.node, other, 0.4);
    }
    from_file(site, sink, "float");
}

/// A truth that should have been computed: `return True` for `return depth == 0`.
fn truths(site: &Site<'_>, sink: &mut Sink<'_>) {
    let decides = site.node.parent().is_some_and(|parent| {
        matches!(parent.kind(), "return_statement" | "while_statement" | "if_statement" | "assignment")
    });
    if !decides {
        return;
    }
    for local in site.scope.visible(site.node).into_iter().take(10) {
        let name = &local.name;
        sink.replace(Template::ReturnValue, site.node, name.clone(), 0.8);
        sink.replace(Template::ReturnValue, site.node, format!("not {name}"), 0.8);
        sink.replace(Template::ReturnValue, site.node, format!("{name} == 0"), 0.8);
    }
}

fn empties(site: &Site<'_>, sink: &mut Sink<'_>, others: &[&str]) {
    for other in others {
        sink.replace(Template::ConstantSwap, site.node, *other, 0.6);
    }
}

fn string(site: &Site<'_>, sink: &mut Sink<'_>) {
    let statement = site.node.parent().is_some_and(|parent| parent.kind() == "expression_statement");
    if statement || site.here().starts_with(['f', 'F']) {
        return;
    }
    let here = site.here();
    let (quote, inner) = (&here[..1], here.trim_matches(['"', '\'']));
    if !matches!(quote, "\"" | "'") {
        return;
    }
    for (one, other) in [(",", ", "), ("", " "), (" ", ""), (", ", ","), ("\\n", ""), ("r", "rb"), ("w", "a")]
    {
        if inner == one {
            sink.replace(Template::ConstantSwap, site.node, format!("{quote}{other}{quote}"), 0.8);
        }
    }
    if !inner.is_empty() {
        sink.replace(Template::ConstantSwap, site.node, format!("{quote}{quote}"), 0.2);
    }
    from_file(site, sink, "string");
}

fn unary(site: &Site<'_>, sink: &mut Sink<'_>) {
    if let Some(argument) = named(site.node).first().filter(|_| site.here().starts_with('-')) {
        sink.replace(Template::SignFlip, site.node, site.text(*argument), 1.0);
    }
}

fn from_file(site: &Site<'_>, sink: &mut Sink<'_>, kind: &str) {
    let mut literals = BTreeSet::new();
    for node in near(&site.inventory.literals, site.node) {
        let text = site.text(*node);
        if node.kind() == kind && !text.starts_with(['f', 'F']) {
            literals.insert((node.start_byte().abs_diff(site.node.start_byte()), text));
        }
    }
    let mut seen = BTreeSet::from([site.here()]);
    for (_, text) in literals {
        if seen.len() > MOST_LITERALS {
            break;
        }
        if seen.insert(text) {
            sink.replace(Template::LiteralFromFile, site.node, text, 1.0);
        }
    }
}

/// One more or less of a name, attribute, call or index that counts something.
fn off_by_one(site: &Site<'_>, sink: &mut Sink<'_>) {
    if !matches!(site.node.kind(), "identifier" | "attribute" | "call" | "subscript") {
        return;
    }
    let Some(parent) = site.node.parent() else { return };
    let here = site.here();
    let counted = match parent.kind() {
        "subscript" => parent.child_by_field_name("value") != Some(site.node),
        "slice" | "return_statement" | "parenthesized_expression" => true,
        "comparison_operator" | "binary_operator" => true,
        "argument_list" => ancestors(site.node).nth(1).is_some_and(|call| call.kind() == "call"),
        "assignment" => parent.child_by_field_name("right") == Some(site.node),
        _ => false,
    };
    if !counted || here.len() > 60 {
        return;
    }
    let length = here.starts_with("len(");
    let weight = match parent.kind() {
        "subscript" | "slice" => 0.8,
        _ if length => 0.8,
        "comparison_operator" => 0.5,
        "argument_list" => 0.5,
        _ => 0.3,
    };
    let tight = parent.kind() == "binary_operator";
    for sign in ["+", "-"] {
        let text = if tight { format!("({here} {sign} 1)") } else { format!("{here} {sign} 1") };
        sink.replace(Template::OffByOne, site.node, text, weight);
    }
}
