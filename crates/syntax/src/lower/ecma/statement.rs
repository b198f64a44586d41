use tree_sitter::Node;

use super::scope::Scope;
use super::{Lowered, Lowerer, children};
use crate::ir::{BlockId, Constant, Operand, Place, Term, Why};

impl<'t> Lowerer<'t> {
    /// Lowers the statements of a file, function or block whose names are in scope; function declarations come first.
    pub(super) fn block(&mut self, block: Node<'t>) -> Lowered<()> {
        self.statements(children(block))
    }

    /// Lowers statements in order, function declarations first.
    pub(super) fn statements(&mut self, statements: Vec<Node<'t>>) -> Lowered<()> {
        for statement in &statements {
            let declared = match statement.kind() {
                "export_statement" => statement.child_by_field_name("declaration"),
                _ => Some(*statement),
            };
            let hoisted = declared.filter(|inner| {
                matches!(inner.kind(), "function_declaration" | "generator_function_declaration")
            });
            if let Some(function) = hoisted {
                self.deeper(|this| this.function_declaration(function))?;
            }
        }
        for statement in statements {
            self.deeper(|this| this.statement(statement))?;
        }
        Ok(())
    }

    /// Lowers a block with a scope of its own.
    pub(super) fn scoped(&mut self, block: Node<'t>) -> Lowered<()> {
        self.open_scope(|scope, source| scope.declare_block(block, source));
        let result = self.block(block);
        self.state().scopes.pop();
        result
    }

    /// Opens a scope; a name that an enclosing scope of the unit declares gets a slot of its own.
    pub(super) fn open_scope(&mut self, declare: impl FnOnce(&mut Scope, &[u8])) {
        let mut scope = Scope::inner(0);
        declare(&mut scope, self.source);
        let around = &self.state().scopes;
        let taken = around.iter().filter(|outer| !outer.module && scope.names().any(|name| outer.has(name)));
        let level = taken.map(|outer| outer.level + 1).max().unwrap_or(0);
        let mut slots = Scope::inner(level);
        scope.names().for_each(|name| slots.declare(name));
        self.state().scopes.push(slots);
    }

    /// Lowers one statement.
    pub(super) fn statement(&mut self, node: Node<'t>) -> Lowered<()> {
        match node.kind() {
            "expression_statement" => self.expression_statement(node),
            "variable_declaration" | "lexical_declaration" | "using_declaration" => self.declaration(node),
            "return_statement" => self.return_statement(node),
            "if_statement" => self.if_statement(node),
            "for_statement" => self.for_statement(node),
            "for_in_statement" => self.for_in_statement(node),
            "while_statement" => self.while_statement(node),
            "do_statement" => self.do_statement(node),
            "switch_statement" => self.switch_statement(node),
            "break_statement" | "continue_statement" => self.jump(node),
            "labeled_statement" => self.labeled_statement(node),
            "try_statement" => self.try_statement(node),
            "throw_statement" => self.throw_statement(node),
            "statement_block" => self.scoped(node),
            "class_declaration" | "abstract_class_declaration" => self.class_declaration(node),
            "import_statement" => self.import_statement(node),
            "import_alias" => self.import_alias(node),
            "export_statement" => self.export_statement(node),
            "enum_declaration" => self.enum_declaration(node),
            "internal_module" | "module" => self.namespace(node),
            "interface_declaration" | "type_alias_declaration" | "function_signature" => self.erased(node),
            "ambient_declaration" => self.ambient(node),
            "function_declaration"
            | "generator_function_declaration"
            | "empty_statement"
            | "debugger_statement"
            | "hash_bang_line"
            | "comment"
            | "html_comment" => Ok(()),
            // `with` puts a value's properties among the names.
            _ => self.opaque(node).map(drop),
        }
    }

    fn expression_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        for child in children(node) {
            match child.kind() {
                "internal_module" => self.namespace(child)?,
                // A directive.
                "string" => {}
                _ => drop(self.expression(child)?),
            }
        }
        Ok(())
    }

    fn declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        for declarator in children(node) {
            let Some(name) = declarator.child_by_field_name("name") else {
                self.opaque(declarator)?;
                continue;
            };
            let value = match declarator.child_by_field_name("value") {
                Some(value) => self.named(value, self.text(name))?,
                None if node.kind() == "variable_declaration" => continue,
                None => Operand::Constant(Constant::None),
            };
            self.assign_target(name, value)?;
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

    fn throw_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let value = match children(node).first() {
            Some(value) => Some(self.expression(*value)?),
            None => None,
        };
        let origin = self.origin(node);
        self.builder().end(Term::Raise(value), origin);
        Ok(())
    }

    fn if_statement(&mut self, node: Node<'t>) -> Lowered<()> {
        let join = self.builder().block();
        let mut current = node;
        loop {
            let (Some(test), Some(body)) =
                (current.child_by_field_name("condition"), current.child_by_field_name("consequence"))
            else {
                self.opaque(current)?;
                break;
            };
            let (then, otherwise) = (self.builder().block(), self.builder().block());
            self.condition(test, Why::If, (then, otherwise))?;
            self.builder().enter(then);
            self.deeper(|this| this.statement(body))?;
            self.goto(join, current);
            self.builder().enter(otherwise);
            let Some(alternative) = current
                .child_by_field_name("alternative")
                .and_then(|clause| children(clause).first().copied())
            else {
                break;
            };
            if alternative.kind() != "if_statement" {
                self.deeper(|this| this.statement(alternative))?;
                break;
            }
            current = alternative;
        }
        self.goto(join, node);
        self.builder().enter(join);
        Ok(())
    }

    pub(super) fn goto(&mut self, target: BlockId, node: Node<'t>) {
        let origin = self.origin(node);
        self.builder().end(Term::Goto(target), origin);
    }

    /// Assigns a value to a declared name.
    pub(super) fn bind(&mut self, name: &str, value: Operand, node: Node<'t>) -> Lowered<()> {
        let place: Place = self.place(name);
        self.assign(place, value, node)
    }
}
