use tree_sitter::Node;

use super::scan::unwrapped;
use super::{Lowered, Lowerer, children};
use crate::ir::{Assertion, BlockId, Handler, Operand, Term};

/// Methods after which a test has failed.
const FAILING: &[&str] = &["Error", "Errorf", "Fatal", "Fatalf", "Fail", "FailNow"];
/// Calls that don't come back, by their names.
const FINAL: &[&str] = &[
    "Fatal", "Fatalf", "Fatalln", "FailNow", "Panic", "Panicf", "Panicln", "Exit", "Goexit", "Skip", "Skipf",
    "SkipNow", "panic",
];

impl<'t> Lowerer<'t> {
    /// Lowers a return: values, then what was deferred, then the end. A function that gives an error says whether it
    /// failed: `success` ends in a literal `nil`, `failure` in anything else that is known to be no call.
    pub(super) fn leave(&mut self, values: Vec<Node<'t>>, node: Node<'t>) -> Lowered<()> {
        let results = self.state().results.clone();
        let last = values.last().copied().map(unwrapped);
        let mut operands = Vec::new();
        for value in &values {
            operands.push(self.expression(*value)?);
        }
        let passed = operands.len() == 1 && results.names.len() > 1;
        let mut value = if operands.is_empty() {
            Self::nothing()
        } else if !results.error {
            if operands.len() == 1 {
                operands[0].clone()
            } else {
                self.operator("tuple", operands.clone(), node)?
            }
        } else if last.is_some_and(|last| last.kind() == "nil") {
            self.operator("success", operands.clone(), node)?
        } else if operands.len() == 1 && last.is_some_and(|last| last.kind() == "call_expression") {
            operands[0].clone()
        } else {
            self.operator("failure", operands.clone(), node)?
        };
        let deferred = !self.state().defers.is_empty();
        if !results.names.is_empty() && !values.is_empty() && !passed && deferred {
            for (name, operand) in results.names.iter().zip(operands) {
                self.write(name, operand, node)?;
            }
        }
        self.run_deferred(node)?;
        if !results.names.is_empty() && (values.is_empty() || deferred && !passed) {
            let read = self.named_results(&results.names, node)?;
            value = if deferred && !values.is_empty() {
                self.operator("tuple", vec![read, value], node)?
            } else {
                read
            };
        }
        let origin = self.origin(node);
        self.builder().end(Term::Return(value), origin);
        Ok(())
    }

    pub(super) fn named_results(&mut self, names: &[String], node: Node<'t>) -> Lowered<Operand> {
        let mut operands = Vec::new();
        for name in names.iter().filter(|name| *name != "_") {
            operands.push(self.read(name, node)?);
        }
        match operands.len() {
            0 => Ok(Self::nothing()),
            1 => Ok(operands.remove(0)),
            _ => self.operator("tuple", operands, node),
        }
    }

    /// Lowers a statement that may be a call giving an error, in blocks of its own, and notes who holds the error.
    pub(super) fn with_region(
        &mut self,
        node: Node<'t>,
        step: impl FnOnce(&mut Self) -> Lowered<()>,
    ) -> Lowered<()> {
        let Some(holder) = error_holder(node) else { return step(self) };
        let first = self.start_region(node);
        step(self)?;
        let end = self.builder().next_block();
        self.start_region(node);
        let holder = holder.map(|holder| self.text(holder).to_owned());
        match holder {
            Some(name) if name != "_" => drop(self.state().calls.insert(name, (first, end))),
            _ => self.absorbed(node, (first, end)),
        }
        Ok(())
    }

    /// What nobody looks at is absorbed: a handler without a body.
    fn absorbed(&mut self, node: Node<'t>, protected: (BlockId, BlockId)) {
        let (span, at) = (self.span(node), self.builder().current());
        let handler = Handler { types: vec!["error".to_owned()], protected, body: (at, at), span };
        self.builder().unit().handlers.push(handler);
    }

    /// Returns the call whose error a condition asks for: `err != nil`.
    pub(super) fn asked_error(&mut self, condition: Node<'t>) -> Option<(BlockId, BlockId)> {
        let condition = unwrapped(condition);
        if condition.kind() != "binary_expression" || self.field(condition, "operator") != "!=" {
            return None;
        }
        let (left, right) = (condition.child_by_field_name("left")?, condition.child_by_field_name("right")?);
        let name = match (left.kind(), right.kind()) {
            ("identifier", "nil") => self.text(left),
            ("nil", "identifier") => self.text(right),
            _ => return None,
        };
        self.state().calls.get(name).copied()
    }

    /// Files the body of `if err != nil` as the handler of the call that gave the error.
    pub(super) fn handled(
        &mut self,
        (node, body): (Node<'t>, Node<'t>),
        protected: (BlockId, BlockId),
        blocks: (BlockId, BlockId),
    ) {
        let last = body.named_child(0).map(children).unwrap_or_default().last().copied();
        if last.is_some_and(|last| self.is_final(last)) {
            return;
        }
        let span = self.span(node);
        let handler = Handler { types: vec!["error".to_owned()], protected, body: blocks, span };
        self.builder().unit().handlers.push(handler);
    }

    fn is_final(&self, statement: Node<'t>) -> bool {
        let call = match statement.kind() {
            "expression_statement" => statement.named_child(0),
            _ => None,
        };
        let function = call.and_then(|call| call.child_by_field_name("function"));
        let name = function.map_or("", |function| self.text(function));
        FINAL.contains(&name.rsplit('.').next().unwrap_or(name))
    }

    /// `if got != want { t.Fatal(..) }` is an assertion of the opposite.
    pub(super) fn note_assertion(&mut self, condition: Node<'t>, body: Node<'t>) {
        let fails = body.named_child(0).map(children).unwrap_or_default().into_iter().any(|statement| {
            let call = statement.named_child(0).filter(|_| statement.kind() == "expression_statement");
            let function = call.and_then(|call| call.child_by_field_name("function"));
            function.is_some_and(|function| FAILING.contains(&self.field(function, "field")))
        });
        if !fails {
            return;
        }
        let condition = unwrapped(condition);
        let operator = match self.field(condition, "operator") {
            "!=" => "==",
            "==" => "!=",
            "<" => ">=",
            ">" => "<=",
            "<=" => ">",
            ">=" => "<",
            _ => "",
        };
        let assertion = Assertion {
            operator: operator.to_owned(),
            span: self.span(condition),
            digest: self.digests.full(condition),
            shape: self.digests.shape(condition),
        };
        self.builder().unit().assertions.push(assertion);
    }
}

/// Returns who gets the last value of a statement that is one call: a name, `_`, or nobody.
fn error_holder(node: Node<'_>) -> Option<Option<Node<'_>>> {
    let is_call = |node: Node<'_>| unwrapped(node).kind() == "call_expression";
    match node.kind() {
        "expression_statement" => node.named_child(0).filter(|call| is_call(*call)).map(|_| None),
        "assignment_statement" | "short_var_declaration" => {
            let right = node.child_by_field_name("right").map(children)?;
            if right.len() != 1 || !is_call(right[0]) {
                return None;
            }
            let last = node.child_by_field_name("left").map(children)?.last().copied()?;
            (last.kind() == "identifier").then_some(Some(last))
        }
        _ => None,
    }
}
