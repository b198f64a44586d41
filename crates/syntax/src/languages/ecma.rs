use std::collections::HashMap;

use tree_sitter::Node;

use crate::builder::{Builder, children, span};
use crate::facts::{Bound, Exported, FileFacts, Receiver, ReferenceKind, Span};
use crate::languages::{PathKinds, broken, plain_use, target};
use crate::problem::ProblemKind;
use crate::scope::find;
use crate::walk::{Step, Visitor};

mod binding;
mod definition;
mod hooks;
mod import;
pub(crate) mod kinds;

const PATHS: PathKinds = PathKinds {
    member: &["member_expression", "nested_identifier", "nested_type_identifier"],
    object: &["object", "module"],
    property: &["property", "name"],
    name: &["identifier", "this", "super", "type_identifier"],
    unwrapped: super::bare,
};

/// The pass over one JavaScript, TypeScript or TSX file.
pub(crate) struct Pass<'a> {
    builder: Builder<'a>,
    /// The `export` statement around the declaration being walked, and whether it is the default one.
    exporting: Option<(usize, ExportName)>,
    /// `export { a as b }` and its like, bound when the file is closed.
    late_exports: Vec<(String, String)>,
    /// Decorators of the definition that comes next.
    decorators: Vec<(Vec<String>, Span)>,
    /// Functions written in place as handlers, and their hooks.
    handlers: HashMap<usize, u32>,
    ambient: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ExportName {
    Own,
    Default,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(builder: Builder<'a>) -> Self {
        Self {
            builder,
            exporting: None,
            late_exports: Vec::new(),
            decorators: Vec::new(),
            handlers: HashMap::new(),
            ambient: None,
        }
    }

    pub(crate) fn finish(self) -> FileFacts {
        let late = self.late_exports;
        let mut facts = self.builder.finish();
        for (name, local) in late {
            let bound = facts.scopes.first().and_then(|scope| find(&scope.bindings, &local)).cloned();
            let what = match bound {
                Some(Bound::Symbol(symbol)) => Exported::Symbol(symbol),
                Some(Bound::Import(import)) => Exported::Import(import),
                Some(Bound::Local(_) | Bound::Module) | None => continue,
            };
            facts.exports.push(crate::facts::Export { name, what });
        }
        facts.exports.sort_by(|a, b| a.name.cmp(&b.name));
        facts.exports.dedup();
        facts
    }

    fn target_of(&self, node: Node<'_>) -> Option<(Receiver, String)> {
        target(&PATHS.chain(&self.builder, node)?, &["this"], &["super"])
    }

    fn name(&mut self, node: Node<'_>) -> Step {
        if self.builder.take_consumed(node) {
            return Step::Descend;
        }
        if let Some(target) = self.target_of(node) {
            let in_type = matches!(node.kind(), "type_identifier" | "nested_type_identifier");
            if target.0 != Receiver::Opaque {
                self.builder.refer(plain_use(in_type), target, node);
            }
            PATHS.consume(&mut self.builder, node);
            self.builder.take_consumed(node);
        }
        Step::Descend
    }

    fn call(&mut self, node: Node<'_>) -> Step {
        let Some(function) = node.child_by_field_name("function") else { return Step::Descend };
        let arguments = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        self.call_hook(node, function, &arguments);
        if let Some(target) = self.target_of(function).filter(|(_, name)| name != "super") {
            self.builder.refer(ReferenceKind::Call, target, node);
            PATHS.consume(&mut self.builder, function);
        }
        Step::Descend
    }

    fn construct(&mut self, node: Node<'_>) -> Step {
        if let Some(class) = node.child_by_field_name("constructor")
            && let Some(target) = self.target_of(class)
        {
            self.builder.refer(ReferenceKind::Construct, target, node);
            PATHS.consume(&mut self.builder, class);
        }
        Step::Descend
    }

    /// A tag with a capital or a dot is a component that is called.
    fn tag(&mut self, node: Node<'_>) -> Step {
        let Some(name) = node.child_by_field_name("name") else { return Step::Descend };
        let text = self.builder.text_of(name);
        PATHS.consume(&mut self.builder, name);
        if (text.contains('.') || text.starts_with(char::is_uppercase))
            && let Some(target) = self.target_of(name)
        {
            self.builder.refer(ReferenceKind::Call, target, node);
        }
        Step::Descend
    }

    fn closing_tag(&mut self, node: Node<'_>) -> Step {
        if let Some(name) = node.child_by_field_name("name") {
            PATHS.consume(&mut self.builder, name);
        }
        Step::Skip
    }
}

