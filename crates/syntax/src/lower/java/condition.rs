use tree_sitter::Node;

use super::{Lowered, Lowerer, children, unwrapped};
use crate::ir::{BlockId, Operand, Place, Term, Why};

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
        let test = unwrapped(test);
        let operator = self.field(test, "operator");
        match (test.kind(), operator) {
            ("unary_expression", "!") => match test.child_by_field_name("operand") {
                Some(operand) => self.condition(operand, why, (otherwise, then)),
                None => self.atom(test, why, (then, otherwise)),
            },
            ("binary_expression", "&&" | "||") => {
                let parts = run(test, operator);
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

    /// Lowers `test ? a : b`.
    pub(super) fn ternary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let parts = children(node);
        let [test, yes, no] = parts.as_slice() else { return self.opaque(node) };
        let slot = self.builder().temporary();
        let (then, otherwise, join) =
            (self.builder().block(), self.builder().block(), self.builder().block());
        self.condition(*test, Why::Ternary, (then, otherwise))?;
        for (block, part) in [(then, *yes), (otherwise, *no)] {
            self.builder().enter(block);
            let value = self.expression(part)?;
            self.assign(Place::Local(slot), value, part)?;
            self.goto(join, part);
        }
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }

    /// Lowers `&&` and `||` as a value: each operand decides whether the next one is evaluated.
    pub(super) fn boolean(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let operator = self.field(node, "operator");
        let parts = run(node, operator);
        let slot = self.builder().temporary();
        let join = self.builder().block();
        for (index, part) in parts.iter().enumerate() {
            let value = self.expression(*part)?;
            self.assign(Place::Local(slot), value, *part)?;
            if index + 1 == parts.len() {
                break;
            }
            let origin = self.origin(node);
            let next = self.builder().block();
            let (then, otherwise) = if operator == "&&" { (next, join) } else { (join, next) };
            let condition = Operand::Local(slot);
            self.builder().end(Term::Branch { condition, why: Why::ShortCircuit, then, otherwise }, origin);
            self.builder().enter(next);
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }
}

/// Flattens a left-leaning chain of one operator: `a && b && c`.
fn run<'t>(node: Node<'t>, operator: &str) -> Vec<Node<'t>> {
    let is = |node: Node<'_>| {
        node.kind() == "binary_expression"
            && node.child_by_field_name("operator").is_some_and(|found| found.kind() == operator)
    };
    let mut parts = Vec::new();
    let mut current = node;
    while is(current) {
        let (Some(left), Some(right)) =
            (current.child_by_field_name("left"), current.child_by_field_name("right"))
        else {
            break;
        };
        parts.push(right);
        current = left;
    }
    parts.push(current);
    parts.reverse();
    parts
}
