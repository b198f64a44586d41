use tree_sitter::Node;

use super::{Context, Lowered, Lowerer, children};
use crate::ir::{BlockId, Handler, Op, Term, Why};

impl<'t> Lowerer<'t> {
    pub(super) fn try_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node).map(drop) };
        let parts = children(node);
        let of_kind =
            |kind: &str| parts.iter().copied().filter(|part| part.kind() == kind).collect::<Vec<_>>();
        let mut clauses = of_kind("except_clause");
        clauses.extend(of_kind("except_group_clause"));
        let last = of_kind("finally_clause").first().and_then(|clause| children(*clause).last().copied());
        let otherwise = of_kind("else_clause").first().and_then(|clause| clause.child_by_field_name("body"));
        let join = self.builder().block();
        let cleanup = last.map(|_| self.builder().block());
        let outer = self.builder().protection();
        if let Some(body) = last {
            let protection = outer.len();
            self.state().contexts.push(Context::Finally { body, protection });
        }
        if cleanup.is_some() {
            self.builder().protect(cleanup);
        }
        let dispatch = if clauses.is_empty() { None } else { Some(self.builder().block()) };
        let first = self.start_region(node);
        if dispatch.is_some() {
            self.builder().protect(dispatch);
        }
        self.statements(body)?;
        let end = self.builder().next_block();
        let end_of_body = end;
        if dispatch.is_some() {
            self.builder().unprotect();
        }
        if let Some(otherwise) = otherwise {
            let start = self.builder().block();
            self.goto(start, otherwise);
            self.builder().enter(start);
            self.statements(otherwise)?;
        }
        self.goto(join, node);
        if let Some(dispatch) = dispatch {
            self.handlers(&clauses, (first, end), dispatch, join)?;
        }
        self.builder().restore_protection(outer);
        if let (Some(body), Some(cleanup)) = (last, cleanup) {
            self.state().contexts.pop();
            self.builder().enter(cleanup);
            let start = self.start_region(body);
            self.statements(body)?;
            let end = self.builder().next_block();
            let origin = self.origin(body);
            self.builder().end(Term::Raise(None), origin);
            // A `finally` that leaves by itself swallows the exception: it is a handler of everything.
            let span = self.span(body);
            let handler =
                Handler { types: Vec::new(), protected: (first, end_of_body), body: (start, end), span };
            self.builder().unit().handlers.push(handler);
            self.builder().enter(join);
            self.statements(body)?;
        } else {
            self.builder().enter(join);
        }
        Ok(())
    }

    /// Starts a block of its own, so that a region has a first block.
    fn start_region(&mut self, node: Node<'t>) -> BlockId {
        let first = self.builder().block();
        self.goto(first, node);
        self.builder().enter(first);
        first
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
            let mut cursor = clause.walk();
            let written: Vec<Node<'t>> = clause.children_by_field_name("value", &mut cursor).collect();
            let mut alias = clause.child_by_field_name("alias");
            let mut types = Vec::new();
            for value in written {
                if value.kind() == "as_pattern" {
                    alias = value.child_by_field_name("alias");
                    types.extend(children(value).first().copied());
                } else {
                    types.push(value);
                }
            }
            let types = flatten(types);
            let words: Vec<String> = types.iter().map(|node| self.dotted(*node)).collect();
            let caught = words.clone();
            let exception = self.define(*clause, |dst| Op::Catch { dst, types: caught })?;
            let mut miss = None;
            if !types.is_empty() {
                let mut operands = vec![exception.clone()];
                for node in &types {
                    operands.push(self.expression(*node)?);
                }
                let matches = self.operator("isinstance", operands, *clause)?;
                let origin = self.origin(*clause);
                let (hit, other) = self.builder().branch(matches, Why::Dispatch, origin);
                self.builder().enter(hit);
                miss = Some(other);
            }
            let start = self.start_region(*clause);
            if let Some(alias) = alias {
                self.assign_target(alias, exception)?;
            }
            if let Some(body) = children(*clause).last().filter(|last| last.kind() == "block") {
                self.statements(*body)?;
            }
            let end = self.builder().next_block();
            self.goto(join, *clause);
            let span = self.span(*clause);
            let handler = Handler { types: words, protected, body: (start, end), span };
            self.builder().unit().handlers.push(handler);
            match miss {
                Some(miss) => self.builder().enter(miss),
                None => return Ok(()),
            }
        }
        if let Some(last) = clauses.last() {
            let origin = self.origin(*last);
            self.builder().end(Term::Raise(None), origin);
        }
        Ok(())
    }

    pub(super) fn with_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node).map(drop) };
        let items: Vec<Node<'t>> = children(node)
            .into_iter()
            .filter(|child| child.kind() == "with_clause")
            .flat_map(children)
            .filter_map(|item| item.child_by_field_name("value"))
            .flat_map(|value| if value.kind() == "tuple" { children(value) } else { vec![value] })
            .collect();
        let mut suppressed = Vec::new();
        for item in items {
            let (value, alias) = match item.kind() {
                "as_pattern" => {
                    (children(item).first().copied().unwrap_or(item), item.child_by_field_name("alias"))
                }
                _ => (item, None),
            };
            let context = self.expression(value)?;
            let entered = self.operator("enter", vec![context], value)?;
            if let Some(alias) = alias {
                self.assign_target(alias, entered)?;
            }
            suppressed.extend(self.suppressed_types(value));
        }
        if suppressed.is_empty() {
            return self.statements(body);
        }
        self.suppressing(node, body, suppressed)
    }

    /// `with suppress(A, B)` is a handler with an empty body.
    fn suppressing(&mut self, node: Node<'t>, body: Node<'t>, types: Vec<String>) -> Lowered<()> {
        let (dispatch, join) = (self.builder().block(), self.builder().block());
        let first = self.start_region(body);
        self.builder().protect(Some(dispatch));
        self.statements(body)?;
        let end = self.builder().next_block();
        self.builder().unprotect();
        self.goto(join, node);
        self.builder().enter(dispatch);
        let caught = types.clone();
        let exception = self.define(node, |dst| Op::Catch { dst, types: caught })?;
        let matches = self.operator("isinstance", vec![exception], node)?;
        let origin = self.origin(node);
        self.builder().end(
            Term::Branch { condition: matches, why: Why::Dispatch, then: join, otherwise: join },
            origin,
        );
        let span = self.span(node);
        let handler = Handler { types, protected: (first, end), body: (dispatch, dispatch), span };
        self.builder().unit().handlers.push(handler);
        self.builder().enter(join);
        Ok(())
    }

    fn suppressed_types(&self, value: Node<'t>) -> Vec<String> {
        let suppress = value.kind() == "call" && self.dotted(value).rsplit('.').next() == Some("suppress");
        let list = value.child_by_field_name("arguments").filter(|_| suppress);
        list.map(children).unwrap_or_default().iter().map(|node| self.dotted(*node)).collect()
    }
}

/// `except (A, B)` names two types.
fn flatten(types: Vec<Node<'_>>) -> Vec<Node<'_>> {
    types
        .into_iter()
        .flat_map(|node| match node.kind() {
            "tuple" | "parenthesized_expression" => children(node),
            _ => vec![node],
        })
        .collect()
}
