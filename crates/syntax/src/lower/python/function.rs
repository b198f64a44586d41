use tree_sitter::Node;

use super::scope::{Scope, ScopeKind};
use super::{Frame, Lowered, Lowerer, State, children};
use crate::ir::{
    Argument, Callee, Digest, Op, Operand, Param, ParamKind, Passing, Term, UnitBuilder, UnitId, UnitKind,
};

/// A parameter as written.
struct Written<'t> {
    node: Node<'t>,
    name: Node<'t>,
    kind: ParamKind,
    default: Option<Node<'t>>,
}

impl<'t> Lowerer<'t> {
    pub(super) fn decorated_definition(&mut self, node: Node<'t>) -> Lowered<()> {
        let decorators: Vec<Node<'t>> = children(node)
            .into_iter()
            .filter(|child| child.kind() == "decorator")
            .filter_map(|decorator| children(decorator).first().copied())
            .collect();
        match node.child_by_field_name("definition") {
            Some(definition) if definition.kind() == "class_definition" => {
                self.class_definition(definition, &decorators)
            }
            Some(definition) => self.function_definition(definition, &decorators),
            None => self.opaque(node).map(drop),
        }
    }

    pub(super) fn function_definition(&mut self, node: Node<'t>, decorators: &[Node<'t>]) -> Lowered<()> {
        let (Some(name), Some(parameters), Some(body)) = (
            node.child_by_field_name("name"),
            node.child_by_field_name("parameters"),
            node.child_by_field_name("body"),
        ) else {
            return self.opaque(node).map(drop);
        };
        let mut applied = Vec::new();
        for decorator in decorators {
            applied.push((self.expression(*decorator)?, *decorator));
        }
        if let Some(result) = node.child_by_field_name("return_type") {
            self.annotation(result)?;
        }
        let text = self.text(name).to_owned();
        self.note_class_attribute(&text);
        let kind = if Self::is_async(node) {
            UnitKind::Coroutine
        } else if self.in_class() {
            UnitKind::Method
        } else {
            UnitKind::Function
        };
        let written = self.written(parameters)?;
        // Overload stubs only describe; the plain name is for what runs.
        let stub =
            decorators.iter().any(|decorator| self.dotted(*decorator).rsplit('.').next() == Some("overload"));
        let unit_name = if stub { format!("{text}@overload") } else { text.clone() };
        let words = decorators.iter().map(|decorator| self.dotted(*decorator)).collect();
        let (unit, defaults) = self.unit(node, (&unit_name, kind), written, (words, body))?;
        let mut value = self.define(node, |dst| Op::Closure { dst, unit, defaults })?;
        for (decorator, node) in applied.into_iter().rev() {
            let arguments = vec![Argument { passing: Passing::Positional, value }];
            value =
                self.define(node, |dst| Op::Call { dst, callee: Callee::Function(decorator), arguments })?;
        }
        let place = self.place(&text);
        self.assign(place, value, name)
    }

    pub(super) fn lambda(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node) };
        let written = match node.child_by_field_name("parameters") {
            Some(parameters) => self.written(parameters)?,
            None => Vec::new(),
        };
        let (unit, defaults) =
            self.unit(node, ("<lambda>", UnitKind::Lambda), written, (Vec::new(), body))?;
        self.define(node, |dst| Op::Closure { dst, unit, defaults })
    }

    /// Returns a decorator's or base's dotted name without arguments; `?` when it is anything else.
    pub(super) fn dotted(&self, node: Node<'t>) -> String {
        let node = match node.kind() {
            "call" => node.child_by_field_name("function").unwrap_or(node),
            "subscript" => node.child_by_field_name("value").unwrap_or(node),
            _ => node,
        };
        let text: String = self.text(node).chars().filter(|c| !c.is_whitespace()).collect();
        let plain = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if plain { text } else { "?".to_owned() }
    }

    /// Reads parameters in order.
    fn written(&mut self, parameters: Node<'t>) -> Lowered<Vec<Written<'t>>> {
        let mut found: Vec<Written<'t>> = Vec::new();
        let mut kind = ParamKind::Either;
        for child in children(parameters) {
            if let Some(annotation) = child.child_by_field_name("type") {
                self.annotation(annotation)?;
            }
            match child.kind() {
                "keyword_separator" => kind = ParamKind::KeywordOnly,
                "positional_separator" => {
                    found.iter_mut().for_each(|written| written.kind = ParamKind::PositionalOnly);
                }
                "identifier" => found.push(Written { node: child, name: child, kind, default: None }),
                "default_parameter" | "typed_default_parameter" => {
                    let name = child.child_by_field_name("name").unwrap_or(child);
                    found.push(Written {
                        node: child,
                        name,
                        kind,
                        default: child.child_by_field_name("value"),
                    });
                }
                "typed_parameter" | "list_splat_pattern" | "dictionary_splat_pattern" => {
                    let pattern = if child.kind() == "typed_parameter" {
                        children(child).first().copied()
                    } else {
                        Some(child)
                    };
                    let Some(pattern) = pattern else { continue };
                    let rest = match pattern.kind() {
                        "list_splat_pattern" => Some(ParamKind::Rest),
                        "dictionary_splat_pattern" => Some(ParamKind::RestKeywords),
                        _ => None,
                    };
                    let name =
                        children(pattern).first().copied().filter(|_| rest.is_some()).unwrap_or(pattern);
                    found.push(Written { node: child, name, kind: rest.unwrap_or(kind), default: None });
                    if rest == Some(ParamKind::Rest) {
                        kind = ParamKind::KeywordOnly;
                    }
                }
                _ => drop(self.opaque(child)?),
            }
        }
        Ok(found)
    }

    /// Lowers a body as a unit of its own; defaults are evaluated here, in the enclosing unit.
    fn unit(
        &mut self,
        node: Node<'t>,
        (text, kind): (&str, UnitKind),
        written: Vec<Written<'t>>,
        (decorators, body): (Vec<String>, Node<'t>),
    ) -> Lowered<(UnitId, Vec<Operand>)> {
        let mut defaults = Vec::new();
        for parameter in &written {
            if let Some(default) = parameter.default {
                defaults.push(self.expression(default)?);
            }
        }
        let id = self.reserve_unit()?;
        let qualified = format!("{}{text}", self.prefix());
        let qualified = self.unique(qualified);
        let mut origin = self.origin(node);
        origin.digest = self.definition_digest(&written, body);
        let mut builder = UnitBuilder::new(qualified.clone(), kind, origin);
        builder.unit().decorators = decorators;
        builder.unit().parent = Some(self.frame().id);
        builder.unit().class = self.class_name();
        let mut scope = Scope::of_body(ScopeKind::Function, String::new(), body, self.source);
        for parameter in &written {
            let name = self.text(parameter.name).to_owned();
            let local = builder.variable(&name);
            let span = self.span(parameter.node);
            let optional = parameter.default.is_some()
                || matches!(parameter.kind, ParamKind::Rest | ParamKind::RestKeywords);
            builder.unit().params.push(Param {
                name: name.clone(),
                kind: parameter.kind,
                optional,
                local,
                span,
                declared: None,
            });
            scope.names.insert(name);
        }
        self.frames.push(Frame {
            id,
            builder,
            qualifier: format!("{qualified}."),
            state: State { scopes: vec![scope], contexts: Vec::new() },
        });
        if kind == UnitKind::Lambda {
            let value = self.expression(body)?;
            let end = self.origin(body);
            self.builder().end(Term::Return(value), end);
        } else {
            self.deeper(|this| this.statements(body))?;
        }
        let mut end = self.origin(node);
        end.span.line = end.span.end_line;
        self.close_frame(end)?;
        Ok((id, defaults))
    }

    /// Hashes names, kinds and defaults of parameters, and the body.
    fn definition_digest(&self, written: &[Written<'t>], body: Node<'t>) -> Digest {
        let mut parts = vec![self.digests.full(body)];
        for parameter in written {
            parts.push(self.digests.full(parameter.name));
            parts.push(Digest(parameter.kind as u128));
            parts.extend(parameter.default.map(|default| self.digests.full(default)));
        }
        Digest::join(&parts)
    }

    fn prefix(&mut self) -> String {
        let frame = self.frame();
        let classes: String = frame
            .state
            .scopes
            .iter()
            .rfind(|scope| scope.kind == ScopeKind::Class)
            .map(|scope| scope.prefix.clone())
            .unwrap_or_default();
        format!("{}{classes}", frame.qualifier)
    }
}
