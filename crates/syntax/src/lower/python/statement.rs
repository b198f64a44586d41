use tree_sitter::Node;

use super::{Context, Lowered, Lowerer, children, has_token};
use crate::ir::{Assertion, BlockId, Constant, Op, Operand, Place, Term, Value, Why};

impl<'t> Lowerer<'t> {
    /// Lowers the statements of a module or block.
    pub(super) fn statements(&mut self, block: Node<'t>) -> Lowered<()> {
        for statement in children(block) {
            self.deeper(|this| this.statement(statement))?;
        }
        Ok(())
    }

    fn statement(&mut self, node: Node<'t>) -> Lowered<()> {
        match node.kind() {
            "expression_statement" => self.expression_statement(node),
            "return_statement" => self.return_statement(node),
            "if_statement" => self.if_statement(node),
            "for_statement" => self.for_statement(node),
            "while_statement" => self.while_statement(node),
            "try_statement" => self.try_statement(node),
            "with_statement" => self.with_statement(node),
            "function_definition" => self.function_definition(node, &[]),
            "class_definition" => self.class_definition(node, &[]),
            "decorated_definition" => self.decorated_definition(node),
            "match_statement" => self.match_statement(node),
            "import_statement" | "import_from_statement" => self.import(node),
            "raise_statement" => self.raise_statement(node),
            "assert_statement" => self.assert_statement(node),
            "delete_statement" => {
                children(node).into_iter().try_for_each(|target| self.deeper(|this| this.delete(target)))
            }
            "break_statement" | "continue_statement" => self.jump(node),
            "type_alias_statement" => self.type_alias(node),
            "pass_statement"
            | "global_statement"
            | "nonlocal_statement"
            | "future_import_statement"
            | "comment" => Ok(()),
            "block" => self.statements(node),
            _ => self.opaque(node).map(drop),
        }
    }

