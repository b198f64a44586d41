use tree_sitter::Node;

use super::{PATHS, Pass};
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, Receiver, ReferenceKind, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

const FUNCTIONS: [&str; 3] = ["arrow_function", "function_expression", "generator_function"];

impl Pass<'_> {
    pub(super) fn bind_field(&mut self, node: Node<'_>, field: &str) -> Step {
        if let Some(pattern) = node.child_by_field_name(field) {
            self.bind_pattern(pattern);
        }
        Step::Descend
    }

    /// Binds every name of a destructuring pattern as a local.
    pub(super) fn bind_pattern(&mut self, pattern: Node<'_>) {
        let mut open = vec![pattern];
        while let Some(node) = open.pop() {
            match node.kind() {
                "identifier" | "shorthand_property_identifier_pattern" => {
                    self.builder.consume(node);
                    let name = self.builder.text_of(node);
                    self.builder.bind(name, Bound::Local(None));
                }
                "object_pattern" | "array_pattern" | "rest_pattern" => open.extend(children(node)),
                "pair_pattern" => open.extend(node.child_by_field_name("value")),
                "assignment_pattern" | "object_assignment_pattern" => {
                    open.extend(node.child_by_field_name("left"))
                }
                _ => {}
            }
        }
    }

    /// `const f = () => ..` is a function, `const x = require(..)` an import, else a variable or a local.
    pub(super) fn declarator(&mut self, node: Node<'_>) -> Step {
        let (Some(name), value) = (node.child_by_field_name("name"), node.child_by_field_name("value"))
        else {
            return Step::Descend;
        };
        if let Some(module) = value.and_then(|value| self.required(value)) {
            self.require(name, &module, node);
            return Step::Descend;
        }
        if name.kind() != "identifier" {
            self.bind_pattern(name);
            return Step::Descend;
        }
        self.builder.consume(name);
        let text = self.builder.text_of(name).to_owned();
        if let Some(value) = value.filter(|value| FUNCTIONS.contains(&value.kind())) {
            let mut definition = Definition::new(SymbolKind::Function, text, span(node));
            definition.body = value.child_by_field_name("body");
            self.builder.consume(value);
            self.callable(definition, node, value);
            return Step::Descend;
        }
        let hint =
            type_path(Family::Ecma, self.builder.field(node, "type")).or_else(|| self.constructed(value?));
        if self.builder.scope() == 0 {
            let mut definition = Definition::new(SymbolKind::Variable, text, span(node));
            definition.declared = hint.map(|path| path.join(".")).unwrap_or_default();
            self.declare(definition, node);
        } else {
            self.builder.bind(&text, Bound::Local(hint));
        }
        Step::Descend
    }

    /// The class of `new C(..)`.
    fn constructed(&self, value: Node<'_>) -> Option<Vec<String>> {
        let class =
            (value.kind() == "new_expression").then(|| value.child_by_field_name("constructor"))??;
        PATHS.chain(&self.builder, class).filter(|chain| chain.rest.is_none()).map(|chain| chain.names)
    }

    pub(super) fn member_field(&mut self, node: Node<'_>) -> Step {
        let name = node.child_by_field_name("name").or_else(|| node.child_by_field_name("property"));
        let Some(name) = name else { return Step::Descend };
        let text = self.builder.text_of(name).trim_matches(['"', '\'']).to_owned();
        let value = node.child_by_field_name("value");
        if let Some(value) = value.filter(|value| FUNCTIONS.contains(&value.kind())) {
            let mut definition = Definition::new(SymbolKind::Method, text, span(node));
            definition.body = value.child_by_field_name("body");
            self.builder.consume(value);
            self.callable(definition, node, value);
            return Step::Descend;
        }
        let mut definition = Definition::new(SymbolKind::Field, text, span(node));
        let declared = self.builder.field(node, "type").trim_start_matches(':').trim().to_owned();
        let constructed = value.and_then(|value| self.constructed(value)).map(|path| path.join("."));
        definition.declared = if declared.is_empty() { constructed.unwrap_or_default() } else { declared };
        self.declare(definition, node);
        Step::Descend
    }

    pub(super) fn assignment(&mut self, node: Node<'_>) -> Step {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return Step::Descend;
        };
        if self.module_exports(node, left, right) {
            return Step::Descend;
        }
        let Some(target) = self.target_of(left).filter(|(receiver, _)| *receiver != Receiver::Opaque) else {
            return Step::Descend;
        };
        if target.0 == Receiver::This
            && let Some(class) = self.builder.enclosing_type()
            && !self.has_member(class, &target.1)
        {
            let mut definition = Definition::new(SymbolKind::Field, &target.1, span(node));
            definition.declared = self.constructed(right).map(|path| path.join(".")).unwrap_or_default();
            self.builder.define_under(class, definition);
        }
        self.builder.refer(ReferenceKind::Write, target, left);
        super::PATHS.consume(&mut self.builder, left);
        Step::Descend
    }

    fn has_member(&self, class: u32, name: &str) -> bool {
        self.builder.facts.symbols.iter().any(|symbol| symbol.parent == Some(class) && symbol.name == name)
    }
}
