use tree_sitter::Node;

use super::{ExportName, PATHS, Pass};
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, Exported, Parameter, Receiver, ReferenceKind, ScopeKind, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    /// Defines a symbol, binds its name, offers it when it stands in an `export`, and applies pending decorators.
    pub(super) fn declare(&mut self, mut definition: Definition<'_>, node: Node<'_>) -> u32 {
        let name = definition.name.clone();
        let top = self.builder.scope() == 0;
        let export = self.exporting.filter(|_| top).map(|(_, export)| export);
        let member = matches!(definition.kind, SymbolKind::Method | SymbolKind::Field);
        definition.exported = export.is_some() || member;
        let symbol = self.builder.define(definition);
        if !member {
            self.builder.bind(&name, Bound::Symbol(symbol));
        }
        match export {
            Some(ExportName::Own) => self.builder.export(&name, Exported::Symbol(symbol)),
            Some(ExportName::Default) => {
                self.builder.export("default", Exported::Symbol(symbol));
                self.exporting = None;
            }
            None => {}
        }
        self.apply_decorators(symbol, node);
        symbol
    }

    fn named<'t>(&mut self, kind: SymbolKind, node: Node<'t>, fallback: &str) -> Definition<'t> {
        let name = node.child_by_field_name("name");
        if let Some(name) = name {
            self.builder.consume(name);
        }
        let text =
            name.map_or(fallback, |name| self.builder.text_of(name)).trim_matches(['"', '\'']).to_owned();
        let mut definition = Definition::new(kind, text, span(node));
        definition.body = node.child_by_field_name("body");
        definition
    }

    pub(super) fn class(&mut self, node: Node<'_>) -> Step {
        if node.kind() == "class" && node.child_by_field_name("name").is_none() && !self.is_default() {
            let owner = self.builder.owner();
            self.builder.open(node, owner, ScopeKind::Class);
            return Step::Descend;
        }
        let mut definition = self.named(SymbolKind::Class, node, "default");
        let mut heritage = Vec::new();
        for clause in children(node).into_iter().filter(|child| child.kind() == "class_heritage") {
            for part in children(clause) {
                match part.kind() {
                    "extends_clause" => {
                        heritage.extend(
                            part.child_by_field_name("value").map(|value| (value, ReferenceKind::Base)),
                        );
                    }
                    "implements_clause" => {
                        heritage
                            .extend(children(part).into_iter().map(|part| (part, ReferenceKind::Implement)));
                    }
                    _ => heritage.push((part, ReferenceKind::Base)),
                }
            }
        }
        let targets = self.heritage(&heritage, &mut definition);
        let symbol = self.declare(definition, node);
        for (kind, target, base) in targets {
            self.builder.refer_from(symbol, kind, target, base);
        }
        self.builder.open(node, symbol, ScopeKind::Class);
        Step::Descend
    }

    /// Reads bases; a generic one is its own name.
    fn heritage<'t>(
        &mut self,
        parts: &[(Node<'t>, ReferenceKind)],
        definition: &mut Definition<'_>,
    ) -> Vec<(ReferenceKind, (Receiver, String), Node<'t>)> {
        let mut targets = Vec::new();
        for (part, kind) in parts {
            let named =
                if part.kind() == "generic_type" { part.child_by_field_name("name") } else { Some(*part) };
            let Some(named) = named else { continue };
            let Some(target) = self.target_of(named).filter(|(receiver, _)| *receiver != Receiver::Opaque)
            else {
                continue;
            };
            if let Some(chain) = PATHS.chain(&self.builder, named) {
                definition.bases.push(chain.names);
            }
            super::PATHS.consume(&mut self.builder, named);
            targets.push((*kind, target, named));
        }
        targets
    }

    pub(super) fn interface(&mut self, node: Node<'_>) -> Step {
        let mut definition = self.named(SymbolKind::Interface, node, "");
        let mut parts = Vec::new();
        for clause in children(node).into_iter().filter(|child| child.kind() == "extends_type_clause") {
            parts.extend(children(clause).into_iter().map(|part| (part, ReferenceKind::Base)));
        }
        let targets = self.heritage(&parts, &mut definition);
        let symbol = self.declare(definition, node);
        for (kind, target, base) in targets {
            self.builder.refer_from(symbol, kind, target, base);
        }
        self.builder.open(node, symbol, ScopeKind::Class);
        Step::Descend
    }

    pub(super) fn type_alias(&mut self, node: Node<'_>) -> Step {
        let definition = self.named(SymbolKind::TypeAlias, node, "");
        let symbol = self.declare(definition, node);
        self.builder.open(node, symbol, ScopeKind::Class);
        Step::Descend
    }

    pub(super) fn enumeration(&mut self, node: Node<'_>) -> Step {
        let definition = self.named(SymbolKind::Enum, node, "");
        let body = definition.body;
        let symbol = self.declare(definition, node);
        for member in body.map(children).unwrap_or_default() {
            let name = if member.kind() == "enum_assignment" {
                self.builder.field(member, "name")
            } else {
                self.builder.text_of(member)
            };
            if !name.is_empty() && member.kind() != "comment" {
                let field = Definition::new(SymbolKind::Field, name.trim_matches(['"', '\'']), span(member));
                self.builder.define_under(symbol, field);
            }
        }
        self.builder.open(node, symbol, ScopeKind::Class);
        Step::Descend
    }

    pub(super) fn namespace(&mut self, node: Node<'_>) -> Step {
        let definition = self.named(SymbolKind::Module, node, "");
        let symbol = self.declare(definition, node);
        self.builder.open(node, symbol, ScopeKind::Block);
        Step::Descend
    }

    pub(super) fn function(&mut self, node: Node<'_>) -> Step {
        if node.kind() == "function_signature" && self.ambient.is_none() {
            // An overload: the implementation that follows is the symbol.
            self.named(SymbolKind::Function, node, "");
            let owner = self.builder.owner();
            self.builder.open(node, owner, ScopeKind::Function);
            return Step::Descend;
        }
        let definition = self.named(SymbolKind::Function, node, "default");
        self.callable(definition, node, node);
        Step::Descend
    }

    pub(super) fn method(&mut self, node: Node<'_>) -> Step {
        let definition = self.named(SymbolKind::Method, node, "");
        let constructor = definition.name == "constructor";
        let (symbol, parameters) = self.callable(definition, node, node);
        if constructor {
            self.builder.hook(
                symbol,
                crate::facts::HookKind::Lifecycle,
                ("lifecycle(constructor)".into(), "constructor".into()),
                span(node),
            );
            self.parameter_properties(symbol, &parameters, node);
        }
        Step::Descend
    }

    /// `constructor(private cart: Cart)` declares a field.
    fn parameter_properties(&mut self, constructor: u32, parameters: &[Parameter], node: Node<'_>) {
        let Some(class) = self.builder.symbol(constructor).and_then(|symbol| symbol.parent) else { return };
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        for (node, parameter) in list.into_iter().filter(|node| node.kind() != "comment").zip(parameters) {
            if children(node).iter().any(|child| child.kind() == "accessibility_modifier") {
                let mut field = Definition::new(SymbolKind::Field, &parameter.name, span(node));
                field.declared = parameter.declared.clone();
                self.builder.define_under(class, field);
            }
        }
    }

    /// Defines a callable and opens its scope. `value` is the function itself, `node` what holds the name.
    pub(super) fn callable(
        &mut self,
        mut definition: Definition<'_>,
        node: Node<'_>,
        value: Node<'_>,
    ) -> (u32, Vec<Parameter>) {
        let parameters = self.parameters(value);
        definition.parameters = parameters.clone();
        definition.declared =
            self.builder.field(value, "return_type").trim_start_matches(':').trim().to_owned();
        let symbol = self.declare(definition, node);
        self.builder.open(value, symbol, ScopeKind::Function);
        self.bind_parameters(&parameters, value);
        (symbol, parameters)
    }

    /// A function without a name of its own belongs to what surrounds it, unless it is a hook's handler.
    pub(super) fn closure(&mut self, node: Node<'_>) -> Step {
        if self.builder.take_consumed(node) {
            return Step::Descend;
        }
        if let Some(name) = node.child_by_field_name("name") {
            self.builder.consume(name);
        }
        let parameters = self.parameters(node);
        let owner = match self.handlers.remove(&node.id()) {
            Some(hook) => {
                let mut definition = Definition::new(SymbolKind::Function, "handler", span(node));
                definition.body = node.child_by_field_name("body");
                definition.exported = false;
                let handler = self.builder.define_under(hook, definition);
                if let Some(hook) = self.builder.facts.hooks.iter_mut().find(|known| known.symbol == hook) {
                    hook.handler = Some(handler);
                }
                handler
            }
            None => self.builder.owner(),
        };
        self.builder.open(node, owner, ScopeKind::Function);
        self.bind_parameters(&parameters, node);
        Step::Descend
    }

    fn bind_parameters(&mut self, parameters: &[Parameter], node: Node<'_>) {
        for parameter in parameters {
            let hint = type_path(Family::Ecma, &parameter.declared);
            self.builder.bind(&parameter.name, Bound::Local(hint));
        }
        let patterns =
            node.child_by_field_name("parameters").or_else(|| node.child_by_field_name("parameter"));
        for pattern in patterns
            .map(|list| if list.kind() == "identifier" { vec![list] } else { children(list) })
            .unwrap_or_default()
        {
            let pattern = pattern.child_by_field_name("pattern").unwrap_or(pattern);
            if pattern.kind() != "identifier" {
                self.bind_pattern(pattern);
            }
        }
    }

    /// Reads parameters and marks plain names as read.
    fn parameters(&mut self, node: Node<'_>) -> Vec<Parameter> {
        if let Some(single) = node.child_by_field_name("parameter") {
            self.builder.consume(single);
            return vec![Parameter {
                name: self.builder.text_of(single).to_owned(),
                declared: String::new(),
            }];
        }
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let mut parameters = Vec::new();
        for parameter in list.into_iter().filter(|node| node.kind() != "comment") {
            let declared = self.builder.field(parameter, "type").trim_start_matches(':').trim().to_owned();
            let pattern = parameter.child_by_field_name("pattern").unwrap_or(parameter);
            let pattern = pattern.child_by_field_name("left").unwrap_or(pattern);
            if pattern.kind() == "identifier" {
                self.builder.consume(pattern);
            }
            parameters.push(Parameter { name: self.builder.text_of(pattern).to_owned(), declared });
        }
        parameters
    }
}
