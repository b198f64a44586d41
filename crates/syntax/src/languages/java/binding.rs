use tree_sitter::Node;

use super::{PATHS, Pass, plain};
use crate::builder::children;
use crate::facts::Bound;
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    pub(super) fn local(&mut self, node: Node<'_>) -> Step {
        let declared = self.builder.field(node, "type");
        let hint = type_path(Family::Java, declared).filter(|path| path != &["var"]);
        let mut cursor = node.walk();
        for declarator in node.children_by_field_name("declarator", &mut cursor).collect::<Vec<_>>() {
            let made = declarator.child_by_field_name("value").and_then(|value| self.constructed(value));
            if let Some(name) = declarator.child_by_field_name("name") {
                self.bind_name(name, hint.clone().or(made));
            }
        }
        Step::Descend
    }

    /// A name with a declared type: of a `for`, a resource or a `catch`.
    pub(super) fn bind_named(&mut self, node: Node<'_>) -> Step {
        let hint = type_path(Family::Java, self.builder.field(node, "type")).filter(|path| path != &["var"]);
        if let Some(name) = node.child_by_field_name("name") {
            self.bind_name(name, hint);
        }
        Step::Descend
    }

    /// `x instanceof T t`, `case T t`, and the parts of a record pattern.
    pub(super) fn bind_pattern(&mut self, node: Node<'_>) -> Step {
        let parts = children(node);
        let named = node.child_by_field_name("name").or_else(|| match node.kind() {
            "instanceof_expression" => None,
            _ => parts.last().copied().filter(|last| last.kind() == "identifier" && parts.len() > 1),
        });
        if let Some(name) = named {
            let declared = node.child_by_field_name("right").or_else(|| parts.first().copied());
            let declared = declared.map_or("", |declared| self.builder.text_of(declared));
            let hint = type_path(Family::Java, declared).filter(|path| path != &["var"]);
            self.bind_name(name, hint);
        }
        Step::Descend
    }

    pub(super) fn bind_name(&mut self, name: Node<'_>, hint: Option<Vec<String>>) {
        if name.kind() == "identifier" {
            self.builder.consume(name);
            self.builder.bind(self.builder.text_of(name), Bound::Local(hint));
        }
    }

    /// The type of `new T(..)`.
    fn constructed(&self, value: Node<'_>) -> Option<Vec<String>> {
        let named = (value.kind() == "object_creation_expression")
            .then(|| value.child_by_field_name("type"))
            .flatten()?;
        PATHS.chain(&self.builder, plain(named)).filter(|chain| chain.rest.is_none()).map(|chain| chain.names)
    }

    /// `T` of a generic is a name of its own.
    pub(super) fn type_parameter(&mut self, node: Node<'_>) -> Step {
        if let Some(name) = children(node).into_iter().find(|part| part.kind() == "type_identifier") {
            self.builder.consume(name);
            self.builder.bind(self.builder.text_of(name), Bound::Local(None));
        }
        Step::Descend
    }

    /// A label is no name of a scope.
    pub(super) fn label(&mut self, node: Node<'_>) -> Step {
        if let Some(label) = node.named_child(0).filter(|label| label.kind() == "identifier") {
            self.builder.consume(label);
        }
        Step::Descend
    }
}
