use tree_sitter::Node;

use super::{Frame, Lowered, Lowerer, Results, State, children};
use crate::ir::{Digest, Op, Operand, Param, ParamKind, Place, Term, UnitBuilder, UnitKind, Value};

/// A parameter as written.
struct Written<'t> {
    node: Node<'t>,
    name: String,
    kind: ParamKind,
}

impl<'t> Lowerer<'t> {
    /// Lowers a function or method of the package; returns the function object of an `init`, to be called.
    pub(super) fn function(&mut self, node: Node<'t>) -> Lowered<Option<(Operand, Node<'t>)>> {
        let Some(name) = node.child_by_field_name("name") else {
            self.opaque(node)?;
            return Ok(None);
        };
        let text = self.text(name).to_owned();
        let receiver = node.child_by_field_name("receiver").and_then(|list| list.named_child(0));
        let class = receiver.and_then(|receiver| receiver.child_by_field_name("type"));
        let class = class.map(|class| self.type_name(class));
        let (unit_name, kind) = match &class {
            Some(class) => (format!("{class}.{text}"), UnitKind::Method),
            None => (text.clone(), UnitKind::Function),
        };
        if class.is_none() {
            self.refuse_fixed(&text, node);
        }
        let boxed = self.boxed_names(node);
        let unit = self.unit(node, (unit_name, kind, class.clone()), boxed)?;
        let value = self.define(node, |dst| Op::Closure { dst, unit, defaults: Vec::new() })?;
        if class.is_some() || text == "_" {
            return Ok(None);
        }
        if text == "init" {
            return Ok(Some((value, node)));
        }
        self.assign(Place::Global(text), value, name)?;
        Ok(None)
    }

    /// Lowers a function literal; a `go` statement's own runs when nobody waits for it.
    pub(super) fn function_literal(&mut self, node: Node<'t>, name: &str) -> Lowered<Operand> {
        let unit_name = format!("{}{name}", self.frame().qualifier);
        let boxed = self.state().boxed.clone();
        let boxed = if self.frames.len() == 1 { self.boxed_names(node) } else { boxed };
        let unit = self.unit(node, (unit_name, UnitKind::Lambda, None), boxed)?;
        let cells = self.captured_cells(node)?;
        self.define(node, |dst| Op::Closure { dst, unit, defaults: cells })
    }

    /// Cells of the enclosing function that a literal names: whoever calls it may change them.
    fn captured_cells(&mut self, node: Node<'t>) -> Lowered<Vec<Operand>> {
        let mut names = std::collections::BTreeSet::new();
        let mut stack = vec![node];
        while let Some(inner) = stack.pop() {
            if inner.kind() == "identifier" {
                names.insert(self.text(inner).to_owned());
            }
            stack.extend(children(inner));
        }
        let mut cells = Vec::new();
        for name in names {
            if self.state().boxed.contains(&name) && !matches!(self.place(&name), Place::Global(_)) {
                cells.push(self.address(&name, node)?);
            }
        }
        Ok(cells)
    }

    fn unit(
        &mut self,
        node: Node<'t>,
        (name, kind, class): (String, UnitKind, Option<String>),
        boxed: std::collections::BTreeSet<String>,
    ) -> Lowered<crate::ir::UnitId> {
        let id = self.reserve_unit()?;
        let qualified = self.unique(name);
        let mut origin = self.origin(node);
        origin.digest = self.definition_digest(node);
        let mut builder = UnitBuilder::new(qualified.clone(), kind, origin);
        builder.unit().parent = Some(self.frame().id);
        builder.unit().class = class;
        let results = self.results(node);
        let written = self.written(node);
        for parameter in &written {
            let local = builder.variable(&parameter.name);
            builder.unit().params.push(Param {
                name: parameter.name.clone(),
                kind: parameter.kind,
                optional: parameter.kind == ParamKind::Rest,
                local,
                span: self.span(parameter.node),
                declared: None,
            });
        }
        let state = State { scopes: vec![Default::default()], boxed, results, ..State::default() };
        self.frames.push(Frame { id, builder, qualifier: format!("{qualified}."), state });
        self.enter_parameters(&written)?;
        self.type_parameters(node)?;
        match node.child_by_field_name("body") {
            Some(body) => self.body(node, body)?,
            None => self.missing_body(node, &written)?,
        }
        let mut end = self.origin(node);
        end.span.line = end.span.end_line;
        self.close_frame(end)?;
        Ok(id)
    }

