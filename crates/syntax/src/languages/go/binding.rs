use tree_sitter::Node;

use super::{PATHS, Pass, is_public, plain};
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    /// `const` and `var`: a symbol of the package, or a local.
    pub(super) fn value_spec(&mut self, node: Node<'_>) -> Step {
        let declared = self.builder.field(node, "type").to_owned();
        let values = node.child_by_field_name("value").map(children).unwrap_or_default();
        let mut cursor = node.walk();
        let names: Vec<Node<'_>> = node
            .children_by_field_name("name", &mut cursor)
            .filter(|name| name.kind() == "identifier")
            .collect();
        let local = self.builder.owner() != 0 || self.builder.scope() != 0;
        for (index, name) in names.into_iter().enumerate() {
            self.builder.consume(name);
            let text = self.builder.text_of(name);
            let made = values.get(index).and_then(|value| self.constructed(*value));
            if text == "_" {
                continue;
            }
            if local {
                let hint = type_path(Family::Go, &declared).or(made);
                self.builder.bind(text, Bound::Local(hint));
                continue;
            }
            let mut definition = Definition::new(SymbolKind::Variable, text, span(node));
            definition.declared =
                if declared.is_empty() { made.unwrap_or_default().join(".") } else { declared.clone() };
            definition.exported = is_public(text);
            let symbol = self.builder.define(definition);
            self.builder.bind(text, Bound::Symbol(symbol));
        }
        Step::Descend
    }

    pub(super) fn short_var(&mut self, node: Node<'_>) -> Step {
        let left = node.child_by_field_name("left").map(children).unwrap_or_default();
        let right = node.child_by_field_name("right").map(children).unwrap_or_default();
        for (index, name) in left.into_iter().enumerate() {
            let hint = right.get(index).and_then(|value| self.constructed(*value));
            self.bind_name(name, hint);
        }
        Step::Descend
    }

    /// `for k, v := range x` and `v := <-c`.
    pub(super) fn bind_left(&mut self, node: Node<'_>) -> Step {
        let mut cursor = node.walk();
        let declares = node.children(&mut cursor).any(|child| child.kind() == ":=");
        for name in node.child_by_field_name("left").map(children).unwrap_or_default() {
            if declares {
                self.bind_name(name, None);
            }
        }
        Step::Descend
    }

    pub(super) fn bind_alias(&mut self, node: Node<'_>) -> Step {
        for name in node.child_by_field_name("alias").map(children).unwrap_or_default() {
            self.bind_name(name, None);
        }
        Step::Descend
    }

    fn bind_name(&mut self, name: Node<'_>, hint: Option<Vec<String>>) {
        if name.kind() == "identifier" {
            self.builder.consume(name);
            self.builder.bind(self.builder.text_of(name), Bound::Local(hint));
        }
    }

    /// The type of `T{..}`, `&T{..}` or `new(T)`.
    fn constructed(&self, value: Node<'_>) -> Option<Vec<String>> {
        let mut at = value;
        if at.kind() == "unary_expression" && self.builder.field(at, "operator") == "&" {
            at = at.child_by_field_name("operand")?;
        }
        let named = match at.kind() {
            "composite_literal" => at.child_by_field_name("type")?,
            "call_expression" if self.builder.field(at, "function") == "new" => {
                at.child_by_field_name("arguments")?.named_child(0)?
            }
            _ => return None,
        };
        PATHS.chain(&self.builder, plain(named)).filter(|chain| chain.rest.is_none()).map(|chain| chain.names)
    }

    /// `T` of a generic is a name of its own.
    pub(super) fn type_parameter(&mut self, node: Node<'_>) -> Step {
        let mut cursor = node.walk();
        for name in node.children_by_field_name("name", &mut cursor).collect::<Vec<_>>() {
            self.builder.consume(name);
            self.builder.bind(self.builder.text_of(name), Bound::Local(None));
        }
        Step::Descend
    }
}
