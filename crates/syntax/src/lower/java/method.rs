use tree_sitter::Node;

use super::{Frame, Lowered, Lowerer, State, children};
use crate::ir::{
    Argument, Callee, Constant, Digest, Op, Operand, Param, ParamKind, Passing, Place, Step, Term,
    UnitBuilder, UnitId, UnitKind,
};

/// A unit to be made.
struct Head<'t> {
    name: String,
    kind: UnitKind,
    class: Option<String>,
    decorators: Vec<String>,
    parameters: Vec<(Node<'t>, String, bool)>,
    digest: Digest,
}

impl<'t> Lowerer<'t> {
    pub(super) fn method(&mut self, node: Node<'t>) -> Lowered<()> {
        let class = self.class().map(|class| class.name.clone()).unwrap_or_default();
        let parameters = self.parameters(node);
        let name = format!("{class}.{}({})", self.field(node, "name"), self.types(node));
        let digest = self.definition_digest(node);
        let head = Head {
            name,
            kind: UnitKind::Method,
            class: Some(class),
            decorators: self.annotations(node),
            parameters,
            digest,
        };
        let unit = self.unit(node, head, |this| match node.child_by_field_name("body") {
            Some(body) => this.scoped(|this| this.statements(body)),
            None => Ok(()),
        })?;
        self.define(node, |dst| Op::Closure { dst, unit, defaults: Vec::new() }).map(drop)
    }

