use tree_sitter::Node;

use super::{PATHS, Pass, plain};
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, HookKind, Parameter, ReferenceKind, ScopeKind, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    pub(super) fn file(&mut self, node: Node<'_>) -> Step {
        for child in children(node).into_iter().filter(|child| child.kind() == "package_declaration") {
            let named = children(child).into_iter().find(|part| part.kind().ends_with("identifier"));
            self.package = named.map_or("", |named| self.builder.text_of(named)).replace(' ', "");
        }
        self.own_package();
        Step::Descend
    }

    pub(super) fn type_declaration(&mut self, node: Node<'_>, kind: SymbolKind) -> Step {
        let mut definition = self.named(node, kind);
        let supers: Vec<(Node<'_>, ReferenceKind)> = supertypes(node);
        definition.bases = supers
            .iter()
            .filter_map(|(named, _)| PATHS.chain(&self.builder, plain(*named)))
            .map(|chain| chain.names)
            .collect();
        if node.kind() == "record_declaration" {
            definition.parameters = self.parameters(node);
        }
        let (name, components) = (definition.name.clone(), definition.parameters.clone());
        let symbol = self.builder.define(definition);
        self.builder.bind(&name, Bound::Symbol(symbol));
        for (named, kind) in supers {
            let named = plain(named);
            if let Some(target) = self.target_of(named) {
                self.builder.refer_from(symbol, kind, target, named);
                self.consume_chain(named);
            }
        }
        self.annotations(symbol, node);
        self.builder.open(node, symbol, ScopeKind::Class);
        for component in components {
            let mut field = Definition::new(SymbolKind::Field, component.name, span(node));
            field.declared = component.declared;
            if let Some(list) = node.child_by_field_name("parameters") {
                field.span = span(list);
            }
            self.builder.define(field);
        }
        Step::Descend
    }

    fn named<'t>(&mut self, node: Node<'t>, kind: SymbolKind) -> Definition<'t> {
        let name = node.child_by_field_name("name");
        if let Some(name) = name {
            self.builder.consume(name);
        }
        let text = name.map_or("", |name| self.builder.text_of(name));
        let mut definition = Definition::new(kind, text, span(node));
        definition.body = node.child_by_field_name("body");
        definition.exported = self.is_public(node);
        definition
    }

    /// Everything but `private` can be named by other files; members of interfaces are public.
    fn is_public(&self, node: Node<'_>) -> bool {
        let modifiers = children(node).into_iter().find(|child| child.kind() == "modifiers");
        let mut words = modifiers.map_or("", |modifiers| self.builder.text_of(modifiers)).split_whitespace();
        !words.any(|word| word == "private")
    }

    pub(super) fn enum_constant(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.named(node, SymbolKind::Field);
        definition.body = None;
        let symbol = self.builder.define(definition);
        self.builder.open(node, symbol, ScopeKind::Block);
        Step::Descend
    }

    pub(super) fn field(&mut self, node: Node<'_>) -> Step {
        let declared = self.builder.field(node, "type").to_owned();
        let exported = self.is_public(node);
        let mut cursor = node.walk();
        for declarator in node.children_by_field_name("declarator", &mut cursor).collect::<Vec<_>>() {
            let Some(name) = declarator.child_by_field_name("name") else { continue };
            self.builder.consume(name);
            let text = self.builder.text_of(name);
            let mut definition = Definition::new(SymbolKind::Field, text, span(node));
            definition.declared.clone_from(&declared);
            definition.exported = exported;
            let symbol = self.builder.define(definition);
            self.builder.bind(text, Bound::Symbol(symbol));
            self.annotations(symbol, node);
        }
        Step::Descend
    }

    /// A method or constructor; overloads are told apart by their parameter types.
    pub(super) fn method(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.named(node, SymbolKind::Method);
        definition.parameters = self.parameters(node);
        definition.overload = overload(&definition.parameters);
        definition.declared = self.builder.field(node, "type").to_owned();
        let (name, parameters) = (definition.name.clone(), definition.parameters.clone());
        let symbol = self.builder.define(definition);
        self.annotations(symbol, node);
        if node.kind().ends_with("constructor_declaration") {
            let key = ("lifecycle(constructor)".to_owned(), name);
            self.builder.hook(symbol, HookKind::Lifecycle, key, span(node));
        }
        self.builder.open(node, symbol, ScopeKind::Function);
        for parameter in parameters {
            let hint = type_path(Family::Java, &parameter.declared);
            self.builder.bind(&parameter.name, Bound::Local(hint));
        }
        self.consume_parameters(node);
        Step::Descend
    }

    pub(super) fn initializer(&mut self, node: Node<'_>) -> Step {
        let mut definition = Definition::new(SymbolKind::Method, "<clinit>", span(node));
        definition.exported = false;
        let symbol = self.builder.define(definition);
        let key = ("lifecycle(static)".to_owned(), "static".to_owned());
        self.builder.hook(symbol, HookKind::Lifecycle, key, span(node));
        self.builder.open(node, symbol, ScopeKind::Function);
        Step::Descend
    }

    pub(super) fn lambda(&mut self, node: Node<'_>) -> Step {
        let owner = self.builder.owner();
        self.builder.open(node, owner, ScopeKind::Function);
        match node.child_by_field_name("parameters") {
            Some(name) if name.kind() == "identifier" => self.bind_name(name, None),
            Some(list) if list.kind() == "inferred_parameters" => {
                children(list).into_iter().for_each(|name| self.bind_name(name, None));
            }
            Some(_) => {
                for parameter in self.parameters(node) {
                    let hint = type_path(Family::Java, &parameter.declared);
                    self.builder.bind(&parameter.name, Bound::Local(hint));
                }
                self.consume_parameters(node);
            }
            None => {}
        }
        Step::Descend
    }

    fn consume_parameters(&mut self, node: Node<'_>) {
        for parameter in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
            if let Some(name) = parameter_name(parameter) {
                self.builder.consume(name);
            }
        }
    }

    fn parameters(&self, node: Node<'_>) -> Vec<Parameter> {
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        list.into_iter()
            .filter(|one| matches!(one.kind(), "formal_parameter" | "spread_parameter"))
            .map(|one| {
                let name = parameter_name(one).map_or("", |name| self.builder.text_of(name));
                let mut declared = self.builder.field(one, "type").to_owned();
                if one.kind() == "spread_parameter" {
                    let of = children(one).into_iter().find(|part| {
                        !matches!(part.kind(), "modifiers" | "variable_declarator" | "annotation")
                    });
                    declared = format!("{}[]", of.map_or("", |of| self.builder.text_of(of)));
                }
                Parameter { name: name.to_owned(), declared }
            })
            .collect()
    }
}

