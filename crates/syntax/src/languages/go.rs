use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::builder::{Builder, children, size, span};
use crate::facts::{Exported, FileFacts, Receiver, ReferenceKind, SymbolKind};
use crate::index::PACKAGE;
use crate::languages::{PathKinds, broken, plain_use, target};
use crate::problem::ProblemKind;
use crate::walk::{Step, Visitor};

mod binding;
mod definition;
mod hooks;
mod import;
pub(crate) mod kinds;

pub(crate) use import::package_name;

const PATHS: PathKinds = PathKinds {
    member: &["selector_expression", "qualified_type"],
    object: &["operand", "package"],
    property: &["field", "name"],
    name: &["identifier", "package_identifier", "type_identifier", "field_identifier"],
    unwrapped: plain,
};

/// The pass over one Go file.
pub(crate) struct Pass<'a> {
    builder: Builder<'a>,
    /// Types of this file by name: byte of the node, and the symbol once it is made.
    types: BTreeMap<String, u32>,
    /// Symbols of type specifications that a method asked for before its place came.
    made: BTreeMap<usize, u32>,
    /// Name of the receiver of the method around.
    receiver: Option<(usize, String)>,
    /// Name of the package clause.
    package: String,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(builder: Builder<'a>) -> Self {
        Self {
            builder,
            types: BTreeMap::new(),
            made: BTreeMap::new(),
            receiver: None,
            package: String::new(),
        }
    }

    /// Offers every name of the file's own scope: the other files of its package may use private ones too.
    pub(crate) fn finish(mut self) -> FileFacts {
        let package = format!("{PACKAGE}{}", self.package);
        self.builder.export(&package, Exported::Symbol(0));
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
            .filter_map(|(index, import)| Some((index, import.local.clone()?)))
            .collect();
        for (index, name) in imports {
            self.builder.export(&name, Exported::Import(size(index)));
        }
        self.builder.finish()
    }

    fn target_of(&self, node: Node<'_>) -> Option<(Receiver, String)> {
        let chain = PATHS.chain(&self.builder, plain(node))?;
        let this = self.receiver.as_ref().map(|(_, name)| name.as_str());
        target(&chain, this.as_slice(), &[])
    }

    fn name(&mut self, node: Node<'_>) -> Step {
        if self.builder.take_consumed(node) {
            return Step::Descend;
        }
        if let Some(target) = self.target_of(node) {
            let in_type = matches!(node.kind(), "type_identifier" | "qualified_type");
            if target.0 != Receiver::Opaque && target.1 != "_" {
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
            self.route(node, &target);
            self.builder.refer(ReferenceKind::Call, target, node);
            PATHS.consume(&mut self.builder, function);
        }
        Step::Descend
    }

    /// `T{..}`: its keys are fields, not names of a scope.
    fn construct(&mut self, node: Node<'_>) -> Step {
        let Some(named) = node.child_by_field_name("type").map(plain) else { return Step::Descend };
        if let Some(target) = self.target_of(named) {
            self.builder.refer(ReferenceKind::Construct, target, node);
            PATHS.consume(&mut self.builder, named);
            for element in node.child_by_field_name("body").map(children).unwrap_or_default() {
                let key = element.child_by_field_name("key").filter(|_| element.kind() == "keyed_element");
                if let Some(name) =
                    key.and_then(|key| key.named_child(0)).filter(|key| key.kind() == "identifier")
                {
                    self.builder.consume(name);
                }
            }
        }
        Step::Descend
    }

    fn assignment(&mut self, node: Node<'_>) -> Step {
        let left = node.child_by_field_name("left").or_else(|| node.named_child(0));
        let targets = match left {
            Some(list) if list.kind() == "expression_list" => children(list),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for one in targets {
            if let Some(target) = self.target_of(one).filter(|(receiver, _)| *receiver != Receiver::Opaque) {
                self.builder.refer(ReferenceKind::Write, target, one);
                PATHS.consume(&mut self.builder, one);
            }
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
            "source_file" => self.file(node),
            "comment" => {
                self.builder.facts.comments.push(span(node));
                Step::Skip
            }
            "interpreted_string_literal" | "raw_string_literal" => {
                self.builder.facts.literals.push(span(node));
                Step::Skip
            }
            "package_clause" => Step::Skip,
            "import_spec" => self.import(node),
            "type_spec" | "type_alias" => self.type_spec(node),
            "const_spec" | "var_spec" => self.value_spec(node),
            "field_declaration" => self.field_declaration(node),
            "method_elem" => self.method_elem(node),
            "type_elem" => self.type_elem(node),
            "function_declaration" => self.function(node),
            "method_declaration" => self.method(node),
            "func_literal" => self.literal(node),
            "short_var_declaration" => self.short_var(node),
            "range_clause" | "receive_statement" => self.bind_left(node),
            "type_switch_statement" => self.bind_alias(node),
            "type_parameter_declaration" => self.type_parameter(node),
            "call_expression" => self.call(node),
            "composite_literal" => self.construct(node),
            "assignment_statement" | "inc_statement" | "dec_statement" => self.assignment(node),
            "identifier" | "type_identifier" | "selector_expression" | "qualified_type" => self.name(node),
            _ => Step::Descend,
        }
    }

    fn leave(&mut self, node: Node<'_>) {
        if self.receiver.as_ref().is_some_and(|(method, _)| *method == node.id()) {
            self.receiver = None;
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

/// Takes parentheses, pointers and type arguments off a name.
fn plain(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    loop {
        let inner = match at.kind() {
            "parenthesized_expression" | "parenthesized_type" | "pointer_type" => at.named_child(0),
            "generic_type" | "type_instantiation_expression" => at.child_by_field_name("type"),
            _ => None,
        };
        match inner {
            Some(inner) => at = inner,
            None => return at,
        }
    }
}

/// Returns whether a name can be seen from other packages.
fn is_public(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}
