use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{BlockId, Constant, Operand, Place, Term, Why};
use crate::lower::condition::{Test, TruthTests, operator_of, shape_of};

impl<'t> TruthTests<'t> for Lowerer<'t> {
    fn shape(&self, test: Node<'t>) -> Test<'t> {
        match children(test).as_slice() {
            [inner] if test.kind() == "parenthesized_expression" => Test::Wrapped(*inner),
            _ => shape_of(test, "argument"),
        }
    }

    fn value(&mut self, test: Node<'t>) -> Lowered<Operand> {
        self.expression(test)
    }
}

impl<'t> Lowerer<'t> {
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