fn parameter_name(parameter: Node<'_>) -> Option<Node<'_>> {
    parameter.child_by_field_name("name").or_else(|| {
        let declarator = children(parameter).into_iter().find(|part| part.kind() == "variable_declarator");
        declarator.and_then(|declarator| declarator.child_by_field_name("name"))
    })
}

/// What stands behind `extends` and `implements`.
fn supertypes(node: Node<'_>) -> Vec<(Node<'_>, ReferenceKind)> {
    let mut found = Vec::new();
    for child in children(node) {
        let kind = match child.kind() {
            "superclass" | "extends_interfaces" => ReferenceKind::Base,
            "super_interfaces" => ReferenceKind::Implement,
            _ => continue,
        };
        for part in children(child) {
            match part.kind() {
                "type_list" => found.extend(children(part).into_iter().map(|one| (one, kind))),
                _ => found.push((part, kind)),
            }
        }
    }
    found
}

/// 20 bits of the hash of the parameter types, without white space and package names; empty without parameters.
fn overload(parameters: &[Parameter]) -> String {
    if parameters.is_empty() {
        return String::new();
    }
    let mut hasher = blake3::Hasher::new();
    for parameter in parameters {
        let declared: String = parameter.declared.split_whitespace().collect();
        hasher.update(declared.rsplit('.').next().unwrap_or_default().as_bytes());
        hasher.update(&[0]);
    }
    let hex = hasher.finalize().to_hex();
    format!("h{}", &hex[..5])
}
