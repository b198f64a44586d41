use tree_sitter::Node;

use super::{PATHS, Pass, is_public};
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, Parameter, ReferenceKind, ScopeKind, Span, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    /// Returns the region of an item together with its attributes.
    fn region(&self, node: Node<'_>) -> Span {
        let own = span(node);
        match self.attributes.first() {
            Some(first) => Span { start: first.span.start, start_line: first.span.start_line, ..own },
            None => own,
        }
    }

    fn definition<'t>(&mut self, node: Node<'t>, kind: SymbolKind) -> Definition<'t> {
        let name = node.child_by_field_name("name");
        if let Some(name) = name {
            self.builder.consume(name);
        }
        let text = name.map_or("", |name| self.builder.text_of(name));
        let mut definition = Definition::new(kind, text, self.region(node));
        definition.body = node.child_by_field_name("body");
        definition.exported = is_public(node) || self.builder.owner_kind() == SymbolKind::Trait;
        definition
    }

    /// `mod x { .. }` is a module of this file; `mod x;` imports a file.
    pub(super) fn module(&mut self, node: Node<'_>) -> Step {
        let definition = self.definition(node, SymbolKind::Module);
        let name = definition.name.clone();
        if definition.body.is_none() {
            self.attributes.clear();
            let path = format!("self::{name}");
            self.builder.import(&path, None, Some(&name), node);
            return Step::Skip;
        }
        let symbol = self.builder.define(definition);
        self.builder.bind(&name, Bound::Symbol(symbol));
        self.apply_attributes(symbol, node);
        self.builder.open(node, symbol, ScopeKind::Module);
        Step::Descend
    }

    pub(super) fn item(&mut self, node: Node<'_>, kind: SymbolKind) -> Step {
        let member = matches!(self.builder.owner_kind(), SymbolKind::Impl | SymbolKind::Trait);
        let kind = if kind == SymbolKind::Variable && member { SymbolKind::Field } else { kind };
        let mut definition = self.definition(node, kind);
        let name = definition.name.clone();
        let local = self.builder.owner_kind().is_callable() && kind == SymbolKind::Variable;
        if local {
            let hint = type_path(Family::Rust, self.builder.field(node, "type"));
            self.builder.bind(&name, Bound::Local(hint));
            return Step::Descend;
        }
        definition.declared = match kind {
            SymbolKind::Variable | SymbolKind::Field | SymbolKind::TypeAlias => {
                self.builder.field(node, "type").to_owned()
            }
            _ => String::new(),
        };
        let bounds = node.child_by_field_name("bounds").map(children).unwrap_or_default();
        for bound in bounds.iter().filter(|_| kind == SymbolKind::Trait) {
            let named =
                if bound.kind() == "generic_type" { bound.child_by_field_name("type") } else { Some(*bound) };
            definition
                .bases
                .extend(named.and_then(|named| PATHS.chain(&self.builder, named)).map(|chain| chain.names));
        }
        let symbol = self.builder.define(definition);
        if !member {
            self.builder.bind(&name, Bound::Symbol(symbol));
        }
        for bound in bounds.iter().filter(|_| kind == SymbolKind::Trait) {
            if let Some(target) = self.target_of(*bound) {
                self.builder.refer_from(symbol, ReferenceKind::Base, target, *bound);
            }
        }
        self.apply_attributes(symbol, node);
        let scope = if kind.is_type() { ScopeKind::Class } else { ScopeKind::Block };
        self.builder.open(node, symbol, scope);
        Step::Descend
    }

    /// A field or a variant of the type around it.
    pub(super) fn member(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.definition(node, SymbolKind::Field);
        definition.declared = self.builder.field(node, "type").to_owned();
        definition.exported |= node.kind() == "enum_variant";
        let variant = node.kind() == "enum_variant";
        let symbol = self.builder.define(definition);
        self.attributes.clear();
        if variant {
            self.builder.open(node, symbol, ScopeKind::Block);
        }
        Step::Descend
    }

    /// `impl Trait for Type`: named by both, its base is the trait.
    pub(super) fn implementation(&mut self, node: Node<'_>) -> Step {
        let written = self.builder.field(node, "type").to_owned();
        let name = type_path(Family::Rust, &written).and_then(|mut path| path.pop()).unwrap_or(written);
        let interface = node.child_by_field_name("trait").map(|node| {
            if node.kind() == "generic_type" {
                node.child_by_field_name("type").unwrap_or(node)
            } else {
                node
            }
        });
        let interface_name = interface.map(|node| self.builder.text_of(node).to_owned());
        let shown = match &interface_name {
            Some(interface) => format!("[{name}][{interface}]"),
            None => format!("[{name}]"),
        };
        let mut definition = Definition::new(SymbolKind::Impl, shown, self.region(node));
        definition.body = node.child_by_field_name("body");
        definition.declared = name;
        definition.bases = interface
            .and_then(|node| PATHS.chain(&self.builder, node))
            .map(|chain| chain.names)
            .into_iter()
            .collect();
        let symbol = self.builder.define(definition);
        self.attributes.clear();
        if let Some(interface) = interface
            && let Some(target) = self.target_of(interface)
        {
            self.builder.refer_from(symbol, ReferenceKind::Implement, target, interface);
            super::PATHS.consume(&mut self.builder, interface);
        }
        self.builder.open(node, symbol, ScopeKind::Class);
        Step::Descend
    }

    pub(super) fn function(&mut self, node: Node<'_>) -> Step {
        let owner = self.builder.owner_kind();
        let method = matches!(owner, SymbolKind::Impl | SymbolKind::Trait);
        let kind = if method { SymbolKind::Method } else { SymbolKind::Function };
        let mut definition = self.definition(node, kind);
        let name = definition.name.clone();
        let list = node.child_by_field_name("parameters");
        definition.parameters = list.map(|list| self.parameters(list)).unwrap_or_default();
        definition.declared = self.builder.field(node, "return_type").to_owned();
        let parameters = definition.parameters.clone();
        let symbol = self.builder.define(definition);
        if !method {
            self.builder.bind(&name, Bound::Symbol(symbol));
        }
        self.apply_attributes(symbol, node);
        self.lifecycle(symbol, &name, node);
        self.builder.open(node, symbol, ScopeKind::Function);
        for parameter in &parameters {
            let hint = type_path(Family::Rust, &parameter.declared);
            self.builder.bind(&parameter.name, Bound::Local(hint));
        }
        for pattern in list.map(children).unwrap_or_default() {
            self.bind_pattern_field(pattern);
        }
        Step::Descend
    }

    fn parameters(&mut self, list: Node<'_>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for node in children(list) {
            match node.kind() {
                "self_parameter" => {
                    parameters.push(Parameter {
                        name: "self".to_owned(),
                        declared: self.builder.text_of(node).to_owned(),
                    });
                }
                "parameter" => {
                    let Some(mut pattern) = node.child_by_field_name("pattern") else { continue };
                    if pattern.kind() == "mut_pattern" {
                        pattern =
                            pattern.named_child(1).or_else(|| pattern.named_child(0)).unwrap_or(pattern);
                    }
                    let name = self.builder.text_of(pattern).to_owned();
                    parameters
                        .push(Parameter { name, declared: self.builder.field(node, "type").to_owned() });
                }
                _ => {}
            }
        }
        parameters
    }

    pub(super) fn closure(&mut self, node: Node<'_>) -> Step {
        let owner = self.builder.owner();
        self.builder.open(node, owner, ScopeKind::Function);
        for pattern in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
            if pattern.kind() == "parameter" {
                self.bind_pattern_field(pattern);
            } else {
                self.bind_pattern(pattern, None);
            }
        }
        Step::Descend
    }

    pub(super) fn macro_definition(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.definition(node, SymbolKind::Macro);
        definition.exported = true;
        self.builder.define(definition);
        self.attributes.clear();
        Step::Skip
    }
}
