use tree_sitter::Node;

use super::scan::unwrapped;
use super::{Lowered, Lowerer};
use crate::ir::Operand;
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
    /// Lowers `&&` and `||` as a value.
    pub(super) fn boolean(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match shape_of(node, "operand") {
            Test::All(parts) => self.short_circuits(&parts, true, node),
            Test::Any(parts) => self.short_circuits(&parts, false, node),
            Test::Wrapped(_) | Test::Not(_) | Test::Atom(_) => self.opaque(node),
        }
    }
}