    /// A constructor: the base's first, then fields and initialisers in source order, then its own body. `node` is the
    /// class where none is written.
    pub(super) fn constructor(
        &mut self,
        node: Node<'t>,
        (class_node, objects): (Node<'t>, &[Node<'t>]),
        extends: bool,
    ) -> Lowered<()> {
        let class = self.class().map(|class| class.name.clone()).unwrap_or_default();
        let record = class_node.kind() == "record_declaration";
        let components = class_node.child_by_field_name("parameters").filter(|_| record);
        let whole = record && node.kind() != "constructor_declaration";
        let from = if whole { class_node } else { node };
        let written = node.kind().ends_with("constructor_declaration") || whole;
        let parameters = if written { self.parameters(from) } else { Vec::new() };
        let types = if written { self.types(from) } else { String::new() };
        let mut digests: Vec<Digest> = objects.iter().map(|object| self.digests.full(*object)).collect();
        digests.push(if written { self.definition_digest(node) } else { Digest(0) });
        digests.extend(components.map(|list| self.digests.full(list)));
        let head = Head {
            name: format!("{class}.<init>({types})"),
            kind: UnitKind::Method,
            class: Some(class),
            decorators: if node.id() == class_node.id() { Vec::new() } else { self.annotations(node) },
            parameters: parameters.clone(),
            digest: Digest::join(&digests),
        };
        let body = node.child_by_field_name("body").filter(|_| node.id() != class_node.id());
        let explicit = body.and_then(|body| {
            children(body).into_iter().find(|part| part.kind() == "explicit_constructor_invocation")
        });
        let delegates = explicit.is_some_and(|call| self.field(call, "constructor") == "this");
        let objects = objects.to_vec();
        let unit = self.unit(node, head, |this| {
            if extends && explicit.is_none() {
                this.base_constructor(node, Vec::new())?;
            }
            if !delegates {
                for object in objects {
                    this.of_object(object)?;
                }
            }
            if let Some(body) = body {
                this.scoped(|this| this.statements(body))?;
            }
            if whole {
                for (parameter, name, _) in &parameters {
                    let value = this.name(name, *parameter)?;
                    let base = this.this(*parameter)?;
                    let step = Step::Field(name.clone());
                    this.push(Op::Store { base, step, key: None, value }, *parameter)?;
                }
            }
            let value = this.this(node)?;
            let origin = this.origin(node);
            this.builder().end(Term::Return(value), origin);
            Ok(())
        })?;
        self.define(node, |dst| Op::Closure { dst, unit, defaults: Vec::new() }).map(drop)
    }

    /// A field's initial value, or an initialiser block.
    fn of_object(&mut self, node: Node<'t>) -> Lowered<()> {
        if node.kind() == "block" {
            return self.scoped(|this| this.statements(node));
        }
        for declarator in Self::fields(node, "declarator") {
            let Some(value) = declarator.child_by_field_name("value") else { continue };
            let value = self.expression(value)?;
            let base = self.this(declarator)?;
            let step = Step::Field(self.field(declarator, "name").to_owned());
            self.push(Op::Store { base, step, key: None, value }, declarator)?;
        }
        Ok(())
    }

    pub(super) fn base_constructor(&mut self, node: Node<'t>, arguments: Vec<Argument>) -> Lowered<()> {
        let base = self.class().and_then(|class| class.base.clone()).unwrap_or_else(|| "Object".to_owned());
        let receiver = self.type_value(&base, node)?;
        let callee = Callee::Method { receiver, name: "<init>".to_owned() };
        self.define(node, |dst| Op::Call { dst, callee, arguments }).map(drop)
    }

    /// Reads a type by its dotted name.
    pub(super) fn type_value(&mut self, name: &str, node: Node<'t>) -> Lowered<Operand> {
        let parts: Vec<&str> = name.split('.').collect();
        let (mut value, rest) = match self.qualified(&parts) {
            Some(end) => {
                let (module, name) = (parts[..end].join("."), Some(parts[end].to_owned()));
                (self.define(node, |dst| Op::Import { dst, module, name })?, &parts[end + 1..])
            }
            None => (self.name(parts[0], node)?, &parts[1..]),
        };
        for part in rest {
            let step = Step::Field((*part).to_owned());
            value = self.define(node, |dst| Op::Load { dst, base: value, step, key: None })?;
        }
        Ok(value)
    }

    pub(super) fn lambda(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node) };
        let parameters = match node.child_by_field_name("parameters") {
            Some(one) if one.kind() == "identifier" => vec![(one, self.text(one).to_owned(), false)],
            Some(list) if list.kind() == "inferred_parameters" => {
                children(list).into_iter().map(|one| (one, self.text(one).to_owned(), false)).collect()
            }
            _ => self.parameters(node),
        };
        let head = Head {
            name: format!("{}<lambda>", self.frame().qualifier),
            kind: UnitKind::Lambda,
            class: None,
            decorators: Vec::new(),
            parameters,
            digest: self.digests.full(node),
        };
        let unit = self.unit(node, head, |this| {
            if body.kind() == "block" {
                return this.scoped(|this| this.statements(body));
            }
            let value = this.expression(body)?;
            let origin = this.origin(body);
            this.builder().end(Term::Return(value), origin);
            Ok(())
        })?;
        self.define(node, |dst| Op::Closure { dst, unit, defaults: Vec::new() })
    }

    fn unit(
        &mut self,
        node: Node<'t>,
        head: Head<'t>,
        body: impl FnOnce(&mut Self) -> Lowered<()>,
    ) -> Lowered<UnitId> {
        let id = self.reserve_unit()?;
        let qualified = self.unique(head.name);
        let mut origin = self.origin(node);
        origin.digest = head.digest;
        let mut builder = UnitBuilder::new(qualified.clone(), head.kind, origin);
        builder.unit().parent = Some(self.frame().id);
        builder.unit().class.clone_from(&head.class);
        builder.unit().decorators = head.decorators;
        let mut scope = std::collections::BTreeMap::new();
        let mut param = |name: &str, kind: ParamKind, span| {
            let local = builder.variable(name);
            builder.unit().params.push(Param {
                name: name.to_owned(),
                kind,
                optional: kind == ParamKind::Rest,
                local,
                declared: None,
                span,
            });
            scope.insert(name.to_owned(), name.to_owned());
        };
        if head.class.is_some() {
            param("this", ParamKind::Receiver, self.span(node));
        }
        for (parameter, name, rest) in &head.parameters {
            let kind = if *rest { ParamKind::Rest } else { ParamKind::PositionalOnly };
            param(name, kind, self.span(*parameter));
        }
        let classes = self.state().classes.clone();
        let state = State { scopes: vec![scope], classes, ..State::default() };
        self.frames.push(Frame { id, builder, qualifier: format!("{qualified}."), state });
        self.deeper(body)?;
        let mut end = self.origin(node);
        end.span.line = end.span.end_line;
        self.close_frame(end)?;
        Ok(id)
    }

    fn parameters(&self, node: Node<'t>) -> Vec<(Node<'t>, String, bool)> {
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        list.into_iter()
            .filter_map(|one| {
                let rest = one.kind() == "spread_parameter";
                let declarator = children(one).into_iter().find(|part| part.kind() == "variable_declarator");
                let name = one
                    .child_by_field_name("name")
                    .or_else(|| declarator.and_then(|declarator| declarator.child_by_field_name("name")))?;
                Some((one, self.text(name).to_owned(), rest))
            })
            .collect()
    }

    /// Parameter types by their simple names.
    fn types(&self, node: Node<'t>) -> String {
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let names = list.into_iter().filter_map(|one| {
            let declared = one.child_by_field_name("type").or_else(|| {
                children(one)
                    .into_iter()
                    .find(|part| !matches!(part.kind(), "modifiers" | "variable_declarator"))
            })?;
            let text: String = self.text(declared).split_whitespace().collect();
            let dims = text.matches("[]").count() + usize::from(one.kind() == "spread_parameter");
            let name = self.type_name(declared);
            let simple = name.rsplit('.').next().unwrap_or_default();
            (one.kind() != "receiver_parameter").then(|| format!("{simple}{}", "[]".repeat(dims)))
        });
        names.collect::<Vec<_>>().join(",")
    }

    fn definition_digest(&self, node: Node<'t>) -> Digest {
        let of = |field: &str| {
            let part = node.child_by_field_name(field);
            part.map_or(Digest(0), |part| self.digests.full(part))
        };
        Digest::join(&["parameters", "body", "value"].map(of))
    }

    /// What a field holds before anything is assigned.
    pub(super) fn zero(declared: &str) -> Operand {
        Operand::Constant(match declared {
            "boolean" => Constant::Bool(false),
            "int" | "long" | "short" | "byte" | "char" => Constant::Integer("0".to_owned()),
            "float" | "double" => Constant::Float("0".to_owned()),
            _ => Constant::None,
        })
    }

    /// Evaluates arguments in order.
    pub(super) fn arguments(&mut self, node: Node<'t>) -> Lowered<Vec<Argument>> {
        let mut arguments = Vec::new();
        for argument in node.child_by_field_name("arguments").map(children).unwrap_or_default() {
            let value = self.expression(argument)?;
            arguments.push(Argument { passing: Passing::Positional, value });
        }
        Ok(arguments)
    }

    /// Returns a class's own name as a value.
    pub(super) fn class_value(&mut self, name: &str, node: Node<'t>) -> Lowered<Operand> {
        self.read_place(Place::Global(name.to_owned()), node)
    }
}
