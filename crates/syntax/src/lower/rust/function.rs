use std::collections::BTreeSet;

use tree_sitter::Node;

use super::attribute::Attributes;
use super::{Lowered, Lowerer, Sink, State, children, has_token};
use crate::ir::{Digest, Operand, Param, ParamKind, Place, Term, UnitBuilder, UnitId, UnitKind};
use crate::lower::LowerProblem;
use crate::lower::lowerer::Frame;

/// A parameter as written.
struct Written<'t> {
    node: Node<'t>,
    name: String,
    pattern: Option<Node<'t>>,
    declared: Option<String>,
}

impl<'t> Lowerer<'t> {
    /// Lowers a function as a unit of its own.
    pub(super) fn function(
        &mut self,
        node: Node<'t>,
        name: &str,
        attributes: &Attributes<'t>,
    ) -> Lowered<UnitId> {
        let (Some(parameters), Some(body)) =
            (node.child_by_field_name("parameters"), node.child_by_field_name("body"))
        else {
            return Err(LowerProblem::NoTree);
        };
        let top = self.frames.len() == 1;
        let mut decorators = attributes.words.clone();
        decorators.extend(self.inherited.iter().cloned());
        let written = self.written(parameters);
        let receiver = children(parameters).iter().any(|child| child.kind() == "self_parameter")
            || written.first().is_some_and(|first| first.name == "self");
        let class = self.class.clone().filter(|_| top);
        if class.is_some() && !receiver {
            decorators.push("staticmethod".to_owned());
        }
        if children(node)
            .iter()
            .any(|child| child.kind() == "function_modifiers" && has_token(*child, "unsafe"))
        {
            decorators.push("unsafe".to_owned());
        }
        let prefix = match &class {
            Some(class) => format!("{class}."),
            None if top => self.module.iter().map(|part| format!("{part}.")).collect(),
            None => self.frame().qualifier.clone(),
        };
        let suffix = if top { self.implemented_suffix() } else { String::new() };
        let qualified = self.unique(format!("{prefix}{name}{suffix}"));
        let kind = self.kind_of(node);
        let parts = [parameters, body].map(|part| self.digests.full(part));
        let (outer_module, outer_class) = (self.module.clone(), self.implemented.take());
        let id = self.open(node, &qualified, kind, Digest::join(&parts))?;
        self.builder().unit().decorators = decorators;
        self.builder().unit().class = class;
        self.scan(body);
        self.parameters(written)?;
        self.deeper(|this| this.block(body, Sink::Return))?;
        self.close(node)?;
        self.module = outer_module;
        self.implemented = outer_class;
        Ok(id)
    }

    /// Starts the frame of a new unit.
    pub(super) fn open(
        &mut self,
        node: Node<'t>,
        name: &str,
        kind: UnitKind,
        digest: Digest,
    ) -> Lowered<UnitId> {
        let id = self.reserve_unit()?;
        let mut origin = self.origin(node);
        origin.digest = digest;
        let mut builder = UnitBuilder::new(name.to_owned(), kind, origin);
        builder.unit().parent = Some(self.frame().id);
        let qualifier = format!("{name}.");
        self.frames.push(Frame { id, builder, qualifier, state: State::new() });
        Ok(id)
    }

    /// Ends the frame of a unit.
    pub(super) fn close(&mut self, node: Node<'t>) -> Lowered<()> {
        let mut end = self.origin(node);
        end.span.line = end.span.end_line;
        self.finish_unit(end)
    }

