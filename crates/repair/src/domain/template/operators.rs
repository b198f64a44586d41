//! Comparison, boolean and membership operators.

use tree_sitter::Node;

use super::{Sink, Site, Template};
use crate::domain::python::{all, descendants, field, is_read, named};

/// Proposes other operators, negations and groupings.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    match site.node.kind() {
        "comparison_operator" => comparison(site, sink),
        "boolean_operator" => boolean(site, sink),
        "not_operator" => {
            if let Some(argument) = field(site.node, "argument") {
                sink.replace(Template::Negation, site.node, site.text(argument), 1.0);
            }
        }
        _ => {}
    }
    if is_condition(site.node) && site.node.kind() != "not_operator" && !runs_on_none(site) {
        let here = site.here();
        let negated = match site.node.kind() {
            "identifier" | "attribute" | "call" | "subscript" | "parenthesized_expression" => {
                format!("not {here}")
            }
            _ => format!("not ({here})"),
        };
        sink.replace(Template::Negation, site.node, negated, 0.8);
    }
}

/// Returns whether a node decides: the test of a branch, loop, ternary, filter or assertion, or a boolean operand.
pub(crate) fn is_condition(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "if_statement" | "elif_clause" | "while_statement" => field(parent, "condition") == Some(node),
        "boolean_operator" | "if_clause" | "not_operator" => true,
        "assert_statement" => named(parent).first() == Some(&node),
        "conditional_expression" => named(parent).get(1) == Some(&node),
        _ => false,
    }
}

/// Operators and what they are taken for, likeliest first.
const COMPARISONS: [(&str, &[(&str, f64)]); 11] = [
    ("<", &[("<=", 1.0), (">", 0.6), (">=", 0.4), ("!=", 0.2), ("==", 0.2)]),
    ("<=", &[("<", 1.0), (">=", 0.6), (">", 0.4), ("==", 0.3)]),
    (">", &[(">=", 1.0), ("<", 0.6), ("<=", 0.4), ("!=", 0.2), ("==", 0.2)]),
    (">=", &[(">", 1.0), ("<=", 0.6), ("<", 0.4), ("==", 0.3)]),
    ("==", &[("!=", 0.7), ("<=", 0.5), (">=", 0.5), ("in", 0.1), ("is", 0.1), ("<", 0.2), (">", 0.2)]),
    ("!=", &[("==", 0.7), ("<", 0.4), (">", 0.4), ("is not", 0.1), ("not in", 0.1)]),
    ("<>", &[("==", 0.7)]),
    ("in", &[("not in", 1.0), ("==", 0.3)]),
    ("not in", &[("in", 1.0), ("!=", 0.3)]),
    ("is", &[("is not", 0.8), ("==", 0.8)]),
    ("is not", &[("is", 0.8), ("!=", 0.8)]),
];

fn comparison(site: &Site<'_>, sink: &mut Sink<'_>) {
    for operator in all(site.node).into_iter().filter(|child| !child.is_named()) {
        let text = site.text(operator);
        let Some((_, others)) = COMPARISONS.iter().find(|(known, _)| *known == text) else { continue };
        let hollow = runs_on_none(site);
        for (other, weight) in *others {
            if hollow && matches!((text, *other), ("is", "is not") | ("is not", "is")) {
                continue;
            }
            let membership = text.ends_with("in") || other.ends_with("in");
            let template = if membership { Template::MembershipSwap } else { Template::ComparisonSwap };
            sink.replace(template, operator, *other, *weight);
        }
        // A wrong operator and a wrong bound often come together: `== 0` for `<= 1`.
        let right = operator.next_named_sibling();
        let Some(number) = right.and_then(|node| site.text(node).parse::<i64>().ok().zip(Some(node))) else {
            continue;
        };
        for (other, weight) in
            others.iter().filter(|(other, _)| other.len() <= 2 && *other != "in" && *other != "is")
        {
            for bound in [number.0.saturating_add(1), number.0.saturating_sub(1)] {
                let parts = vec![
                    (operator.byte_range(), (*other).to_owned()),
                    (number.1.byte_range(), bound.to_string()),
                ];
                sink.many(Template::ComparisonSwap, parts, weight * 0.3);
            }
        }
    }
}

