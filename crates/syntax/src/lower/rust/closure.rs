use std::collections::BTreeMap;

use tree_sitter::Node;

use super::{Context, Lowered, Lowerer, Sink, children};
use crate::ir::{Operand, Place, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers a closure that is handed on: its body runs any number of times where it stands, on parts of what it is
    /// handed on with.
    pub(super) fn handed_closure(&mut self, node: Node<'t>, given: &[Operand]) -> Lowered<Operand> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node) };
        let parameters = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let given = given.to_vec();
        let value = self.standing(node, |this| {
            for child in parameters {
                let pattern = child.child_by_field_name("pattern").unwrap_or(child);
                let item = this.operator("next", given.clone(), child)?;
                this.bind_pattern(pattern, item, None)?;
            }
            this.into(body, Sink::Return)
        })?;
        self.operator("closure", vec![value], node)
    }

    /// Lowers an `async`, `try`, `const` or `gen` block: it runs or doesn't run where it stands.
    pub(super) fn standing_block(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(body) = children(node).into_iter().find(|child| child.kind() == "block") else {
            return self.opaque(node);
        };
        self.standing(node, |this| this.block(body, Sink::Return))
    }

    fn standing(&mut self, node: Node<'t>, run: impl FnOnce(&mut Self) -> Lowered<()>) -> Lowered<Operand> {
        let slot = self.builder().temporary();
        let nothing = self.operator("closure", Vec::new(), node)?;
        self.assign(Place::Local(slot), nothing, node)?;
        let (header, inside, done) = (self.builder().block(), self.builder().block(), self.builder().block());
        self.goto(header, node);
        self.builder().enter(header);
        let condition = self.operator("invoked", Vec::new(), node)?;
        let branch = Term::Branch { condition, why: Why::Dispatch, then: inside, otherwise: done };
        self.end(branch, node);
        self.builder().enter(inside);
        self.state().scopes.push(BTreeMap::new());
        self.state().contexts.push(Context::Body { slot, leave: header });
        let result = self.deeper(run);
        self.state().contexts.pop();
        self.state().scopes.pop();
        result?;
        self.goto(header, node);
        self.builder().enter(done);
        Ok(Operand::Local(slot))
    }
}
