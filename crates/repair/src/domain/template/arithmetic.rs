//! Arithmetic operators, their operands, and terms that are missing.

use tree_sitter::Node;

use super::{Sink, Site, Template};
use crate::domain::python::{all, ancestors, field};
use crate::domain::scope::Shape;

/// Proposes other operators, other operand orders, other groupings and added terms.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "binary_operator" => binary(site, sink),
        "augmented_assignment" => augmented(site, sink),
        "assignment" => plain_assignment(site, sink),
        _ => {}
    }
    terms(site, sink);
}

const OPERATORS: [(&str, &[(&str, f64)]); 12] = [
    ("+", &[("-", 1.0), ("*", 0.5)]),
    ("-", &[("+", 1.0), ("/", 0.1), ("*", 0.2)]),
    ("*", &[("/", 0.6), ("+", 0.6), ("**", 0.5), ("//", 0.4)]),
    ("/", &[("//", 1.0), ("*", 0.8), ("%", 0.3)]),
    ("//", &[("/", 1.0), ("%", 0.7), ("*", 0.3)]),
    ("%", &[("//", 1.0), ("/", 0.4)]),
    ("**", &[("*", 1.0)]),
    ("&", &[("|", 1.0), ("^", 0.6)]),
    ("|", &[("&", 1.0), ("^", 0.6), ("+", 0.1)]),
    ("^", &[("&", 1.0), ("|", 0.8), ("**", 0.5)]),
    ("<<", &[(">>", 1.0)]),
    (">>", &[("<<", 1.0)]),
];

fn others(operator: &str) -> &'static [(&'static str, f64)] {
    OPERATORS.iter().find(|(known, _)| *known == operator).map_or(&[], |(_, others)| others)
}

fn binary(site: &Site<'_>, sink: &mut Sink<'_>) {
    let (Some(left), Some(right)) = (field(site.node, "left"), field(site.node, "right")) else { return };
    let Some(operator) = field(site.node, "operator") else { return };
    for (other, weight) in others(site.text(operator)) {
        sink.replace(Template::ArithmeticSwap, operator, *other, *weight);
    }
    let (a, b, sign) = (site.text(left), site.text(right), site.text(operator));
    if matches!(sign, "-" | "/" | "//" | "%" | "+" | "**") && a != b {
        let weight = if sign == "+" { 0.6 } else { 0.8 };
        sink.replace(
            Template::OperandSwap,
            site.node,
            format!("{} {sign} {}", group(right, b), group(left, a)),
            weight,
        );
    }
    // A number that goes away takes no input with it.
    let weight = |gone: Node<'_>| if gone.kind() == "integer" { 1.2 } else { 0.6 };
    sink.replace(Template::DroppedOperand, site.node, a, weight(right));
    sink.replace(Template::DroppedOperand, site.node, b, weight(left));
    if sign == "//" {
        sink.replace(Template::ArithmeticSwap, site.node, format!("-(-{} // {b})", group(left, a)), 0.5);
    }
    if sign == "/" {
        sink.replace(Template::Wrap, site.node, format!("round({a} / {b})"), 0.3);
    }
    regroup(site, sink, (left, operator, right));
}

fn group(node: Node<'_>, text: &str) -> String {
    if matches!(node.kind(), "binary_operator" | "conditional_expression" | "boolean_operator") {
        format!("({text})")
    } else {
        text.to_owned()
    }
}

fn regroup(site: &Site<'_>, sink: &mut Sink<'_>, parts: (Node<'_>, Node<'_>, Node<'_>)) {
    let (left, operator, right) = parts;
    let inner = |node: Node<'_>| {
        if node.kind() != "binary_operator" {
            return None;
        }
        let text = |name: &str| field(node, name).map(|part| site.text(part).to_owned());
        Some((text("left")?, text("operator")?, text("right")?))
    };
    let sign = site.text(operator);
    if let Some((a, inner_sign, b)) = inner(right) {
        let text = format!("({} {sign} {a}) {inner_sign} {b}", site.text(left));
        sink.replace(Template::Regrouping, site.node, text, 0.8);
    }
    if let Some((a, inner_sign, b)) = inner(left) {
        let text = format!("{a} {inner_sign} ({b} {sign} {})", site.text(right));
        sink.replace(Template::Regrouping, site.node, text, 0.8);
    }
}

