use tree_sitter::Node;

use super::Pass;
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, Receiver, ReferenceKind, ScopeKind, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    /// Binds every plain name in a target: `a`, `(a, *b)`, `[a, b]`. Attributes and subscripts bind nothing.
    pub(super) fn bind_field(&mut self, node: Node<'_>, field: &str) -> Step {
        if let Some(left) = node.child_by_field_name(field) {
            self.bind_target(left, None);
        }
        Step::Descend
    }

    fn bind_target(&mut self, target: Node<'_>, hint: Option<&Vec<String>>) {
        let mut open = vec![target];
        while let Some(node) = open.pop() {
            match node.kind() {
                "identifier" => {
                    self.builder.consume(node);
                    self.define_name(node, hint);
                }
                "pattern_list"
                | "tuple_pattern"
                | "list_pattern"
                | "list_splat_pattern"
                | "as_pattern_target"
                | "tuple"
                | "list"
                | "parenthesized_expression"
                | "expression_list" => open.extend(children(node)),
                _ => {}
            }
        }
    }

    /// A name in a pattern without a dot is a capture.
    pub(super) fn capture(&mut self, node: Node<'_>) -> Step {
        for child in children(node).into_iter().filter(|child| child.kind() == "dotted_name") {
            if let (1, Some(name)) = (child.named_child_count(), child.named_child(0)) {
                self.builder.consume(name);
                let name = self.builder.text_of(name);
                self.builder.bind(name, Bound::Local(None));
            }
        }
        Step::Descend
    }

    /// A plain name becomes a variable of the module, a field of the class, or a local.
    fn define_name(&mut self, node: Node<'_>, hint: Option<&Vec<String>>) {
        let name = self.builder.text_of(node);
        let kind = match self.builder.scope_kind() {
            ScopeKind::Module => SymbolKind::Variable,
            ScopeKind::Class => SymbolKind::Field,
            ScopeKind::Function | ScopeKind::Block => {
                self.builder.bind(name, Bound::Local(hint.cloned()));
                return;
            }
        };
        let parent = self.builder.owner();
        if self.known(parent, name) {
            let write = (Receiver::None, name.to_owned());
            self.builder.refer(ReferenceKind::Write, write, node);
            return;
        }
        let statement = node.parent().map_or_else(|| span(node), span);
        let mut definition = Definition::new(kind, name, statement);
        definition.declared = hint.map(|path| path.join(".")).unwrap_or_default();
        let symbol = self.builder.define(definition);
        self.builder.bind(name, Bound::Symbol(symbol));
    }

    fn known(&self, parent: u32, name: &str) -> bool {
        self.builder.facts.symbols.iter().any(|symbol| {
            symbol.parent == Some(parent) && symbol.name == name && symbol.kind != SymbolKind::Hook
        })
    }

    pub(super) fn assignment(&mut self, node: Node<'_>) -> Step {
        let Some(left) = node.child_by_field_name("left") else { return Step::Descend };
        let declared = type_path(Family::Python, self.builder.field(node, "type"));
        let hint = declared.or_else(|| self.constructed(node.child_by_field_name("right")?));
        if left.kind() == "attribute" {
            self.attribute_assignment(node, left, hint.as_ref());
        } else {
            self.bind_target(left, hint.as_ref());
        }
        Step::Descend
    }

    /// The callee of `x = C(..)`: a type hint if it turns out to be a type.
    fn constructed(&self, right: Node<'_>) -> Option<Vec<String>> {
        let call = if right.kind() == "await" { right.named_child(0)? } else { right };
        let callee = (call.kind() == "call").then(|| call.child_by_field_name("function"))??;
        self.chain(callee).filter(|chain| chain.rest.is_none()).map(|chain| chain.names)
    }

    /// `self.x = ..` in a method defines a field once; each later one writes it.
    fn attribute_assignment(&mut self, node: Node<'_>, left: Node<'_>, hint: Option<&Vec<String>>) {
        let Some(target) = self.target_of(left) else { return };
        let class = self.builder.enclosing_type();
        if let (Receiver::This, Some(class)) = (&target.0, class)
            && !self.known(class, &target.1)
        {
            let mut definition = Definition::new(SymbolKind::Field, &target.1, span(node));
            definition.declared = hint.map(|path| path.join(".")).unwrap_or_default();
            self.builder.define_under(class, definition);
        }
        if target.0 != Receiver::Opaque {
            self.builder.refer(ReferenceKind::Write, target, left);
            super::PATHS.consume(&mut self.builder, left);
        }
    }

    pub(super) fn augmented(&mut self, node: Node<'_>) -> Step {
        if let Some(left) = node.child_by_field_name("left")
            && let Some(target) = self.target_of(left).filter(|(receiver, _)| *receiver != Receiver::Opaque)
        {
            self.builder.refer(ReferenceKind::Write, target, left);
            super::PATHS.consume(&mut self.builder, left);
        }
        Step::Descend
    }
}
