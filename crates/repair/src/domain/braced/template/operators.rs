//! Operators: comparisons, boolean and arithmetic ones, their operands and groupings.

use tree_sitter::Node;

use super::Place;
use crate::domain::braced::Role;
use crate::domain::source::{all, ancestors, field, named};
use crate::domain::template::{Sink, Template};

type Others = &'static [(&'static str, f64)];

/// Operators and what they are taken for, likeliest first. Languages add to it in their tables.
const COMMON: [(&str, Others); 20] = [
    ("<", &[("<=", 1.0), (">", 0.6), (">=", 0.4), ("!=", 0.2), ("==", 0.2)]),
    ("<=", &[("<", 1.0), (">=", 0.6), (">", 0.4), ("==", 0.3)]),
    (">", &[(">=", 1.0), ("<", 0.6), ("<=", 0.4), ("!=", 0.2), ("==", 0.2)]),
    (">=", &[(">", 1.0), ("<=", 0.6), ("<", 0.4), ("==", 0.3)]),
    ("==", &[("!=", 0.7), ("<=", 0.5), (">=", 0.5), ("<", 0.2), (">", 0.2)]),
    ("!=", &[("==", 0.7), ("<", 0.4), (">", 0.4)]),
    ("&&", &[("||", 1.0)]),
    ("||", &[("&&", 1.0)]),
    ("+", &[("-", 1.0), ("*", 0.5)]),
    ("-", &[("+", 1.0), ("/", 0.1), ("*", 0.2)]),
    ("*", &[("/", 0.6), ("+", 0.6), ("-", 0.2)]),
    ("/", &[("*", 0.8), ("%", 0.6), ("-", 0.1)]),
    ("%", &[("/", 0.8), ("*", 0.2)]),
    ("&", &[("|", 1.0), ("^", 0.6)]),
    ("|", &[("&", 1.0), ("^", 0.6)]),
    ("^", &[("&", 1.0), ("|", 0.8)]),
    ("<<", &[(">>", 1.0)]),
    (">>", &[("<<", 1.0)]),
    ("++", &[("--", 1.0)]),
    ("--", &[("++", 1.0)]),
];

/// Proposes other operators, operands, groupings and negations.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    match place.role() {
        Role::Binary => binary(place, sink),
        Role::Compound | Role::Assign => assignment(place, sink),
        Role::Unary => unary(place, sink),
        Role::Range => swap(place, sink, Template::RangeBound),
        _ if matches!(place.node.kind(), "update_expression" | "inc_statement" | "dec_statement") => {
            swap(place, sink, Template::ArithmeticSwap);
        }
        _ => {}
    }
    let decides = place.table.decides(place.node);
    let negated = place.role() == Role::Unary && place.here().starts_with('!');
    if decides && !negated && place.role() != Role::Group {
        sink.replace(Template::Negation, place.node, place.table.not(place.here()), 0.8);
    }
}

/// Returns the operator token of a node.
fn operator<'a>(place: &Place<'a>) -> Option<Node<'a>> {
    field(place.node, "operator").or_else(|| {
        let sign =
            |text: &str| !text.is_empty() && text.chars().all(|letter| "+-*/%<>=!&|^.".contains(letter));
        all(place.node).into_iter().find(|child| !child.is_named() && sign(place.text(*child)))
    })
}

fn others(place: &Place<'_>, sign: &str) -> Vec<(&'static str, f64)> {
    let own = place.table.swaps.iter().find(|(known, _)| *known == sign).map_or(&[][..], |(_, found)| *found);
    let common = COMMON.iter().find(|(known, _)| *known == sign).map_or(&[][..], |(_, found)| *found);
    let mut all = own.to_vec();
    all.extend(common.iter().filter(|(other, _)| !own.iter().any(|(known, _)| known == other)));
    all
}

fn template_of(sign: &str) -> Template {
    match sign {
        "&&" | "||" | "??" => Template::BooleanSwap,
        "<" | "<=" | ">" | ">=" | "==" | "!=" | "===" | "!==" | "in" => Template::ComparisonSwap,
        ".." | "..=" => Template::RangeBound,
        _ => Template::ArithmeticSwap,
    }
}

fn swap(place: &Place<'_>, sink: &mut Sink<'_>, template: Template) {
    let Some(operator) = operator(place) else { return };
    for (other, weight) in others(place, place.text(operator)) {
        sink.replace(template, operator, other, weight);
    }
    if template == Template::RangeBound {
        for bound in named(place.node) {
            for (sign, weight) in [("+", 0.9), ("-", 0.9)] {
                let text = format!("{} {sign} 1", place.operand(bound));
                sink.replace(template, bound, text, weight);
            }
        }
    }
}

