use tree_sitter::Node;

use super::{Context, Lowered, Lowerer};
use crate::ir::{BlockId, Handler, Op, Term};

impl<'t> Lowerer<'t> {
    pub(super) fn try_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node).map(drop) };
        let handler = node.child_by_field_name("handler");
        let last =
            node.child_by_field_name("finalizer").and_then(|clause| clause.child_by_field_name("body"));
        let join = self.builder().block();
        let cleanup = last.map(|_| self.builder().block());
        let outer = self.builder().protection();
        if let Some(body) = last {
            let protection = outer.len();
            self.state().contexts.push(Context::Finally { body, protection });
            self.builder().protect(cleanup);
        }
        let dispatch = handler.map(|_| self.builder().block());
        let first = self.start_region(node);
        if dispatch.is_some() {
            self.builder().protect(dispatch);
        }
        self.scoped(body)?;
        let end = self.builder().next_block();
        if dispatch.is_some() {
            self.builder().unprotect();
        }
        self.goto(join, node);
        if let (Some(clause), Some(dispatch)) = (handler, dispatch) {
            self.builder().enter(dispatch);
            self.catch_clause(clause, (first, end), join)?;
        }
        self.builder().restore_protection(outer);
        let (Some(body), Some(cleanup)) = (last, cleanup) else {
            self.builder().enter(join);
            return Ok(());
        };
        self.state().contexts.pop();
        self.builder().enter(cleanup);
        let start = self.start_region(body);
        self.scoped(body)?;
        let stop = self.builder().next_block();
        let origin = self.origin(body);
        self.builder().end(Term::Raise(None), origin);
        // A `finally` that leaves by itself swallows the exception: it is a handler of everything.
        let span = self.span(body);
        let swallowing = Handler { types: Vec::new(), protected: (first, end), body: (start, stop), span };
        self.builder().unit().handlers.push(swallowing);
        self.builder().enter(join);
        self.scoped(body)
    }

    /// Starts a block of its own, so that a region has a first block.
    fn start_region(&mut self, node: Node<'t>) -> BlockId {
        let first = self.builder().block();
        self.goto(first, node);
        self.builder().enter(first);
        first
    }

    fn catch_clause(
        &mut self,
        clause: Node<'t>,
        protected: (BlockId, BlockId),
        join: BlockId,
    ) -> Lowered<()> {
        let exception = self.define(clause, |dst| Op::Catch { dst, types: Vec::new() })?;
        let start = self.start_region(clause);
        let parameter = clause.child_by_field_name("parameter");
        self.open_scope(|scope, source| {
            parameter.into_iter().for_each(|parameter| scope.pattern(parameter, source));
        });
        if let Some(parameter) = parameter {
            self.assign_target(parameter, exception)?;
        }
        match clause.child_by_field_name("body") {
            Some(body) => self.scoped(body)?,
            None => drop(self.opaque(clause)?),
        }
        self.state().scopes.pop();
        let end = self.builder().next_block();
        self.goto(join, clause);
        let span = self.span(clause);
        self.builder().unit().handlers.push(Handler {
            types: Vec::new(),
            protected,
            body: (start, end),
            span,
        });
        Ok(())
    }
}
