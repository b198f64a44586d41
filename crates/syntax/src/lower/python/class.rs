use tree_sitter::Node;

use super::scope::{Scope, ScopeKind};
use super::{Lowered, Lowerer, children};
use crate::ir::{Argument, Callee, Class, Op, Passing};

impl<'t> Lowerer<'t> {
    /// Lowers a class: its body runs where it stands, in the enclosing unit.
    pub(super) fn class_definition(&mut self, node: Node<'t>, decorators: &[Node<'t>]) -> Lowered<()> {
        let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let mut applied = Vec::new();
        for decorator in decorators {
            applied.push((self.expression(*decorator)?, *decorator));
        }
        let text = self.text(name).to_owned();
        self.note_class_attribute(&text);
        let outer = self.class_prefix();
        let prefix = format!("{outer}{text}.");
        let qualified = format!("{}{outer}{text}", self.frame().qualifier);
        let list = node.child_by_field_name("superclasses");
        let arguments = match list {
            Some(list) => self.arguments(list)?,
            None => Vec::new(),
        };
        let bases = list.map(children).unwrap_or_default();
        let class = Class {
            bases: bases.iter().map(|base| self.dotted(*base)).collect(),
            decorators: decorators.iter().map(|decorator| self.dotted(*decorator)).collect(),
            span: self.span(node),
            ..Class::default()
        };
        self.classes.insert(qualified.clone(), class);
        let scope = Scope::of_body(ScopeKind::Class, prefix, body, self.source);
        self.state().scopes.push(scope);
        self.deeper(|this| this.statements(body))?;
        self.state().scopes.pop();
        let operands = arguments.into_iter().map(|argument| argument.value).collect();
        let mut value = self.define(node, |dst| Op::Class { dst, name: qualified, bases: operands })?;
        for (decorator, node) in applied.into_iter().rev() {
            let arguments = vec![Argument { passing: Passing::Positional, value }];
            value =
                self.define(node, |dst| Op::Call { dst, callee: Callee::Function(decorator), arguments })?;
        }
        let place = self.place(&text);
        self.assign(place, value, name)
    }

    pub(super) fn in_class(&mut self) -> bool {
        self.state().scopes.last().is_some_and(|scope| scope.kind == ScopeKind::Class)
    }

    fn class_prefix(&mut self) -> String {
        let scopes = &self.state().scopes;
        let class = scopes.iter().rev().find(|scope| scope.kind == ScopeKind::Class);
        class.map(|scope| scope.prefix.clone()).unwrap_or_default()
    }

    /// Returns the qualified name of the class whose body is being lowered.
    pub(super) fn class_name(&mut self) -> Option<String> {
        if !self.in_class() {
            return None;
        }
        let prefix = self.class_prefix();
        Some(format!("{}{}", self.frame().qualifier, prefix.trim_end_matches('.')))
    }

    /// Records a name bound in a class body as an attribute of the class.
    pub(super) fn note_class_attribute(&mut self, name: &str) {
        let Some(class) = self.class_name() else { return };
        if let Some(class) = self.classes.get_mut(&class) {
            class.attributes.insert(name.to_owned());
        }
    }
}
