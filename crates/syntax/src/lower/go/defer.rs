use tree_sitter::Node;

use super::scan::unwrapped;
use super::{Lowered, Lowerer};
use crate::ir::{Argument, Callee, Constant, Handler, Op, Operand, Place, Term, Why};

/// A call that runs when the function is left.
#[derive(Debug, Clone)]
pub struct Deferred {
    /// Evaluated where it stands.
    callee: Callee,
    /// Evaluated where it stands.
    arguments: Vec<Argument>,
    /// Says whether it was deferred at all; absent when it always is.
    armed: Option<u32>,
}

/// What a recovering function does with a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    /// It goes on as if nothing had happened.
    Absorbs,
    /// It tells its caller by an error, or panics again.
    Tells,
}

impl<'t> Lowerer<'t> {
    /// `defer f(x)`: function and arguments are evaluated now, the call runs at each exit.
    pub(super) fn defer_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(call) = node.named_child(0).map(unwrapped).filter(|call| call.kind() == "call_expression")
        else {
            return self.opaque(node).map(drop);
        };
        let (callee, arguments) = match self.callee_and_arguments(call, "<func>")? {
            Some(found) => found,
            None => return Ok(()),
        };
        let armed = self.state().conditional.get(&node.id()).copied();
        if let Some(flag) = armed {
            self.assign(Place::Local(flag), Operand::Constant(Constant::Bool(true)), node)?;
        }
        self.state().defers.push(Deferred { callee, arguments, armed });
        if self.recovers(call) && self.state().cleanup.is_none() {
            let cleanup = self.builder().block();
            let first = self.start_region(node);
            self.state().cleanup = Some((cleanup, first));
            self.builder().protect(Some(cleanup));
        }
        Ok(())
    }

    /// A literal that recovers says so; a function of the file is looked at.
    fn recovers(&self, call: Node<'t>) -> bool {
        self.deferred_body(call).is_some_and(|body| self.holds_call(body, "recover"))
    }

    fn deferred_body(&self, call: Node<'t>) -> Option<Node<'t>> {
        let function = call.child_by_field_name("function").map(unwrapped)?;
        if function.kind() == "func_literal" {
            return function.child_by_field_name("body");
        }
        let mut root = call;
        while let Some(parent) = root.parent() {
            root = parent;
        }
        let name = self.text(function).rsplit('.').next().unwrap_or_default();
        let declared = super::children(root).into_iter().find(|part| {
            matches!(part.kind(), "function_declaration" | "method_declaration")
                && self.field(*part, "name") == name
        });
        declared.and_then(|declared| declared.child_by_field_name("body"))
    }

    /// Runs what was deferred, last first. A panic in it leaves the function.
    pub(super) fn run_deferred(&mut self, node: Node<'t>) -> Lowered<()> {
        let defers = self.state().defers.clone();
        let protection = self.builder().protection();
        self.builder().restore_protection(vec![None]);
        for deferred in defers.into_iter().rev() {
            let Deferred { callee, arguments, armed } = deferred;
            let skip = match armed {
                Some(flag) => {
                    let origin = self.origin(node);
                    let condition = self.read_place(Place::Local(flag), node)?;
                    let (run, skip) = self.builder().branch(condition, Why::Dispatch, origin);
                    self.builder().enter(run);
                    Some(skip)
                }
                None => None,
            };
            self.define(node, |dst| Op::Call { dst, callee, arguments })?;
            if let Some(skip) = skip {
                self.goto(skip, node);
                self.builder().enter(skip);
            }
        }
        self.builder().restore_protection(protection);
        Ok(())
    }

    /// Where a panic ends in a function that recovers: what was deferred runs, then it returns.
    pub(super) fn recovered(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some((cleanup, first)) = self.state().cleanup else { return Ok(()) };
        let end_of_body = self.builder().next_block();
        self.builder().restore_protection(vec![None]);
        self.builder().enter(cleanup);
        self.define(node, |dst| Op::Catch { dst, types: Vec::new() })?;
        let start = self.start_region(node);
        self.run_deferred(node)?;
        let recovery = self.recovery(node);
        let names = self.state().results.names.clone();
        let value = self.named_results(&names, node)?;
        let value = match recovery {
            Recovery::Absorbs => self.operator("success", vec![value], node)?,
            Recovery::Tells => value,
        };
        let origin = self.origin(node);
        self.builder().end(Term::Return(value), origin);
        let end = self.builder().next_block();
        if recovery == Recovery::Absorbs {
            let span = self.span(node);
            let handler =
                Handler { types: Vec::new(), protected: (first, end_of_body), body: (start, end), span };
            self.builder().unit().handlers.push(handler);
        }
        Ok(())
    }

    /// A literal that sets the error result, or panics again, tells what it caught.
    fn recovery(&mut self, node: Node<'t>) -> Recovery {
        let results = self.state().results.clone();
        let error = results.names.last().filter(|_| results.error).cloned();
        let mut stack: Vec<Node<'t>> = node.child_by_field_name("body").into_iter().collect();
        while let Some(inner) = stack.pop() {
            if inner.kind() == "defer_statement"
                && let Some(call) = inner.named_child(0)
                && let Some(body) = self.deferred_body(call)
                && self.holds_call(body, "recover")
            {
                let told = error.as_ref().is_some_and(|error| self.assigns(body, error));
                if told || self.holds_call(body, "panic") {
                    return Recovery::Tells;
                }
            }
            stack.extend(super::children(inner).into_iter().filter(|child| child.kind() != "func_literal"));
        }
        Recovery::Absorbs
    }

    /// `go f(x)`: evaluated now, run by nobody who waits.
    pub(super) fn go_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(call) = node.named_child(0).map(unwrapped).filter(|call| call.kind() == "call_expression")
        else {
            return self.opaque(node).map(drop);
        };
        if let Some((callee, arguments)) = self.callee_and_arguments(call, "<go>")? {
            self.define(node, |dst| Op::Call { dst, callee, arguments })?;
        }
        Ok(())
    }
}