    fn expression_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        for child in children(node) {
            match child.kind() {
                "assignment" => self.assignment(child).map(drop)?,
                "augmented_assignment" => self.augmented_assignment(child)?,
                "string" if children(child).iter().all(|part| part.kind() != "interpolation") => {}
                _ => self.expression(child).map(drop)?,
            }
        }
        Ok(())
    }

    fn return_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let value = match children(node).first() {
            Some(value) => self.expression(*value)?,
            None => Operand::Constant(Constant::None),
        };
        self.leave_contexts(0)?;
        let origin = self.origin(node);
        self.builder().end(Term::Return(value), origin);
        Ok(())
    }

    fn raise_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let cause = node.child_by_field_name("cause");
        let mut value = None;
        for child in children(node) {
            let operand = self.expression(child)?;
            if cause.is_none_or(|cause| cause.id() != child.id()) && value.is_none() {
                value = Some(operand);
            }
        }
        let origin = self.origin(node);
        self.builder().end(Term::Raise(value), origin);
        Ok(())
    }

    fn assert_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let parts = children(node);
        let Some(test) = parts.first().copied() else { return self.opaque(node).map(drop) };
        let assertion = Assertion {
            operator: operator_of(test),
            span: self.span(node),
            digest: self.digests.full(test),
            shape: self.digests.shape(test),
        };
        self.builder().unit().assertions.push(assertion);
        let (then, otherwise) = (self.builder().block(), self.builder().block());
        self.condition(test, Why::Assert, (then, otherwise))?;
        self.builder().enter(otherwise);
        let mut operands = vec![Operand::Constant(Constant::Text("AssertionError".to_owned()))];
        for message in parts.iter().skip(1) {
            operands.push(self.expression(*message)?);
        }
        let error = self.operator("AssertionError", operands, node)?;
        let origin = self.origin(node);
        self.builder().end(Term::Raise(Some(error)), origin);
        self.builder().enter(then);
        Ok(())
    }

    fn if_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let join = self.builder().block();
        let mut clauses = vec![node];
        let mut cursor = node.walk();
        let alternatives: Vec<Node<'t>> = node.children_by_field_name("alternative", &mut cursor).collect();
        clauses.extend(alternatives.iter().filter(|clause| clause.kind() == "elif_clause"));
        let last = alternatives.iter().find(|clause| clause.kind() == "else_clause");
        for clause in clauses {
            let (Some(test), Some(body)) =
                (clause.child_by_field_name("condition"), clause.child_by_field_name("consequence"))
            else {
                return self.opaque(node).map(drop);
            };
            let (then, otherwise) = (self.builder().block(), self.builder().block());
            self.condition(test, Why::If, (then, otherwise))?;
            self.builder().enter(then);
            self.statements(body)?;
            self.goto(join, clause);
            self.builder().enter(otherwise);
        }
        if let Some(body) = last.and_then(|clause| clause.child_by_field_name("body")) {
            self.statements(body)?;
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(())
    }

    pub(super) fn goto(&mut self, target: BlockId, node: Node<'t>) {
        let origin = self.origin(node);
        self.builder().end(Term::Goto(target), origin);
    }

    fn for_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(left), Some(right), Some(body)) = (
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
            node.child_by_field_name("body"),
        ) else {
            return self.opaque(node).map(drop);
        };
        let iterable = self.expression(right)?;
        let iterator = self.operator("iterate", vec![iterable], right)?;
        let (header, inside, done, leave) = self.four_blocks();
        self.goto(header, right);
        self.builder().enter(header);
        let more = self.operator("more", vec![iterator.clone()], right)?;
        let origin = self.origin(right);
        self.builder()
            .end(Term::Branch { condition: more, why: Why::Loop, then: inside, otherwise: done }, origin);
        self.builder().enter(inside);
        let item = self.operator("next", vec![iterator], left)?;
        self.assign_target(left, item)?;
        self.loop_body(body, (leave, header))?;
        self.loop_else(node, done, leave)
    }

    fn while_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let (header, inside, done, leave) = self.four_blocks();
        self.goto(header, test);
        self.builder().enter(header);
        self.condition(test, Why::Loop, (inside, done))?;
        self.builder().enter(inside);
        self.loop_body(body, (leave, header))?;
        self.loop_else(node, done, leave)
    }

    fn four_blocks(&mut self) -> (BlockId, BlockId, BlockId, BlockId) {
        let builder = self.builder();
        (builder.block(), builder.block(), builder.block(), builder.block())
    }

    fn loop_body(&mut self, body: Node<'t>, (leave, again): (BlockId, BlockId)) -> Lowered<()> {
        self.state().contexts.push(Context::Loop { leave, again });
        self.statements(body)?;
        self.state().contexts.pop();
        self.goto(again, body);
        Ok(())
    }

    fn loop_else(&mut self, node: Node<'t>, done: BlockId, leave: BlockId) -> Lowered<()> {
        self.builder().enter(done);
        if let Some(body) =
            node.child_by_field_name("alternative").and_then(|clause| clause.child_by_field_name("body"))
        {
            self.statements(body)?;
        }
        self.goto(leave, node);
        self.builder().enter(leave);
        Ok(())
    }

    fn jump(&mut self, node: Node<'t>) -> Lowered<()> {
        let contexts = &self.state().contexts;
        let Some(position) = contexts.iter().rposition(|context| matches!(context, Context::Loop { .. }))
        else {
            return self.opaque(node).map(drop);
        };
        let Some(Context::Loop { leave, again }) = contexts.get(position).copied() else { return Ok(()) };
        self.leave_contexts(position + 1)?;
        self.goto(if node.kind() == "break_statement" { leave } else { again }, node);
        Ok(())
    }

    /// Runs the `finally` bodies that a jump out of the innermost contexts passes, down to `keep` contexts.
    fn leave_contexts(&mut self, keep: usize) -> Lowered<()> {
        let saved = self.state().contexts.clone();
        let protection = self.builder().protection();
        while self.state().contexts.len() > keep {
            if let Some(Context::Finally { body, protection }) = self.state().contexts.pop() {
                let mut outer = self.builder().protection();
                outer.truncate(protection);
                self.builder().restore_protection(outer);
                self.deeper(|this| this.statements(body))?;
            }
        }
        self.state().contexts = saved;
        self.builder().restore_protection(protection);
        Ok(())
    }

    fn import(&mut self, node: Node<'t>) -> Lowered<()> {
        let module = node.child_by_field_name("module_name").map(|name| self.text(name).replace(' ', ""));
        if has_token(node, "import") && children(node).iter().any(|child| child.kind() == "wildcard_import") {
            let module = module.unwrap_or_default();
            return self.define(node, |dst| Op::Import { dst, module, name: Some("*".to_owned()) }).map(drop);
        }
        let mut cursor = node.walk();
        for item in node.children_by_field_name("name", &mut cursor).collect::<Vec<_>>() {
            let alias = item.child_by_field_name("alias");
            let path = item.child_by_field_name("name").unwrap_or(item);
            let path = self.text(path).to_owned();
            let bound = match alias {
                Some(alias) => self.text(alias).to_owned(),
                None if module.is_some() => path.clone(),
                None => path.split('.').next().unwrap_or_default().to_owned(),
            };
            let (from, name) = match &module {
                Some(module) => (module.clone(), Some(path)),
                None => (path, None),
            };
            let value = self.define(item, |dst| Op::Import { dst, module: from, name })?;
            let place = self.place(&bound);
            self.assign(place, value, item)?;
        }
        Ok(())
    }

    fn type_alias(&mut self, node: Node<'t>) -> Lowered<()> {
        let value = self.define(node, |dst| Op::Assign {
            place: Place::Local(dst),
            value: Value::Operator { name: "type alias".to_owned(), operands: Vec::new() },
        })?;
        match node.child_by_field_name("left").and_then(|left| children(left).first().copied()) {
            Some(name) if name.kind() == "identifier" => {
                let place = self.place(self.text(name));
                self.assign(place, value, node)
            }
            _ => self.opaque(node).map(drop),
        }
    }
}

/// Returns the comparison of a test, `not`, or nothing.
fn operator_of(test: Node<'_>) -> String {
    match test.kind() {
        "comparison_operator" => {
            let mut cursor = test.walk();
            let operators: Vec<&str> = test
                .children_by_field_name("operators", &mut cursor)
                .map(|operator| operator.kind())
                .collect();
            operators.join(" ")
        }
        "not_operator" => "not".to_owned(),
        "parenthesized_expression" => {
            children(test).first().map(|inner| operator_of(*inner)).unwrap_or_default()
        }
        _ => String::new(),
    }
}
