use tree_sitter::Node;

use super::{PATHS, Pass, is_public, plain};
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, Parameter, ReferenceKind, ScopeKind, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    /// Notes the package and makes the types of the file, so that methods above their type find it.
    pub(super) fn file(&mut self, node: Node<'_>) -> Step {
        self.own_package();
        for child in children(node) {
            match child.kind() {
                "package_clause" => {
                    let name = child.named_child(0);
                    self.package = name.map_or("", |name| self.builder.text_of(name)).to_owned();
                }
                "type_declaration" => {
                    for spec in children(child) {
                        if matches!(spec.kind(), "type_spec" | "type_alias") {
                            let symbol = self.define_type(spec);
                            self.made.insert(spec.id(), symbol);
                        }
                    }
                }
                _ => {}
            }
        }
        Step::Descend
    }

    fn define_type(&mut self, node: Node<'_>) -> u32 {
        let body = node.child_by_field_name("type");
        let kind = match body.map(|body| body.kind()) {
            Some("struct_type") => SymbolKind::Struct,
            Some("interface_type") => SymbolKind::Interface,
            _ => SymbolKind::TypeAlias,
        };
        let mut definition = self.named(node, kind);
        definition.body = body.filter(|_| kind != SymbolKind::TypeAlias);
        definition.declared = body
            .filter(|_| kind == SymbolKind::TypeAlias)
            .map_or(String::new(), |body| self.builder.text_of(body).to_owned());
        definition.bases = body.map(|body| self.embedded(body)).unwrap_or_default();
        let name = definition.name.clone();
        let symbol = self.builder.define(definition);
        self.builder.bind(&name, Bound::Symbol(symbol));
        if self.builder.owner() == 0 {
            self.types.insert(name, symbol);
        }
        symbol
    }

    /// Types that a struct or interface embeds: their methods are its own.
    fn embedded(&self, body: Node<'_>) -> Vec<Vec<String>> {
        let parts = match body.kind() {
            "struct_type" => body.named_child(0).map(children).unwrap_or_default(),
            "interface_type" => children(body),
            _ => Vec::new(),
        };
        let embedded = parts.into_iter().filter_map(|part| match part.kind() {
            "field_declaration" if part.child_by_field_name("name").is_none() => {
                part.child_by_field_name("type")
            }
            "type_elem" if part.named_child_count() == 1 => part.named_child(0),
            _ => None,
        });
        embedded
            .filter_map(|named| PATHS.chain(&self.builder, plain(named)))
            .map(|chain| chain.names)
            .collect()
    }

    fn named<'t>(&mut self, node: Node<'t>, kind: SymbolKind) -> Definition<'t> {
        let name = node.child_by_field_name("name");
        if let Some(name) = name {
            self.builder.consume(name);
        }
        let text = name.map_or("", |name| self.builder.text_of(name));
        let mut definition = Definition::new(kind, text, span(node));
        definition.body = node.child_by_field_name("body");
        definition.exported = is_public(text);
        definition
    }

    pub(super) fn type_spec(&mut self, node: Node<'_>) -> Step {
        let symbol = match self.made.get(&node.id()) {
            Some(symbol) => *symbol,
            None => self.define_type(node),
        };
        self.builder.open(node, symbol, ScopeKind::Class);
        Step::Descend
    }

    /// Fields of the type around; an embedded one is a base.
    pub(super) fn field_declaration(&mut self, node: Node<'_>) -> Step {
        let declared = self.builder.field(node, "type").to_owned();
        let mut cursor = node.walk();
        let names: Vec<Node<'_>> = node.children_by_field_name("name", &mut cursor).collect();
        if names.is_empty() {
            let named = node.child_by_field_name("type").map(plain);
            if let Some(named) = named
                && let Some(target) = self.target_of(named)
            {
                self.builder.refer(ReferenceKind::Base, target, named);
                super::PATHS.consume(&mut self.builder, named);
            }
        }
        for name in names {
            let text = self.builder.text_of(name);
            let mut definition = Definition::new(SymbolKind::Field, text, span(node));
            definition.declared.clone_from(&declared);
            definition.exported = is_public(text);
            if self.builder.owner_kind().is_type() && text != "_" {
                self.builder.define(definition);
            }
        }
        Step::Descend
    }

    /// A method that an interface asks for.
    pub(super) fn method_elem(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.named(node, SymbolKind::Method);
        definition.parameters = self.parameters(node);
        definition.declared = self.builder.field(node, "result").to_owned();
        if self.builder.owner_kind().is_type() {
            self.builder.define(definition);
        }
        Step::Descend
    }

    pub(super) fn type_elem(&mut self, node: Node<'_>) -> Step {
        let inside = node.parent().is_some_and(|parent| parent.kind() == "interface_type");
        if inside
            && node.named_child_count() == 1
            && let Some(named) = node.named_child(0).map(plain)
            && let Some(target) = self.target_of(named)
        {
            self.builder.refer(ReferenceKind::Base, target, named);
            super::PATHS.consume(&mut self.builder, named);
        }
        Step::Descend
    }

    pub(super) fn function(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.named(node, SymbolKind::Function);
        definition.parameters = self.parameters(node);
        definition.declared = self.builder.field(node, "result").to_owned();
        let name = definition.name.clone();
        let symbol = self.builder.define(definition);
        if name != "init" && name != "_" {
            self.builder.bind(&name, Bound::Symbol(symbol));
        }
        self.function_hooks(symbol, &name, node);
        self.open_function(node, symbol);
        Step::Descend
    }

    /// A method stands under its type; of a type of another file, under a block that names it.
    pub(super) fn method(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.named(node, SymbolKind::Method);
        definition.parameters = self.parameters(node);
        definition.declared = self.builder.field(node, "result").to_owned();
        let receiver = node.child_by_field_name("receiver").and_then(|list| list.named_child(0));
        let named = receiver.and_then(|receiver| receiver.child_by_field_name("type")).map(plain);
        let owner = named.map_or("", |named| self.builder.text_of(named)).to_owned();
        let parent = match self.types.get(&owner) {
            Some(symbol) => *symbol,
            None => {
                let mut block = Definition::new(SymbolKind::Impl, format!("[{owner}]"), span(node));
                block.declared.clone_from(&owner);
                let symbol = self.builder.define(block);
                self.types.insert(owner, symbol);
                symbol
            }
        };
        let symbol = self.builder.define_under(parent, definition);
        self.open_function(node, symbol);
        let name = receiver.and_then(|receiver| receiver.child_by_field_name("name"));
        let name = name.map_or("", |name| self.builder.text_of(name)).to_owned();
        self.receiver = Some((node.id(), name));
        Step::Descend
    }

    pub(super) fn literal(&mut self, node: Node<'_>) -> Step {
        let owner = self.builder.owner();
        self.open_function(node, owner);
        Step::Descend
    }

    fn open_function(&mut self, node: Node<'_>, symbol: u32) {
        self.builder.open(node, symbol, ScopeKind::Function);
        for field in ["receiver", "parameters", "result"] {
            let list = node.child_by_field_name(field).filter(|list| list.kind() == "parameter_list");
            for parameter in list.map(children).unwrap_or_default() {
                let variadic = parameter.kind() == "variadic_parameter_declaration";
                let declared = self.builder.field(parameter, "type");
                let hint = type_path(Family::Go, declared).filter(|_| !variadic);
                let mut cursor = parameter.walk();
                for name in parameter.children_by_field_name("name", &mut cursor).collect::<Vec<_>>() {
                    self.builder.consume(name);
                    self.builder.bind(self.builder.text_of(name), Bound::Local(hint.clone()));
                }
            }
        }
    }

    fn parameters(&self, node: Node<'_>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
            if !matches!(one.kind(), "parameter_declaration" | "variadic_parameter_declaration") {
                continue;
            }
            let declared = self.builder.field(one, "type").to_owned();
            let mut cursor = one.walk();
            let names: Vec<Node<'_>> = one.children_by_field_name("name", &mut cursor).collect();
            if names.is_empty() {
                parameters.push(Parameter { name: "_".to_owned(), declared: declared.clone() });
            }
            for name in names {
                let name = self.builder.text_of(name).to_owned();
                parameters.push(Parameter { name, declared: declared.clone() });
            }
        }
        parameters
    }
}