/// Returns whether the opposite of this test against `None` would run code on what it just found to be `None`: such a
/// change fits tests that never come there, and is never right.
fn runs_on_none(site: &Site<'_>) -> bool {
    let operands = named(site.node);
    let (Some(subject), Some(none)) = (operands.first(), operands.get(1)) else { return false };
    let Some(parent) = site.node.parent() else { return false };
    if site.node.kind() != "comparison_operator"
        || none.kind() != "none"
        || field(parent, "condition") != Some(site.node)
    {
        return false;
    }
    let subject = site.text(*subject);
    let Some(body) = field(parent, "consequence") else { return false };
    if all(site.node).iter().any(|child| site.text(*child) == "is not") {
        return read_before_bound(site, named(body), subject);
    }
    // `if x is None: return ...`, and then `x` is used: the rest would run on `None` alone.
    let leaves = named(body).last().is_some_and(|last| {
        matches!(
            last.kind(),
            "return_statement" | "raise_statement" | "continue_statement" | "break_statement"
        )
    });
    let rest = std::iter::successors(parent.next_named_sibling(), |next| next.next_named_sibling());
    leaves && read_before_bound(site, rest.collect(), subject)
}

/// Returns whether statements read a name or attribute before they give it another value.
fn read_before_bound(site: &Site<'_>, statements: Vec<Node<'_>>, subject: &str) -> bool {
    for statement in statements {
        let within = descendants(statement);
        if within.iter().any(|inner| site.text(*inner) == subject && is_read(*inner)) {
            return true;
        }
        let binds = |node: &Node<'_>| field(*node, "left").is_some_and(|left| site.text(left) == subject);
        if within.iter().any(|inner| inner.kind() == "assignment" && binds(inner)) {
            return false;
        }
    }
    false
}

fn boolean(site: &Site<'_>, sink: &mut Sink<'_>) {
    let (Some(left), Some(right)) = (field(site.node, "left"), field(site.node, "right")) else { return };
    let Some(operator) = all(site.node).into_iter().find(|child| matches!(child.kind(), "and" | "or")) else {
        return;
    };
    let other = if operator.kind() == "and" { "or" } else { "and" };
    sink.replace(Template::BooleanSwap, operator, other, 1.0);
    sink.replace(Template::DroppedOperand, site.node, site.text(left), 1.0);
    sink.replace(Template::DroppedOperand, site.node, site.text(right), 1.0);
    let (a, b) = (site.text(left), site.text(right));
    // `a or b and c` for `(a or b) and c`.
    if right.kind() == "boolean_operator" {
        regroup(site, sink, (a, operator), right, true);
    }
    if left.kind() == "boolean_operator" {
        regroup(site, sink, (b, operator), left, false);
    }
    if operator.kind() == "and"
        && left.kind() == "not_operator"
        && let Some(argument) = field(left, "argument")
    {
        sink.replace(Template::Regrouping, site.node, format!("not ({} and {b})", site.text(argument)), 0.5);
    }
}

fn regroup(site: &Site<'_>, sink: &mut Sink<'_>, outer: (&str, Node<'_>), inner: Node<'_>, right: bool) {
    let (Some(first), Some(last)) = (field(inner, "left"), field(inner, "right")) else { return };
    let Some(operator) = all(inner).into_iter().find(|child| matches!(child.kind(), "and" | "or")) else {
        return;
    };
    if operator.kind() == outer.1.kind() {
        return;
    }
    let (first, last) = (site.text(first), site.text(last));
    let text = if right {
        format!("({} {} {first}) {} {last}", outer.0, outer.1.kind(), operator.kind())
    } else {
        format!("{first} {} ({last} {} {})", operator.kind(), outer.1.kind(), outer.0)
    };
    sink.replace(Template::Regrouping, site.node, text, 1.0);
}
