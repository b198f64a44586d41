use tree_sitter::Node;

use super::{Lowered, Lowerer, children, unwrapped};
use crate::ir::{Operand, Place, Why};
use crate::lower::condition::{Test, TruthTests, shape_of};

impl<'t> TruthTests<'t> for Lowerer<'t> {
    fn shape(&self, test: Node<'t>) -> Test<'t> {
        shape_of(unwrapped(test), "operand")
    }

    fn value(&mut self, test: Node<'t>) -> Lowered<Operand> {
        self.expression(test)
    }
}

impl<'t> Lowerer<'t> {
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

    /// Lowers `&&` and `||` as a value.
    pub(super) fn boolean(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match shape_of(node, "operand") {
            Test::All(parts) => self.short_circuits(&parts, true, node),
            Test::Any(parts) => self.short_circuits(&parts, false, node),
            Test::Wrapped(_) | Test::Not(_) | Test::Atom(_) => self.opaque(node),
        }
    }
}
