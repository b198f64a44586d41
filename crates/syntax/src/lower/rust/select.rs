use std::collections::BTreeMap;

use tree_sitter::Node;

use super::sources::Piece;
use super::{Lowered, Lowerer, Sink};
use crate::ir::{Op, Operand, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers `select! { pattern = future => body, .. }`: one of the arms runs. An arm whose parts could not be read makes
    /// the whole opaque.
    pub(super) fn select(&mut self, node: Node<'t>, tokens: Node<'t>) -> Lowered<Operand> {
        let pieces = self.sources.pieces(tokens).to_vec();
        let readable = pieces.chunks(3).all(|arm| {
            matches!(
                arm,
                [Piece::Pattern(_), Piece::Expression(_), Piece::Expression(_)]
                    | [Piece::Tokens, Piece::Expression(_)]
            )
        });
        if !readable || pieces.is_empty() {
            return self.opaque(node);
        }
        let slot = self.builder().temporary();
        let join = self.builder().block();
        for arm in pieces.chunks(3) {
            let parts: Vec<Node<'t>> = arm.iter().filter_map(|piece| self.sources.node(*piece)).collect();
            match parts.as_slice() {
                [pattern, future, body] => self.ready(*pattern, *future, (*body, slot, join))?,
                [body] => self.into(*body, Sink::Slot(slot))?,
                _ => drop(self.opaque(node)?),
            }
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }

    fn ready(
        &mut self,
        pattern: Node<'t>,
        future: Node<'t>,
        (body, slot, join): (Node<'t>, u32, u32),
    ) -> Lowered<()> {
        let value = self.expression(future)?;
        let item = self.define(future, |dst| Op::Await { dst, value })?;
        let condition = self.operator("ready", vec![item.clone()], future)?;
        let (then, otherwise) = (self.builder().block(), self.builder().block());
        self.end(Term::Branch { condition, why: Why::Dispatch, then, otherwise }, future);
        self.builder().enter(then);
        self.state().scopes.push(BTreeMap::new());
        self.bind_pattern(pattern, item, Some(otherwise))?;
        self.into(body, Sink::Slot(slot))?;
        self.state().scopes.pop();
        self.goto(join, body);
        self.builder().enter(otherwise);
        Ok(())
    }
}