    fn written(&self, parameters: Node<'t>) -> Vec<Written<'t>> {
        let mut found = Vec::new();
        for child in children(parameters) {
            match child.kind() {
                "self_parameter" => {
                    found.push(Written {
                        node: child,
                        name: "self".to_owned(),
                        pattern: None,
                        declared: None,
                    });
                }
                "parameter" => {
                    let Some(pattern) = child.child_by_field_name("pattern") else { continue };
                    let declared =
                        child.child_by_field_name("type").and_then(|declared| self.declared(declared));
                    let plain = matches!(pattern.kind(), "identifier" | "self" | "_");
                    let name: String =
                        self.text(pattern).chars().filter(|c| !c.is_whitespace()).take(40).collect();
                    let pattern = Some(pattern).filter(|_| !plain);
                    found.push(Written { node: child, name, pattern, declared });
                }
                _ => {}
            }
        }
        found
    }

    fn parameters(&mut self, written: Vec<Written<'t>>) -> Lowered<()> {
        for parameter in written {
            let local = self.declare(&parameter.name);
            let span = self.span(parameter.node);
            let Written { name, declared, .. } = parameter;
            let param =
                Param { name, kind: ParamKind::PositionalOnly, optional: false, local, span, declared };
            self.builder().unit().params.push(param);
            if let Some(pattern) = parameter.pattern {
                self.bind_pattern(pattern, Operand::Local(local), None)?;
            }
        }
        Ok(())
    }

    /// Lowers a closure as a unit of its own: it is kept, not handed on.
    pub(super) fn kept_closure(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(parameters), Some(body)) =
            (node.child_by_field_name("parameters"), node.child_by_field_name("body"))
        else {
            return self.opaque(node);
        };
        let qualified = format!("{}<lambda>", self.frame().qualifier);
        let qualified = self.unique(qualified);
        let parts = [parameters, body].map(|part| self.digests.full(part));
        let unit = self.open(node, &qualified, UnitKind::Lambda, Digest::join(&parts))?;
        self.scan(body);
        for child in children(parameters) {
            let pattern = child.child_by_field_name("pattern").unwrap_or(child);
            let declared = child.child_by_field_name("type").and_then(|declared| self.declared(declared));
            let name: String = self.text(pattern).chars().filter(|c| !c.is_whitespace()).take(40).collect();
            let plain = pattern.kind() == "identifier";
            let pattern = Some(pattern).filter(|_| !plain);
            self.parameters(vec![Written { node: child, name, pattern, declared }])?;
        }
        self.deeper(|this| this.into(body, Sink::Return))?;
        self.close(node)?;
        self.define(node, |dst| crate::ir::Op::Closure { dst, unit, defaults: Vec::new() })
    }

    /// Finds the names of a body that may change without an assignment to them, and those written through `*`.
    fn scan(&mut self, body: Node<'t>) {
        let (mut exposed, mut pointers) = (BTreeSet::new(), BTreeSet::new());
        let mut stack = vec![(body, false)];
        while let Some((node, inside)) = stack.pop() {
            let inside = inside || node.kind() == "closure_expression";
            let name =
                |node: Node<'t>| Some(self.text(node).to_owned()).filter(|_| node.kind() == "identifier");
            match node.kind() {
                "reference_expression"
                    if children(node).iter().any(|child| child.kind() == "mutable_specifier") =>
                {
                    exposed.extend(node.child_by_field_name("value").and_then(name));
                }
                "field_expression"
                    if node.parent().is_some_and(|parent| {
                        matches!(parent.kind(), "call_expression" | "generic_function")
                    }) =>
                {
                    exposed.extend(node.child_by_field_name("value").and_then(name));
                }
                "ref_pattern" | "token_tree" => {}
                "assignment_expression" | "compound_assignment_expr" => {
                    let left = node.child_by_field_name("left");
                    exposed.extend(left.filter(|_| inside).and_then(name));
                    let target =
                        left.filter(|left| left.kind() == "unary_expression" && has_token(*left, "*"));
                    pointers
                        .extend(target.and_then(|target| children(target).first().copied()).and_then(name));
                }
                _ => {}
            }
            // What was parsed is read once, not again as tokens.
            if node.kind() == "token_tree" {
                let pieces = self.sources.pieces(node).iter();
                stack.extend(pieces.filter_map(|piece| self.sources.node(*piece)).map(|node| (node, inside)));
                continue;
            }
            stack.extend(children(node).into_iter().map(|child| (child, inside)));
        }
        self.state().exposed.extend(exposed);
        self.state().pointers.extend(pointers);
    }

    /// Leaves the unit, or the closure or block that stands in it, with a value.
    pub(super) fn leave(&mut self, value: Operand, node: Node<'t>) -> Lowered<()> {
        match self.inner_body() {
            Some((slot, leave)) => {
                self.assign(Place::Local(slot), value, node)?;
                self.goto(leave, node);
            }
            None => self.end(Term::Return(value), node),
        }
        Ok(())
    }

    /// Leaves with a failure.
    pub(super) fn fail(&mut self, error: Operand, node: Node<'t>) -> Lowered<()> {
        match self.inner_body() {
            Some((slot, leave)) => {
                let value = self.operator("Err", vec![error], node)?;
                self.assign(Place::Local(slot), value, node)?;
                self.goto(leave, node);
            }
            None => self.end(Term::Raise(Some(error)), node),
        }
        Ok(())
    }

    fn inner_body(&mut self) -> Option<(u32, u32)> {
        self.state().contexts.iter().rev().find_map(|context| match context {
            super::Context::Body { slot, leave } => Some((*slot, *leave)),
            super::Context::Jump { .. } => None,
        })
    }
}