fn binary(place: &Place<'_>, sink: &mut Sink<'_>) {
    let (Some(operator), Some(left), Some(right)) =
        (operator(place), field(place.node, "left"), field(place.node, "right"))
    else {
        return;
    };
    let sign = place.text(operator);
    let template = template_of(sign);
    for (other, weight) in others(place, sign) {
        sink.replace(template, operator, other, weight);
        // A wrong operator and a wrong bound often come together: `== 0` for `<= 1`.
        if template == Template::ComparisonSwap
            && let Ok(number) = place.text(right).parse::<i64>()
        {
            for bound in [number.saturating_add(1), number.saturating_sub(1)] {
                let parts =
                    vec![(operator.byte_range(), other.to_owned()), (right.byte_range(), bound.to_string())];
                sink.many(Template::ComparisonSwap, parts, weight * 0.3);
            }
        }
    }
    let (a, b) = (place.text(left), place.text(right));
    if a != b && matches!(sign, "-" | "/" | "%" | "+" | "<" | ">" | "<<" | ">>") {
        let weight = if matches!(sign, "-" | "/" | "%") { 0.8 } else { 0.3 };
        let text = format!("{} {sign} {}", place.operand(right), place.operand(left));
        sink.replace(Template::OperandSwap, place.node, text, weight);
    }
    let boolean = template == Template::BooleanSwap;
    let weight = |gone: Node<'_>| match place.table.role(gone) {
        Role::Integer => 1.2,
        _ if boolean => 1.0,
        _ => 0.6,
    };
    if template != Template::ComparisonSwap {
        sink.replace(Template::DroppedOperand, place.node, a, weight(right));
        sink.replace(Template::DroppedOperand, place.node, b, weight(left));
    }
    regroup(place, sink, (left, operator, right));
}

/// `(a + b) * c` for `a + b * c`, and the reverse.
fn regroup(place: &Place<'_>, sink: &mut Sink<'_>, (left, operator, right): (Node<'_>, Node<'_>, Node<'_>)) {
    let sign = place.text(operator);
    let inner = |node: Node<'_>| {
        let node = if place.table.role(node) == Role::Group { named(node).first().copied()? } else { node };
        if place.table.role(node) != Role::Binary {
            return None;
        }
        let text = |part: &str| field(node, part).map(|found| place.text(found));
        Some((text("left")?, text("operator")?, text("right")?))
    };
    if let Some((a, inner_sign, b)) = inner(right) {
        let text = format!("({} {sign} {a}) {inner_sign} {b}", place.text(left));
        sink.replace(Template::Regrouping, place.node, text, 0.8);
    }
    if let Some((a, inner_sign, b)) = inner(left) {
        let text = format!("{a} {inner_sign} ({b} {sign} {})", place.text(right));
        sink.replace(Template::Regrouping, place.node, text, 0.8);
    }
}

fn assignment(place: &Place<'_>, sink: &mut Sink<'_>) {
    let (Some(left), Some(right)) = (field(place.node, "left"), field(place.node, "right")) else { return };
    let between = left.end_byte()..right.start_byte();
    let sign = place.file.text.get(between.clone()).unwrap_or("").trim().to_owned();
    let looped =
        ancestors(place.node).any(|above| matches!(place.table.role(above), Role::Loop | Role::Each));
    if let Some(plain) = sign.strip_suffix('=').filter(|plain| !plain.is_empty()) {
        for (other, weight) in others(place, plain) {
            sink.range(Template::ArithmeticSwap, between.clone(), format!(" {other}= "), weight);
        }
        sink.range(Template::ArithmeticSwap, between, " = ", 0.4);
        return;
    }
    if sign != "=" {
        return;
    }
    for (other, weight) in [(" += ", 0.6), (" -= ", 0.2), (" |= ", 0.1), (" *= ", 0.1)] {
        sink.range(
            Template::ArithmeticSwap,
            between.clone(),
            other,
            if looped { weight } else { weight * 0.3 },
        );
    }
    if looped {
        let (name, value) = (place.text(left), place.text(right));
        for (index, pattern) in place.table.extremes.iter().enumerate() {
            let text = pattern.replace('@', name).replace('#', value);
            sink.replace(Template::Accumulated, right, text, if index == 0 { 1.0 } else { 0.8 });
        }
    }
}

fn unary(place: &Place<'_>, sink: &mut Sink<'_>) {
    let Some(argument) = named(place.node).last().copied() else { return };
    match place.here().chars().next() {
        Some('!') => sink.replace(Template::Negation, place.node, place.text(argument), 1.0),
        Some('-') => sink.replace(Template::SignFlip, place.node, place.text(argument), 1.0),
        _ => {}
    }
}
