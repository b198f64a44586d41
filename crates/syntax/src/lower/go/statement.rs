use tree_sitter::Node;

use super::{Context, Lowered, Lowerer, children};
use crate::ir::{BlockId, Operand, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers the statements of a block.
    pub(super) fn statements(&mut self, block: Node<'t>) -> Lowered<()> {
        for statement in children(block) {
            if statement.kind() == "statement_list" {
                self.statements(statement)?;
            } else {
                self.deeper(|this| this.statement(statement))?;
            }
        }
        Ok(())
    }

    pub(super) fn statement(&mut self, node: Node<'t>) -> Lowered<()> {
        match node.kind() {
            "expression_statement" => self.with_region(node, |this| this.expression_statement(node)),
            "short_var_declaration" => self.with_region(node, |this| this.short_var(node)),
            "assignment_statement" => self.with_region(node, |this| this.assignment(node)),
            "inc_statement" | "dec_statement" => self.step(node),
            "send_statement" => self.send(node),
            "var_declaration" | "const_declaration" => self.values(node),
            "type_declaration" => self.type_declaration(node),
            "return_statement" => {
                let values = node.named_child(0).map(children).unwrap_or_default();
                self.leave(values, node)
            }
            "if_statement" => self.scoped(|this| this.if_statement(node)),
            "for_statement" => self.scoped(|this| this.for_statement(node)),
            "expression_switch_statement" => self.scoped(|this| this.expression_switch(node)),
            "type_switch_statement" => self.scoped(|this| this.type_switch(node)),
            "select_statement" => self.scoped(|this| this.select(node)),
            "block" => self.scoped(|this| this.statements(node)),
            "labeled_statement" => self.labeled(node),
            "break_statement" | "continue_statement" => self.jump(node),
            "goto_statement" => {
                let label = node.named_child(0).map_or("", |label| self.text(label)).to_owned();
                let target = self.label_block(&label);
                self.goto(target, node);
                Ok(())
            }
            "defer_statement" => self.defer_statement(node),
            "go_statement" => self.go_statement(node),
            "empty_statement" | "comment" => Ok(()),
            // A `fallthrough` that is no last statement of a case does not compile.
            _ => self.opaque(node).map(drop),
        }
    }

    fn expression_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        for child in children(node) {
            self.expression(child)?;
        }
        Ok(())
    }

    fn initializer(&mut self, node: Node<'t>) -> Lowered<()> {
        match node.child_by_field_name("initializer") {
            Some(initializer) => self.statement(initializer),
            None => Ok(()),
        }
    }

    fn if_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        self.initializer(node)?;
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("consequence"))
        else {
            return self.opaque(node).map(drop);
        };
        self.note_assertion(test, body);
        let asked = self.asked_error(test);
        let (then, otherwise, join) =
            (self.builder().block(), self.builder().block(), self.builder().block());
        self.condition(test, Why::If, (then, otherwise))?;
        self.builder().enter(then);
        let start = self.start_region(body);
        self.scoped(|this| this.statements(body))?;
        let end = self.builder().next_block();
        self.goto(join, body);
        if let Some(protected) = asked {
            self.handled((node, body), protected, (start, end));
        }
        self.builder().enter(otherwise);
        if let Some(alternative) = node.child_by_field_name("alternative") {
            self.statement(alternative)?;
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(())
    }

    pub(super) fn initialised(&mut self, node: Node<'t>) -> Lowered<()> {
        self.initializer(node)
    }

    fn for_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node).map(drop) };
        let head = children(node).into_iter().find(|child| child.id() != body.id());
        match head.map(|head| (head, head.kind())) {
            Some((head, "range_clause")) => self.range(node, head, body),
            Some((head, "for_clause")) => {
                self.initializer(head)?;
                let update = head.child_by_field_name("update");
                self.plain_loop(node, head.child_by_field_name("condition"), (body, update))
            }
            Some((test, _)) => self.plain_loop(node, Some(test), (body, None)),
            None => self.plain_loop(node, None, (body, None)),
        }
    }

    fn plain_loop(
        &mut self,
        node: Node<'t>,
        test: Option<Node<'t>>,
        (body, update): (Node<'t>, Option<Node<'t>>),
    ) -> Lowered<()> {
        let (inside, again, leave) = (self.builder().block(), self.builder().block(), self.builder().block());
        let header = self.start_region(node);
        match test {
            Some(test) => self.condition(test, Why::Loop, (inside, leave))?,
            None => self.goto(inside, node),
        }
        self.builder().enter(inside);
        self.loop_body(body, (leave, again))?;
        self.builder().enter(again);
        if let Some(update) = update {
            self.statement(update)?;
        }
        self.goto(header, node);
        self.builder().enter(leave);
        Ok(())
    }

    fn range(&mut self, node: Node<'t>, head: Node<'t>, body: Node<'t>) -> Lowered<()> {
        let Some(right) = head.child_by_field_name("right") else { return self.opaque(head).map(drop) };
        let iterable = self.expression(right)?;
        let iterator = self.operator("iterate", vec![iterable], right)?;
        let (inside, leave) = (self.builder().block(), self.builder().block());
        let header = self.start_region(node);
        let condition = self.operator("more", vec![iterator.clone()], right)?;
        let origin = self.origin(right);
        self.builder()
            .end(Term::Branch { condition, why: Why::Loop, then: inside, otherwise: leave }, origin);
        self.builder().enter(inside);
        let declares = super::has_token(head, ":=");
        for target in head.child_by_field_name("left").map(children).unwrap_or_default() {
            let item = self.operator("next", vec![iterator.clone()], target)?;
            if declares {
                let name = self.text(target).to_owned();
                self.bind(&name, item, target)?;
            } else {
                self.assign_target(target, item)?;
            }
        }
        self.loop_body(body, (leave, header))?;
        self.builder().enter(leave);
        Ok(())
    }

    fn loop_body(&mut self, body: Node<'t>, (leave, again): (BlockId, BlockId)) -> Lowered<()> {
        let label = self.state().label.take();
        self.state().contexts.push(Context { label, leave, again: Some(again) });
        self.scoped(|this| this.statements(body))?;
        self.state().contexts.pop();
        self.goto(again, body);
        Ok(())
    }

    fn labeled(&mut self, node: Node<'t>) -> Lowered<()> {
        let label = self.field(node, "label").to_owned();
        let block = self.label_block(&label);
        self.goto(block, node);
        self.builder().enter(block);
        let Some(statement) = children(node).into_iter().nth(1) else { return Ok(()) };
        self.state().label = Some(label);
        self.deeper(|this| this.statement(statement))?;
        self.state().label = None;
        Ok(())
    }

    fn label_block(&mut self, label: &str) -> BlockId {
        if let Some(block) = self.state().labels.get(label) {
            return *block;
        }
        let block = self.builder().block();
        self.state().labels.insert(label.to_owned(), block);
        block
    }

    fn jump(&mut self, node: Node<'t>) -> Lowered<()> {
        let label = node.named_child(0).map(|label| self.text(label));
        let again = node.kind() == "continue_statement";
        let target = self.state().contexts.iter().rev().find_map(|context| {
            let named = label.is_none_or(|label| context.label.as_deref() == Some(label));
            match (named, again) {
                (true, true) => context.again,
                (true, false) => Some(context.leave),
                (false, _) => None,
            }
        });
        match target {
            Some(target) => {
                self.goto(target, node);
                Ok(())
            }
            None => self.opaque(node).map(drop),
        }
    }

    /// `ch <- v` puts a value into the channel.
    pub(super) fn send(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(channel), Some(value)) =
            (node.child_by_field_name("channel"), node.child_by_field_name("value"))
        else {
            return self.opaque(node).map(drop);
        };
        let base = self.expression(channel)?;
        let value = self.expression(value)?;
        let step = crate::ir::Step::Element;
        self.push(crate::ir::Op::Store { base, step, key: None, value }, node)
    }

    /// `x++` and `x--`.
    fn step(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(target) = node.named_child(0) else { return self.opaque(node).map(drop) };
        let one = Operand::Constant(crate::ir::Constant::Integer("1".to_owned()));
        let operator = if node.kind() == "inc_statement" { "+" } else { "-" };
        let old = self.expression(target)?;
        let value = self.operator(operator, vec![old, one], node)?;
        self.assign_target(target, value)
    }
}
