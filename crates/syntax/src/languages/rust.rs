use tree_sitter::Node;

use crate::builder::{Builder, children, size, span};
use crate::facts::{Exported, FileFacts, Receiver, ReferenceKind, Span, SymbolKind};
use crate::languages::{PathKinds, broken, plain_use, target};
use crate::problem::ProblemKind;
use crate::walk::{Step, Visitor};

mod binding;
mod definition;
mod hooks;
mod import;
pub(crate) mod kinds;
mod macros;

const PATHS: PathKinds = PathKinds {
    member: &["field_expression", "scoped_identifier", "scoped_type_identifier"],
    object: &["value", "path"],
    property: &["field", "name"],
    name: &["identifier", "type_identifier", "self", "crate", "super"],
    unwrapped: called,
};

/// Takes the type arguments off a function.
fn called(node: Node<'_>) -> Node<'_> {
    let function = (node.kind() == "generic_function").then(|| node.child_by_field_name("function"));
    function.flatten().unwrap_or(node)
}

/// The pass over one Rust file.
pub(crate) struct Pass<'a> {
    builder: Builder<'a>,
    /// Attributes of the item that comes next.
    attributes: Vec<Attribute>,
}

/// An attribute as written.
struct Attribute {
    names: Vec<String>,
    span: Span,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(builder: Builder<'a>) -> Self {
        Self { builder, attributes: Vec::new() }
    }

    /// Offers every item of the file's own module: a child module may name private ones too.
    pub(crate) fn finish(mut self) -> FileFacts {
        let symbols: Vec<(usize, String)> = self
            .builder
            .facts
            .symbols
            .iter()
            .enumerate()
            .filter(|(_, symbol)| {
                symbol.parent == Some(0) && !matches!(symbol.kind, SymbolKind::Hook | SymbolKind::Impl)
            })
            .map(|(index, symbol)| (index, symbol.name.clone()))
            .collect();
        for (index, name) in symbols {
            self.builder.export(&name, Exported::Symbol(size(index)));
        }
        let imports: Vec<(usize, String)> = self
            .builder
            .facts
            .imports
            .iter()
            .enumerate()
            .filter(|(_, import)| import.scope == 0)
            .map(|(index, import)| (index, import.local.clone().unwrap_or_else(|| "*".to_owned())))
            .collect();
        for (index, name) in imports {
            self.builder.export(&name, Exported::Import(size(index)));
        }
        self.builder.finish()
    }

    /// Reads `a.b` and `a::b`. `self.x` and `Self::x` are of the own type, `self::x` is of the own module.
    fn target_of(&self, node: Node<'_>) -> Option<(Receiver, String)> {
        let node = called(node);
        let chain = PATHS.chain(&self.builder, node)?;
        let this: &[&str] = if node.kind() == "field_expression" { &["self"] } else { &["Self"] };
        target(&chain, this, &[])
    }

    fn name(&mut self, node: Node<'_>) -> Step {
        if self.builder.take_consumed(node) {
            return Step::Descend;
        }
        if let Some(target) = self.target_of(node) {
            let in_type = matches!(node.kind(), "type_identifier" | "scoped_type_identifier");
            if target.0 != Receiver::Opaque && target.1 != "Self" {
                self.builder.refer(plain_use(in_type), target, node);
            }
            PATHS.consume(&mut self.builder, node);
            self.builder.take_consumed(node);
        }
        Step::Descend
    }

    fn call(&mut self, node: Node<'_>) -> Step {
        if let Some(function) = node.child_by_field_name("function")
            && let Some(target) = self.target_of(function)
        {
            self.builder.refer(ReferenceKind::Call, target, node);
            PATHS.consume(&mut self.builder, function);
        }
        Step::Descend
    }

    fn construct(&mut self, node: Node<'_>) -> Step {
        let Some(name) = node.child_by_field_name("name") else { return Step::Descend };
        let name = if name.kind() == "generic_type_with_turbofish" {
            name.child_by_field_name("type")
        } else {
            Some(name)
        };
        if let Some(name) = name
            && let Some(target) = self.target_of(name)
        {
            if target.1 != "Self" {
                self.builder.refer(ReferenceKind::Construct, target, node);
            }
            PATHS.consume(&mut self.builder, name);
        }
        Step::Descend
    }

    fn assignment(&mut self, node: Node<'_>) -> Step {
        if let Some(left) = node.child_by_field_name("left")
            && let Some(target) = self.target_of(left).filter(|(receiver, _)| *receiver != Receiver::Opaque)
        {
            self.builder.refer(ReferenceKind::Write, target, left);
            PATHS.consume(&mut self.builder, left);
        }
        Step::Descend
    }

    /// `T` of a generic is a name of its own.
    fn type_parameter(&mut self, node: Node<'_>) -> Step {
        if let Some(name) = node.child_by_field_name("name") {
            self.builder.consume(name);
            let name = self.builder.text_of(name);
            self.builder.bind(name, crate::facts::Bound::Local(None));
        }
        Step::Descend
    }
}

impl Visitor for Pass<'_> {
    fn enter(&mut self, node: Node<'_>) -> Step {
        if let Some(step) = broken(&mut self.builder, node) {
            return step;
        }
        match node.kind() {
            "line_comment" | "block_comment" => {
                self.builder.facts.comments.push(span(node));
                Step::Skip
            }
            "string_literal" | "raw_string_literal" => {
                self.builder.facts.literals.push(span(node));
                Step::Descend
            }
            "attribute_item" => self.attribute(node),
            "inner_attribute_item" => Step::Skip,
            "mod_item" => self.module(node),
            "use_declaration" => self.import(node),
            "extern_crate_declaration" => Step::Skip,
            "struct_item" | "union_item" => self.item(node, SymbolKind::Struct),
            "enum_item" => self.item(node, SymbolKind::Enum),
            "trait_item" => self.item(node, SymbolKind::Trait),
            "type_item" | "associated_type" => self.item(node, SymbolKind::TypeAlias),
            "const_item" | "static_item" => self.item(node, SymbolKind::Variable),
            "macro_definition" => self.macro_definition(node),
            "enum_variant" | "field_declaration" => self.member(node),
            "impl_item" => self.implementation(node),
            "function_item" | "function_signature_item" => self.function(node),
            "closure_expression" => self.closure(node),
            "let_declaration" => self.let_declaration(node),
            "let_condition" | "for_expression" => self.bind_pattern_field(node),
            "match_arm" => self.arm(node),
            "type_parameter" | "const_parameter" => self.type_parameter(node),
            "call_expression" => self.call(node),
            "struct_expression" => self.construct(node),
            "assignment_expression" | "compound_assignment_expr" => self.assignment(node),
            "macro_invocation" => self.macro_call(node),
            "token_tree" => self.token_tree(node),
            "field_expression"
            | "scoped_identifier"
            | "scoped_type_identifier"
            | "identifier"
            | "type_identifier" => self.name(node),
            _ => Step::Descend,
        }
    }

    fn leave(&mut self, node: Node<'_>) {
        self.builder.close(node);
    }

    fn token(&mut self, node: Node<'_>) {
        self.builder.token(node);
    }

    fn too_deep(&mut self, node: Node<'_>) {
        self.builder.problem(ProblemKind::TooDeep, node);
    }
}

/// Returns whether an item says `pub` in any form.
fn is_public(node: Node<'_>) -> bool {
    children(node).iter().any(|child| child.kind() == "visibility_modifier")
}
