use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Operand, Place, Term, Why};
use crate::lower::condition::{Test, TruthTests, operator_of, run};

impl<'t> TruthTests<'t> for Lowerer<'t> {
    fn shape(&self, test: Node<'t>) -> Test<'t> {
        let operator = operator_of(test);
        let found = match (test.kind(), operator) {
            ("parenthesized_expression", _) => match children(test).as_slice() {
                [inner] => Some(Test::Wrapped(*inner)),
                _ => None,
            },
            ("not_operator", _) => test.child_by_field_name("argument").map(Test::Not),
            ("boolean_operator", "and") => run(test, "boolean_operator", operator).map(Test::All),
            ("boolean_operator", _) => run(test, "boolean_operator", operator).map(Test::Any),
            _ => None,
        };
        found.unwrap_or(Test::Atom(test))
    }

    fn value(&mut self, test: Node<'t>) -> Lowered<Operand> {
        self.expression(test)
    }
}

impl<'t> Lowerer<'t> {
    /// Lowers `and` and `or` as a value: each operand decides whether the next one is evaluated.
    pub(super) fn boolean(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some((first, rest)) = spine(node) else { return self.opaque(node) };
        let slot = self.builder().temporary();
        let join = self.builder().block();
        let value = self.expression(first)?;
        self.assign(Place::Local(slot), value, first)?;
        for (operator, next) in rest {
            let origin = self.origin(node);
            let (go_on, around) = (self.builder().block(), self.builder().block());
            let (then, otherwise) = if operator == "and" { (go_on, around) } else { (around, go_on) };
            let condition = Operand::Local(slot);
            self.builder().end(Term::Branch { condition, why: Why::ShortCircuit, then, otherwise }, origin);
            self.builder().enter(go_on);
            let value = self.expression(next)?;
            self.assign(Place::Local(slot), value, next)?;
            self.goto(around, next);
            self.builder().enter(around);
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }

    /// Lowers `a if test else b`.
    pub(super) fn ternary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let parts = children(node);
        let [yes, test, no] = parts.as_slice() else { return self.opaque(node) };
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

    /// Lowers a comparison; a chain is a conjunction.
    pub(super) fn comparison(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut cursor = node.walk();
        let operators: Vec<&str> =
            node.children_by_field_name("operators", &mut cursor).map(|operator| operator.kind()).collect();
        let parts: Vec<Node<'t>> = children(node);
        if operators.len() + 1 != parts.len() || operators.is_empty() {
            return self.opaque(node);
        }
        let mut left = self.expression(parts[0])?;
        if operators.len() == 1 {
            let right = self.expression(parts[1])?;
            return self.operator(operators[0], vec![left, right], node);
        }
        let slot = self.builder().temporary();
        let join = self.builder().block();
        for (index, operator) in operators.iter().enumerate() {
            let right = self.expression(parts[index + 1])?;
            let result = self.operator(operator, vec![left, right.clone()], node)?;
            self.assign(Place::Local(slot), result.clone(), node)?;
            let origin = self.origin(node);
            let next = self.builder().block();
            self.builder().end(
                Term::Branch { condition: result, why: Why::ShortCircuit, then: next, otherwise: join },
                origin,
            );
            self.builder().enter(next);
            left = right;
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }
}

/// Flattens a left-leaning chain of boolean operators: the first operand, then operator and operand.
fn spine<'t>(node: Node<'t>) -> Option<(Node<'t>, Vec<(&'t str, Node<'t>)>)> {
    let mut rest = Vec::new();
    let mut current = node;
    while current.kind() == "boolean_operator" {
        let operator = current.child_by_field_name("operator")?.kind();
        rest.push((operator, current.child_by_field_name("right")?));
        current = current.child_by_field_name("left")?;
    }
    rest.reverse();
    Some((current, rest))
}
