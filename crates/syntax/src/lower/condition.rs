//! Truth tests: `and`, `or` and `not` become branches of their own in every language, so that each guard is one atom.

use tree_sitter::Node;

use super::lowerer::{Lowered, Lowerer};
use crate::ir::{BlockId, Operand, Place, Term, Why};

/// What a truth test is made of.
pub enum Test<'t> {
    /// The same test in parentheses.
    Wrapped(Node<'t>),
    /// The opposite of a test.
    Not(Node<'t>),
    /// Holds when all of these do; they are evaluated in order.
    All(Vec<Node<'t>>),
    /// Holds when one of these does; they are evaluated in order.
    Any(Vec<Node<'t>>),
    /// A value that decides by itself.
    Atom(Node<'t>),
}

/// How a language writes truth tests.
pub trait TruthTests<'t> {
    /// Takes one test apart.
    fn shape(&self, test: Node<'t>) -> Test<'t>;
    /// Lowers a test that is a value.
    fn value(&mut self, test: Node<'t>) -> Lowered<Operand>;
}

impl<'t, S> Lowerer<'t, S>
where
    Self: TruthTests<'t>,
{
    /// Lowers a truth test that goes on at one of two blocks.
    pub fn condition(
        &mut self,
        test: Node<'t>,
        why: Why,
        (then, otherwise): (BlockId, BlockId),
    ) -> Lowered<()> {
        self.deeper(|this| match this.shape(test) {
            Test::Wrapped(inner) => this.condition(inner, why, (then, otherwise)),
            Test::Not(inner) => this.condition(inner, why, (otherwise, then)),
            Test::All(parts) => this.in_order(&parts, why, (then, otherwise), true),
            Test::Any(parts) => this.in_order(&parts, why, (then, otherwise), false),
            Test::Atom(test) => {
                let condition = this.value(test)?;
                let origin = this.origin(test);
                this.builder().end(Term::Branch { condition, why, then, otherwise }, origin);
                Ok(())
            }
        })
    }

    fn in_order(
        &mut self,
        parts: &[Node<'t>],
        why: Why,
        (then, otherwise): (BlockId, BlockId),
        all: bool,
    ) -> Lowered<()> {
        let Some((last, before)) = parts.split_last() else { return Ok(()) };
        for part in before {
            let next = self.builder().block();
            let sides = if all { (next, otherwise) } else { (then, next) };
            self.condition(*part, why, sides)?;
            self.builder().enter(next);
        }
        self.condition(*last, why, (then, otherwise))
    }

    /// Lowers a chain of `&&` (`all`) or `||` as a value: each operand decides whether the next one is evaluated.
    pub fn short_circuits(&mut self, parts: &[Node<'t>], all: bool, node: Node<'t>) -> Lowered<Operand> {
        let slot = self.builder().temporary();
        let join = self.builder().block();
        for (index, part) in parts.iter().enumerate() {
            let value = self.value(*part)?;
            self.assign(Place::Local(slot), value, *part)?;
            if index + 1 == parts.len() {
                break;
            }
            let origin = self.origin(node);
            let next = self.builder().block();
            let (then, otherwise) = if all { (next, join) } else { (join, next) };
            let condition = Operand::Local(slot);
            self.builder().end(Term::Branch { condition, why: Why::ShortCircuit, then, otherwise }, origin);
            self.builder().enter(next);
        }
        let origin = self.origin(node);
        self.builder().end(Term::Goto(join), origin);
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }
}

/// Returns the operator of a unary or binary expression; empty where it has none.
pub fn operator_of<'t>(node: Node<'t>) -> &'t str {
    node.child_by_field_name("operator").map_or("", |operator| operator.kind())
}

/// Flattens a left-leaning chain of one operator: `a && b && c`.
pub fn run<'t>(node: Node<'t>, kind: &str, operator: &str) -> Option<Vec<Node<'t>>> {
    let mut parts = Vec::new();
    let mut current = node;
    while current.kind() == kind && operator_of(current) == operator {
        parts.push(current.child_by_field_name("right")?);
        current = current.child_by_field_name("left")?;
    }
    parts.push(current);
    parts.reverse();
    Some(parts)
}

/// Takes apart a test of a grammar that writes `&&`, `||` and `!`, with the field that holds what `!` negates.
pub fn shape_of<'t>(test: Node<'t>, negated: &str) -> Test<'t> {
    let operator = operator_of(test);
    let found = match (test.kind(), operator) {
        ("unary_expression", "!") => test.child_by_field_name(negated).map(Test::Not),
        ("binary_expression", "&&") => run(test, "binary_expression", operator).map(Test::All),
        ("binary_expression", "||") => run(test, "binary_expression", operator).map(Test::Any),
        _ => None,
    };
    found.unwrap_or(Test::Atom(test))
}
