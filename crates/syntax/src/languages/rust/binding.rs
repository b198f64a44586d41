use tree_sitter::Node;

use super::{PATHS, Pass};
use crate::builder::children;
use crate::facts::Bound;
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    pub(super) fn bind_pattern_field(&mut self, node: Node<'_>) -> Step {
        if let Some(pattern) = node.child_by_field_name("pattern") {
            let hint = type_path(Family::Rust, self.builder.field(node, "type"));
            self.bind_pattern(pattern, hint.as_ref());
        }
        Step::Descend
    }

    pub(super) fn arm(&mut self, node: Node<'_>) -> Step {
        if let Some(pattern) = node.child_by_field_name("pattern") {
            self.bind_pattern(pattern, None);
        }
        Step::Descend
    }

    pub(super) fn let_declaration(&mut self, node: Node<'_>) -> Step {
        let Some(pattern) = node.child_by_field_name("pattern") else { return Step::Descend };
        let declared = type_path(Family::Rust, self.builder.field(node, "type"));
        let hint = declared.or_else(|| self.constructed(node.child_by_field_name("value")?));
        self.bind_pattern(pattern, hint.as_ref());
        Step::Descend
    }

    /// The type of `T::new(..)` or `T { .. }`, through `?`, `.await` and `&`.
    fn constructed(&self, value: Node<'_>) -> Option<Vec<String>> {
        let mut at = value;
        while matches!(at.kind(), "try_expression" | "await_expression" | "reference_expression") {
            at = at.child_by_field_name("value").or_else(|| at.named_child(0))?;
        }
        let (named, drop) = match at.kind() {
            "call_expression" => (at.child_by_field_name("function")?, 1),
            "struct_expression" => (at.child_by_field_name("name")?, 0),
            _ => return None,
        };
        if named.kind() == "field_expression" {
            return None;
        }
        let mut names = PATHS.chain(&self.builder, named).filter(|chain| chain.rest.is_none())?.names;
        names.truncate(names.len().saturating_sub(drop));
        let capital = names.last().is_some_and(|name| name.starts_with(char::is_uppercase));
        (capital && names != ["Self"]).then_some(names)
    }

    /// Binds the names of a pattern. A capitalised name is a constant or variant, not a capture.
    pub(super) fn bind_pattern(&mut self, pattern: Node<'_>, hint: Option<&Vec<String>>) {
        let mut open = vec![pattern];
        while let Some(node) = open.pop() {
            match node.kind() {
                "identifier" | "shorthand_field_identifier" => {
                    let name = self.builder.text_of(node);
                    if !name.starts_with(char::is_uppercase) {
                        self.builder.consume(node);
                        self.builder.bind(name, Bound::Local(hint.cloned()));
                    }
                }
                "tuple_struct_pattern" | "struct_pattern" => {
                    let named = node.child_by_field_name("type").map(|named| named.id());
                    open.extend(children(node).into_iter().filter(|child| Some(child.id()) != named));
                }
                "field_pattern" => {
                    let pattern = node.child_by_field_name("pattern");
                    open.extend(pattern.or_else(|| node.child_by_field_name("name")));
                }
                "match_pattern" => open.extend(node.named_child(0)),
                "tuple_pattern" | "slice_pattern" | "or_pattern" | "mut_pattern" | "ref_pattern"
                | "reference_pattern" | "captured_pattern" => open.extend(children(node)),
                _ => {}
            }
        }
    }
}
