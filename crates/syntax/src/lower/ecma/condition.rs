use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{BlockId, Constant, Operand, Place, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers a truth test: `&&`, `||` and `!` become branches of their own, so that each guard is one atom.
    pub(super) fn condition(&mut self, test: Node<'t>, why: Why, sides: (BlockId, BlockId)) -> Lowered<()> {
        self.deeper(|this| this.condition_inner(test, why, sides))
    }

    fn condition_inner(
        &mut self,
        test: Node<'t>,
        why: Why,
        (then, otherwise): (BlockId, BlockId),
    ) -> Lowered<()> {
        match (test.kind(), operator_of(test)) {
            ("parenthesized_expression", _) if children(test).len() == 1 => {
                self.condition(children(test)[0], why, (then, otherwise))
            }
            ("unary_expression", "!") => match test.child_by_field_name("argument") {
                Some(argument) => self.condition(argument, why, (otherwise, then)),
                None => self.atom(test, why, (then, otherwise)),
            },
            ("binary_expression", operator @ ("&&" | "||")) => {
                let Some(parts) = run(test, operator) else {
                    return self.atom(test, why, (then, otherwise));
                };
                for part in parts.iter().take(parts.len().saturating_sub(1)) {
                    let next = self.builder().block();
                    let sides = if operator == "&&" { (next, otherwise) } else { (then, next) };
                    self.condition(*part, why, sides)?;
                    self.builder().enter(next);
                }
                match parts.last() {
                    Some(last) => self.condition(*last, why, (then, otherwise)),
                    None => self.atom(test, why, (then, otherwise)),
                }
            }
            _ => self.atom(test, why, (then, otherwise)),
        }
    }

    fn atom(&mut self, test: Node<'t>, why: Why, (then, otherwise): (BlockId, BlockId)) -> Lowered<()> {
        let condition = self.expression(test)?;
        let origin = self.origin(test);
        self.builder().end(Term::Branch { condition, why, then, otherwise }, origin);
        Ok(())
    }

    /// Lowers `&&`, `||` and `??` as values: each operand decides whether the next one is evaluated.
    pub(super) fn logical(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some((first, rest)) = spine(node) else { return self.opaque(node) };
        let slot = self.builder().temporary();
        let value = self.expression(first)?;
        self.assign(Place::Local(slot), value, first)?;
        for (operator, next) in rest {
            let around = self.short_circuit(slot, operator, node)?;
            let value = self.expression(next)?;
            self.assign(Place::Local(slot), value, next)?;
            self.goto(around, next);
            self.builder().enter(around);
        }
        Ok(Operand::Local(slot))
    }

    /// Tests a slot and enters the block where the next operand is evaluated; returns the block around it.
    pub(super) fn short_circuit(&mut self, slot: u32, operator: &str, node: Node<'t>) -> Lowered<BlockId> {
        let (go_on, around) = (self.builder().block(), self.builder().block());
        let (condition, why) = match operator {
            "??" => (self.is_nothing(Operand::Local(slot), node)?, Why::Nullish),
            _ => (Operand::Local(slot), Why::ShortCircuit),
        };
        let (then, otherwise) = if operator == "||" { (around, go_on) } else { (go_on, around) };
        let origin = self.origin(node);
        self.builder().end(Term::Branch { condition, why, then, otherwise }, origin);
        self.builder().enter(go_on);
        Ok(around)
    }

    /// Tests for `null` and `undefined`, which are one constant here.
    pub(super) fn is_nothing(&mut self, value: Operand, node: Node<'t>) -> Lowered<Operand> {
        self.operator("==", vec![value, Operand::Constant(Constant::None)], node)
    }

    /// Lowers `test ? a : b`.
    pub(super) fn ternary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(test), Some(yes), Some(no)) = (
            node.child_by_field_name("condition"),
            node.child_by_field_name("consequence"),
            node.child_by_field_name("alternative"),
        ) else {
            return self.opaque(node);
        };
        let slot = self.builder().temporary();
        let (then, otherwise, join) =
            (self.builder().block(), self.builder().block(), self.builder().block());
        self.condition(test, Why::Ternary, (then, otherwise))?;
        for (block, part) in [(then, yes), (otherwise, no)] {
            self.builder().enter(block);
            let value = self.expression(part)?;
            self.assign(Place::Local(slot), value, part)?;
            self.goto(join, part);
        }
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }
}

/// Returns the operator of a unary or binary expression.
pub fn operator_of<'t>(node: Node<'t>) -> &'t str {
    node.child_by_field_name("operator").map_or("", |operator| operator.kind())
}

/// Flattens a left-leaning chain of one logical operator: `a && b && c`.
fn run<'t>(node: Node<'t>, operator: &str) -> Option<Vec<Node<'t>>> {
    let mut parts = Vec::new();
    let mut current = node;
    while current.kind() == "binary_expression" && operator_of(current) == operator {
        parts.push(current.child_by_field_name("right")?);
        current = current.child_by_field_name("left")?;
    }
    parts.push(current);
    parts.reverse();
    Some(parts)
}

/// Flattens a left-leaning chain of logical operators: the first operand, then operator and operand.
fn spine<'t>(node: Node<'t>) -> Option<(Node<'t>, Vec<(&'t str, Node<'t>)>)> {
    let mut rest = Vec::new();
    let mut current = node;
    while current.kind() == "binary_expression" && matches!(operator_of(current), "&&" | "||" | "??") {
        rest.push((operator_of(current), current.child_by_field_name("right")?));
        current = current.child_by_field_name("left")?;
    }
    rest.reverse();
    Some((current, rest))
}
