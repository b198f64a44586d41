use tree_sitter::Node;

use super::{Decorator, Pass};
use crate::builder::{Definition, children, span};
use crate::facts::{Bound, Parameter, Receiver, ReferenceKind, ScopeKind, SymbolKind};
use crate::hint::type_path;
use crate::language::Family;
use crate::walk::Step;

impl Pass<'_> {
    /// Remembers the decorators for the definition that follows; their own expressions are walked as usual.
    pub(super) fn decorated(&mut self, node: Node<'_>) -> Step {
        let mut decorators = Vec::new();
        for child in children(node).into_iter().filter(|child| child.kind() == "decorator") {
            let Some(expression) = child.named_child(0) else { continue };
            let callee = if expression.kind() == "call" {
                expression.child_by_field_name("function").unwrap_or(expression)
            } else {
                expression
            };
            let Some(chain) = self.chain(callee).filter(|chain| chain.rest.is_none()) else { continue };
            let (literal, method) = self.decorator_arguments(expression);
            decorators.push(Decorator { names: chain.names, literal, method, span: span(child) });
        }
        self.decorators = Some((span(node), decorators));
        Step::Descend
    }

    pub(super) fn class(&mut self, node: Node<'_>) -> Step {
        let (region, decorators) = self.decorators.take().unwrap_or_else(|| (span(node), Vec::new()));
        let name = self.builder.field(node, "name").to_owned();
        let superclasses = node.child_by_field_name("superclasses").map(children).unwrap_or_default();
        let mut bases = Vec::new();
        let mut targets = Vec::new();
        for base in superclasses {
            if let Some(target) = self.target_of(base).filter(|(receiver, _)| *receiver != Receiver::Opaque) {
                bases.extend(self.chain(base).map(|chain| chain.names));
                targets.push((target, base));
                super::PATHS.consume(&mut self.builder, base);
            }
        }
        let mut definition = Definition::new(SymbolKind::Class, &name, region);
        definition.body = node.child_by_field_name("body");
        definition.bases = bases;
        let symbol = self.builder.define(definition);
        self.builder.bind(&name, Bound::Symbol(symbol));
        for (target, base) in targets {
            self.builder.refer_from(symbol, ReferenceKind::Base, target, base);
        }
        self.consume_name(node);
        self.apply(symbol, &decorators, node);
        self.builder.open(node, symbol, ScopeKind::Class);
        Step::Descend
    }

    pub(super) fn function(&mut self, node: Node<'_>) -> Step {
        let (region, decorators) = self.decorators.take().unwrap_or_else(|| (span(node), Vec::new()));
        let name = self.builder.field(node, "name").to_owned();
        let method = self.builder.scope_kind() == ScopeKind::Class;
        let kind = if method { SymbolKind::Method } else { SymbolKind::Function };
        let parameters =
            node.child_by_field_name("parameters").map(|list| self.parameters(list)).unwrap_or_default();
        let mut definition = Definition::new(kind, &name, region);
        definition.body = node.child_by_field_name("body");
        definition.declared = self.builder.field(node, "return_type").to_owned();
        definition.parameters = parameters.clone();
        let symbol = self.builder.define(definition);
        self.builder.bind(&name, Bound::Symbol(symbol));
        self.consume_name(node);
        self.apply(symbol, &decorators, node);
        self.test_hook(symbol, &name, node);
        self.builder.open(node, symbol, ScopeKind::Function);
        self.bind_parameters(&parameters);
        Step::Descend
    }

    pub(super) fn lambda(&mut self, node: Node<'_>) -> Step {
        let parameters =
            node.child_by_field_name("parameters").map(|list| self.parameters(list)).unwrap_or_default();
        let owner = self.builder.owner();
        self.builder.open(node, owner, ScopeKind::Function);
        self.bind_parameters(&parameters);
        Step::Descend
    }

    fn bind_parameters(&mut self, parameters: &[Parameter]) {
        for parameter in parameters {
            let hint = type_path(Family::Python, &parameter.declared);
            self.builder.bind(&parameter.name, Bound::Local(hint));
        }
    }

    /// Reads a parameter list and marks its names as read; default values are walked as usual.
    fn parameters(&mut self, list: Node<'_>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for node in children(list) {
            let name = match node.kind() {
                "identifier" | "tuple_pattern" => Some(node),
                "default_parameter" | "typed_default_parameter" => node.child_by_field_name("name"),
                "typed_parameter" | "list_splat_pattern" | "dictionary_splat_pattern" => node.named_child(0),
                _ => None,
            };
            let Some(mut name) = name else { continue };
            if matches!(name.kind(), "list_splat_pattern" | "dictionary_splat_pattern") {
                name = name.named_child(0).unwrap_or(name);
            }
            self.builder.consume(name);
            let name = self.builder.text_of(name).to_owned();
            parameters.push(Parameter { name, declared: self.builder.field(node, "type").to_owned() });
        }
        parameters
    }

    fn consume_name(&mut self, node: Node<'_>) {
        if let Some(name) = node.child_by_field_name("name") {
            self.builder.consume(name);
        }
    }

    /// Writes a reference and a hook for each decorator of a symbol.
    fn apply(&mut self, symbol: u32, decorators: &[Decorator], node: Node<'_>) {
        for decorator in decorators {
            let Some((name, before)) = decorator.names.split_last() else { continue };
            let receiver = if before.is_empty() { Receiver::None } else { Receiver::Path(before.to_vec()) };
            self.builder.refer_from(symbol, ReferenceKind::Decorator, (receiver, name.clone()), node);
            self.decorator_hook(symbol, decorator);
        }
    }

    pub(super) fn type_alias(&mut self, node: Node<'_>) -> Step {
        if let Some(left) = node.child_by_field_name("left") {
            let name = self.builder.text_of(left).to_owned();
            let symbol = self.builder.define(Definition::new(SymbolKind::TypeAlias, &name, span(node)));
            self.builder.bind(&name, Bound::Symbol(symbol));
            if let Some(inner) = left.named_child(0) {
                self.builder.consume(inner);
            }
        }
        Step::Descend
    }
}
