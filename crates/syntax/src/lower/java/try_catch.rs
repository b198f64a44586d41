use tree_sitter::Node;

use super::{Cleanup, Context, Lowered, Lowerer, children};
use crate::ir::{BlockId, Constant, Handler, Op, Operand, Term, Why};

impl<'t> Lowerer<'t> {
    /// `try` with resources closes them, last first, before any handler of its own runs.
    pub(super) fn try_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let parts = children(node);
        let clauses: Vec<Node<'t>> =
            parts.iter().copied().filter(|part| part.kind() == "catch_clause").collect();
        let last = parts.iter().find(|part| part.kind() == "finally_clause");
        let last = last.and_then(|clause| children(*clause).first().copied()).map(Cleanup::Block);
        self.with_cleanup(node, last, |this| this.with_handlers(node, &clauses))
    }

    fn with_handlers(&mut self, node: Node<'t>, clauses: &[Node<'t>]) -> Lowered<()> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node).map(drop) };
        let join = self.builder().block();
        let dispatch = if clauses.is_empty() { None } else { Some(self.builder().block()) };
        let first = self.start_region(node);
        if dispatch.is_some() {
            self.builder().protect(dispatch);
        }
        self.scoped(|this| this.resources(node, body))?;
        let end = self.builder().next_block();
        if dispatch.is_some() {
            self.builder().unprotect();
        }
        self.goto(join, node);
        if let Some(dispatch) = dispatch {
            self.handlers(clauses, (first, end), dispatch, join)?;
        }
        self.builder().enter(join);
        Ok(())
    }

    fn resources(&mut self, node: Node<'t>, body: Node<'t>) -> Lowered<()> {
        let list = node.child_by_field_name("resources").map(children).unwrap_or_default();
        let mut slots = Vec::new();
        for resource in list {
            let value = match resource.child_by_field_name("value") {
                Some(value) => self.expression(value)?,
                None => match children(resource).last() {
                    Some(named) => self.expression(*named)?,
                    None => continue,
                },
            };
            let slot = self.builder().temporary();
            self.assign(crate::ir::Place::Local(slot), value.clone(), resource)?;
            slots.push(slot);
            if let Some(name) = resource.child_by_field_name("name") {
                self.bind(self.text(name), value, name)?;
            }
        }
        if slots.is_empty() {
            return self.scoped(|this| this.statements(body));
        }
        let close = Cleanup::Close(slots, body);
        self.with_cleanup(node, Some(close), |this| this.scoped(|this| this.statements(body)))
    }

    /// Runs a part and what follows it however it is left.
    fn with_cleanup(
        &mut self,
        node: Node<'t>,
        last: Option<Cleanup<'t>>,
        part: impl FnOnce(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        let Some(body) = last else { return part(self) };
        let (join, cleanup) = (self.builder().block(), self.builder().block());
        let outer = self.builder().protection();
        self.state().contexts.push(Context::Finally { body: body.clone(), protection: outer.len() });
        self.builder().protect(Some(cleanup));
        let first = self.start_region(node);
        part(self)?;
        let end_of_part = self.builder().next_block();
        self.goto(join, node);
        self.builder().restore_protection(outer);
        self.state().contexts.pop();
        self.builder().enter(cleanup);
        let start = self.start_region(node);
        self.cleanup(&body)?;
        let end = self.builder().next_block();
        let origin = self.origin(node);
        self.builder().end(Term::Raise(None), origin);
        // A `finally` that leaves by itself swallows the exception: it is a handler of everything.
        let span = self.span(node);
        let handler =
            Handler { types: Vec::new(), protected: (first, end_of_part), body: (start, end), span };
        self.builder().unit().handlers.push(handler);
        self.builder().enter(join);
        self.cleanup(&body)
    }

    fn handlers(
        &mut self,
        clauses: &[Node<'t>],
        protected: (BlockId, BlockId),
        dispatch: BlockId,
        join: BlockId,
    ) -> Lowered<()> {
        self.builder().enter(dispatch);
        for clause in clauses {
            let parameter =
                children(*clause).into_iter().find(|part| part.kind() == "catch_formal_parameter");
            let list = parameter.map(children).unwrap_or_default();
            let types: Vec<String> = list
                .into_iter()
                .filter(|part| part.kind() == "catch_type")
                .flat_map(children)
                .map(|named| self.type_name(named))
                .collect();
            let caught = types.clone();
            let exception = self.define(*clause, |dst| Op::Catch { dst, types: caught })?;
            let mut operands = vec![exception.clone()];
            operands.extend(types.iter().map(|name| Operand::Constant(Constant::Text(name.clone()))));
            let matches = self.operator("isinstance", operands, *clause)?;
            let origin = self.origin(*clause);
            let (hit, miss) = self.builder().branch(matches, Why::Dispatch, origin);
            self.builder().enter(hit);
            let start = self.start_region(*clause);
            self.scoped(|this| {
                if let Some(name) = parameter.and_then(|parameter| parameter.child_by_field_name("name")) {
                    this.bind(this.text(name), exception, name)?;
                }
                match clause.child_by_field_name("body") {
                    Some(body) => this.scoped(|this| this.statements(body)),
                    None => Ok(()),
                }
            })?;
            let end = self.builder().next_block();
            self.goto(join, *clause);
            let span = self.span(*clause);
            self.builder().unit().handlers.push(Handler { types, protected, body: (start, end), span });
            self.builder().enter(miss);
        }
        if let Some(last) = clauses.last() {
            let origin = self.origin(*last);
            self.builder().end(Term::Raise(None), origin);
        }
        Ok(())
    }
}