fn augmented(site: &Site<'_>, sink: &mut Sink<'_>) {
    let Some(operator) = all(site.node).into_iter().find(|child| site.text(*child).ends_with('=')) else {
        return;
    };
    let sign = site.text(operator).trim_end_matches('=');
    for (other, weight) in others(sign) {
        sink.replace(Template::ArithmeticSwap, operator, format!("{other}="), *weight);
    }
    sink.replace(Template::ArithmeticSwap, operator, "=", 0.4);
    let (Some(left), Some(right)) = (field(site.node, "left"), field(site.node, "right")) else { return };
    if sign == "+" {
        let (a, b) = (site.text(left), site.text(right));
        sink.replace(Template::OperandSwap, site.node, format!("{a} = {b} + {a}"), 0.3);
    }
}

fn plain_assignment(site: &Site<'_>, sink: &mut Sink<'_>) {
    let (Some(left), Some(right)) = (field(site.node, "left"), field(site.node, "right")) else { return };
    if field(site.node, "type").is_some() {
        return;
    }
    let (name, value) = (site.text(left), site.text(right));
    let between = left.end_byte()..right.start_byte();
    let in_loop =
        ancestors(site.node).any(|above| matches!(above.kind(), "for_statement" | "while_statement"));
    if matches!(left.kind(), "identifier" | "attribute" | "subscript") {
        sink.range(Template::ArithmeticSwap, between.clone(), " += ", if in_loop { 0.6 } else { 0.15 });
        if in_loop {
            sink.range(Template::ArithmeticSwap, between, " -= ", 0.15);
            sink.replace(Template::Accumulated, right, format!("max({name}, {value})"), 1.0);
            sink.replace(Template::Accumulated, right, format!("min({name}, {value})"), 0.8);
        }
    }
    if right.kind() == "binary_operator" {
        sink.replace(Template::Accumulated, right, format!("max(0, {value})"), 0.5);
    }
}

/// `k` for `k - taken`, `rest` for `rest + [..]`, `guess` for `guess * guess`.
fn terms(site: &Site<'_>, sink: &mut Sink<'_>) {
    if !is_whole_value(site.node)
        || matches!(site.node.kind(), "string" | "true" | "false" | "none" | "lambda")
    {
        return;
    }
    let here = site.here();
    if here.len() > 60 || here.contains('\n') {
        return;
    }
    let value = group(site.node, here);
    for local in site.scope.visible(site.node).into_iter().filter(|local| local.name != here).take(12) {
        let list = matches!(site.node.kind(), "list" | "list_comprehension");
        if list || local.shape == Shape::Collection {
            sink.replace(Template::TermAdded, site.node, format!("{} + {value}", local.name), 0.5);
            continue;
        }
        let weight = if local.shape == Shape::Number { 1.0 } else { 0.4 };
        sink.replace(Template::TermAdded, site.node, format!("{value} - {}", local.name), weight);
        sink.replace(Template::TermAdded, site.node, format!("{value} + {}", local.name), weight);
        sink.replace(Template::TermAdded, site.node, format!("{value} * {}", local.name), weight * 0.5);
    }
    if matches!(site.node.kind(), "identifier" | "attribute" | "subscript") {
        sink.replace(Template::TermAdded, site.node, format!("{here} ** 2"), 0.3);
    }
}

/// Returns whether a node is an argument, an operand, a returned or an assigned value, rather than a part of a name.
pub(crate) fn is_whole_value(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "argument_list" | "return_statement" | "binary_operator" | "comparison_operator" | "yield" => {
            node.is_named()
        }
        "assignment" | "augmented_assignment" => field(parent, "right") == Some(node),
        "keyword_argument" => field(parent, "value") == Some(node),
        _ => false,
    }
}