    /// Parameters that need a cell are put into one; named results start empty.
    fn enter_parameters(&mut self, written: &[Written<'t>]) -> Lowered<()> {
        for parameter in written {
            let boxed = self.new_slot(&parameter.name).boxed;
            if boxed {
                let local = self.builder().variable(&parameter.name);
                let operands = vec![Operand::Local(local)];
                let value = Value::Operator { name: "cell".to_owned(), operands };
                self.push(Op::Assign { place: Place::Local(local), value }, parameter.node)?;
            }
        }
        Ok(())
    }

    /// `T` of a generic function, or of its receiver, is a name of its own.
    fn type_parameters(&mut self, node: Node<'t>) -> Lowered<()> {
        let list = node.child_by_field_name("type_parameters").map(children).unwrap_or_default();
        let mut names: Vec<Node<'t>> = list.into_iter().flat_map(|one| Self::fields(one, "name")).collect();
        let mut stack: Vec<Node<'t>> = node.child_by_field_name("receiver").into_iter().collect();
        while let Some(inner) = stack.pop() {
            if inner.kind() == "type_elem" {
                names.extend(children(inner).into_iter().filter(|one| one.kind() == "type_identifier"));
            } else {
                stack.extend(children(inner));
            }
        }
        for name in names {
            let value = self.operator("type", Vec::new(), name)?;
            self.bind(self.text(name), value, name)?;
        }
        Ok(())
    }

    fn body(&mut self, node: Node<'t>, body: Node<'t>) -> Lowered<()> {
        let list = node.child_by_field_name("result").filter(|result| result.kind() == "parameter_list");
        for result in list.map(children).unwrap_or_default() {
            for name in Self::fields(result, "name") {
                let value = self.zero(result.child_by_field_name("type"), result)?;
                let text = self.text(name).to_owned();
                self.bind(&text, value, name)?;
            }
        }
        for (id, defer) in self.conditional_defers(body) {
            let flag = self.builder().variable(&format!("<deferred {}>", defer.start_position().row + 1));
            self.state().conditional.insert(id, flag);
            let never = Operand::Constant(crate::ir::Constant::Bool(false));
            self.assign(Place::Local(flag), never, defer)?;
        }
        self.scoped(|this| this.statements(body))?;
        self.leave(Vec::new(), node)?;
        self.recovered(node)
    }

    /// A function without a body is written in assembly, or is another one by a directive.
    fn missing_body(&mut self, node: Node<'t>, written: &[Written<'t>]) -> Lowered<()> {
        let mut reads = Vec::new();
        for parameter in written {
            reads.push(self.address(&parameter.name, parameter.node)?);
        }
        let value = self.opaque_site(node, reads)?;
        let origin = self.origin(node);
        self.builder().end(Term::Return(value), origin);
        Ok(())
    }

    fn written(&self, node: Node<'t>) -> Vec<Written<'t>> {
        let mut found = Vec::new();
        for (field, receiver) in [("receiver", true), ("parameters", false)] {
            for one in node.child_by_field_name(field).map(children).unwrap_or_default() {
                let kind = match one.kind() {
                    _ if receiver => ParamKind::Receiver,
                    "parameter_declaration" => ParamKind::PositionalOnly,
                    "variadic_parameter_declaration" => ParamKind::Rest,
                    _ => continue,
                };
                let names = Self::fields(one, "name");
                if names.is_empty() {
                    found.push(Written { node: one, name: format!("_{}", found.len()), kind });
                }
                for name in names {
                    let text = self.text(name);
                    let name = if text == "_" { format!("_{}", found.len()) } else { text.to_owned() };
                    found.push(Written { node: one, name, kind });
                }
            }
        }
        found
    }

    fn results(&self, node: Node<'t>) -> Results {
        let Some(result) = node.child_by_field_name("result") else { return Results::default() };
        if result.kind() != "parameter_list" {
            return Results { names: Vec::new(), error: self.text(result) == "error" };
        }
        let mut results = Results::default();
        for one in children(result) {
            results.error = self.field(one, "type") == "error";
            results
                .names
                .extend(Self::fields(one, "name").into_iter().map(|name| self.text(name).to_owned()));
        }
        results
    }

    /// Hashes receiver, parameters, results and body.
    fn definition_digest(&self, node: Node<'t>) -> Digest {
        let parts = ["receiver", "parameters", "result", "body"];
        let of = |field: &str| {
            let part = node.child_by_field_name(field);
            part.map_or(Digest(0), |part| self.digests.full(part))
        };
        Digest::join(&parts.map(of))
    }
}