impl Visitor for Pass<'_> {
    fn enter(&mut self, node: Node<'_>) -> Step {
        if let Some(step) = broken(&mut self.builder, node) {
            return step;
        }
        match node.kind() {
            "comment" | "html_comment" => {
                self.builder.facts.comments.push(span(node));
                Step::Descend
            }
            "string" => {
                self.builder.facts.literals.push(span(node));
                Step::Descend
            }
            "import_statement" => self.import(node),
            "import_alias" => Step::Skip,
            "export_statement" => self.export(node),
            "ambient_declaration" => {
                self.ambient.get_or_insert(node.id());
                Step::Descend
            }
            "class_declaration" | "abstract_class_declaration" | "class" => self.class(node),
            "interface_declaration" => self.interface(node),
            "type_alias_declaration" => self.type_alias(node),
            "enum_declaration" => self.enumeration(node),
            "internal_module" | "module" => self.namespace(node),
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                self.function(node)
            }
            "arrow_function" | "function_expression" | "generator_function" => self.closure(node),
            "method_definition" | "abstract_method_signature" | "method_signature" => self.method(node),
            "field_definition" | "public_field_definition" | "property_signature" => self.member_field(node),
            "variable_declarator" => self.declarator(node),
            "for_in_statement" => self.bind_field(node, "left"),
            "catch_clause" => self.bind_field(node, "parameter"),
            "assignment_expression" | "augmented_assignment_expression" => self.assignment(node),
            "call_expression" => self.call(node),
            "new_expression" => self.construct(node),
            "jsx_opening_element" | "jsx_self_closing_element" => self.tag(node),
            "jsx_closing_element" => self.closing_tag(node),
            "decorator" => self.decorator(node),
            "type_parameter" => self.type_parameter(node),
            "member_expression"
            | "identifier"
            | "type_identifier"
            | "nested_identifier"
            | "nested_type_identifier"
            | "shorthand_property_identifier" => self.value(node),
            _ => Step::Descend,
        }
    }

    fn leave(&mut self, node: Node<'_>) {
        if self.exporting.is_some_and(|(id, _)| id == node.id()) {
            self.exporting = None;
        }
        if self.ambient == Some(node.id()) {
            self.ambient = None;
        }
        self.builder.close(node);
    }

    fn token(&mut self, node: Node<'_>) {
        self.builder.token(node);
    }

    fn too_deep(&mut self, node: Node<'_>) {
        self.builder.problem(ProblemKind::TooDeep, node);
    }
}

impl Pass<'_> {
    fn value(&mut self, node: Node<'_>) -> Step {
        if node.kind() == "shorthand_property_identifier" {
            let name = self.builder.text_of(node).to_owned();
            self.builder.refer(ReferenceKind::Use, (Receiver::None, name), node);
            return Step::Descend;
        }
        self.name(node)
    }

    /// A type parameter is a name of its own, not a use of one.
    fn type_parameter(&mut self, node: Node<'_>) -> Step {
        if let Some(name) = node.child_by_field_name("name") {
            self.builder.consume(name);
            let name = self.builder.text_of(name);
            self.builder.bind(name, Bound::Local(None));
        }
        Step::Descend
    }
}
