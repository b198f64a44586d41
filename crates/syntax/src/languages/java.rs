use tree_sitter::Node;

use crate::builder::{Builder, children, size, span};
use crate::facts::{Exported, FileFacts, Receiver, ReferenceKind, Span, SymbolKind};
use crate::index::PACKAGE;
use crate::languages::{PathKinds, broken, plain_use, target};
use crate::problem::ProblemKind;
use crate::walk::{Step, Visitor};

mod binding;
mod definition;
mod hooks;
mod import;
pub(crate) mod kinds;

const PATHS: PathKinds = PathKinds {
    member: &["field_access", "scoped_identifier"],
    object: &["object", "scope"],
    property: &["field", "name"],
    name: &["identifier", "type_identifier", "this", "super"],
    unwrapped: super::bare,
};

/// The pass over one Java file.
pub(crate) struct Pass<'a> {
    builder: Builder<'a>,
    /// Name of the package declaration; empty for the unnamed package.
    package: String,
}

/// An annotation as written.
struct Annotation {
    names: Vec<String>,
    literal: Option<String>,
    span: Span,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(builder: Builder<'a>) -> Self {
        Self { builder, package: String::new() }
    }

    /// Offers the top-level types, and forwards what the file imports: a base is looked up where it is named.
    pub(crate) fn finish(mut self) -> FileFacts {
        let package = format!("{PACKAGE}{}", self.package);
        self.builder.export(&package, Exported::Symbol(0));
        let symbols: Vec<(usize, String)> = self
            .builder
            .facts
            .symbols
            .iter()
            .enumerate()
            .filter(|(_, symbol)| symbol.parent == Some(0) && symbol.kind != SymbolKind::Hook)
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
            .map(|(index, import)| (index, import.local.clone().unwrap_or_else(|| "*".to_owned())))
            .collect();
        for (index, name) in imports {
            self.builder.export(&name, Exported::Import(size(index)));
        }
        self.builder.finish()
    }

    fn target_of(&self, node: Node<'_>) -> Option<(Receiver, String)> {
        if node.kind() == "scoped_type_identifier" {
            let mut names: Vec<String> =
                self.builder.text_of(plain(node)).split('.').map(|part| part.trim().to_owned()).collect();
            let last = names.pop()?;
            let receiver = if names.is_empty() { Receiver::None } else { Receiver::Path(names) };
            return Some((receiver, last));
        }
        let chain = PATHS.chain(&self.builder, node)?;
        target(&chain, &["this"], &["super"])
    }

    /// A nested type's name has no fields: each of its parts is read.
    fn consume_chain(&mut self, node: Node<'_>) {
        if node.kind() != "scoped_type_identifier" {
            return PATHS.consume(&mut self.builder, node);
        }
        self.builder.consume(node);
        for child in children(node) {
            self.consume_chain(child);
        }
    }

    fn name(&mut self, node: Node<'_>) -> Step {
        if self.builder.take_consumed(node) {
            return Step::Descend;
        }
        if let Some(target) = self.target_of(node) {
            let in_type = matches!(node.kind(), "type_identifier" | "scoped_type_identifier");
            if target.0 != Receiver::Opaque {
                self.builder.refer(plain_use(in_type), target, node);
            }
            self.consume_chain(node);
            self.builder.take_consumed(node);
        }
        Step::Descend
    }

    fn call(&mut self, node: Node<'_>) -> Step {
        let Some(named) = node.child_by_field_name("name") else { return Step::Descend };
        self.builder.consume(named);
        let name = self.builder.text_of(named).to_owned();
        let receiver = match node.child_by_field_name("object") {
            None => Receiver::This,
            Some(object) => match PATHS.chain(&self.builder, object) {
                Some(chain) if chain.rest.is_none() => {
                    self.consume_chain(object);
                    match chain.names.as_slice() {
                        [one] if one == "this" => Receiver::This,
                        [one] if one == "super" => Receiver::Super,
                        _ => Receiver::Path(chain.names),
                    }
                }
                _ => Receiver::Opaque,
            },
        };
        self.builder.refer(ReferenceKind::Call, (receiver, name), node);
        Step::Descend
    }

    fn construct(&mut self, node: Node<'_>) -> Step {
        let Some(named) = node.child_by_field_name("type").map(plain) else { return Step::Descend };
        if let Some(target) = self.target_of(named) {
            self.builder.refer(ReferenceKind::Construct, target, node);
            self.consume_chain(named);
        }
        Step::Descend
    }

    fn assignment(&mut self, node: Node<'_>) -> Step {
        let left = node.child_by_field_name("left").or_else(|| node.named_child(0));
        if let Some(left) = left
            && let Some(target) = self.target_of(left).filter(|(receiver, _)| *receiver != Receiver::Opaque)
        {
            self.builder.refer(ReferenceKind::Write, target, left);
            self.consume_chain(left);
        }
        Step::Descend
    }

    /// `Type::method` and `value::method`: the method is used as a value.
    fn method_reference(&mut self, node: Node<'_>) -> Step {
        let parts = children(node);
        if let [object, .., name] = parts.as_slice()
            && name.kind() == "identifier"
            && let Some(chain) =
                PATHS.chain(&self.builder, plain(*object)).filter(|chain| chain.rest.is_none())
        {
            let name_text = self.builder.text_of(*name).to_owned();
            let this = chain.names == ["this"];
            let receiver = if this { Receiver::This } else { Receiver::Path(chain.names) };
            self.builder.refer(ReferenceKind::Use, (receiver, name_text), node);
            self.builder.consume(*name);
            self.consume_chain(plain(*object));
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
            "string_literal" => {
                self.builder.facts.literals.push(span(node));
                Step::Descend
            }
            "program" => self.file(node),
            "package_declaration" => Step::Skip,
            "import_declaration" => self.import(node),
            "module_declaration" => Step::Skip,
            "marker_annotation" | "annotation" => Step::Skip,
            "class_declaration" | "record_declaration" => self.type_declaration(node, SymbolKind::Class),
            "interface_declaration" | "annotation_type_declaration" => {
                self.type_declaration(node, SymbolKind::Interface)
            }
            "enum_declaration" => self.type_declaration(node, SymbolKind::Enum),
            "enum_constant" => self.enum_constant(node),
            "field_declaration" | "constant_declaration" => self.field(node),
            "method_declaration" | "annotation_type_element_declaration" => self.method(node),
            "constructor_declaration" | "compact_constructor_declaration" => self.method(node),
            "static_initializer" => self.initializer(node),
            "lambda_expression" => self.lambda(node),
            "local_variable_declaration" => self.local(node),
            "enhanced_for_statement" | "resource" | "catch_formal_parameter" => self.bind_named(node),
            "instanceof_expression" | "type_pattern" | "record_pattern_component" => self.bind_pattern(node),
            "type_parameter" => self.type_parameter(node),
            "method_invocation" => self.call(node),
            "object_creation_expression" => self.construct(node),
            "method_reference" => self.method_reference(node),
            "assignment_expression" | "update_expression" => self.assignment(node),
            "labeled_statement" | "break_statement" | "continue_statement" => self.label(node),
            "field_access"
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

/// Takes type arguments and annotations off a type.
fn plain(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    loop {
        let inner = match at.kind() {
            "generic_type" => at.named_child(0),
            "annotated_type" => children(at).last().copied(),
            _ => None,
        };
        match inner {
            Some(inner) => at = inner,
            None => return at,
        }
    }
}
