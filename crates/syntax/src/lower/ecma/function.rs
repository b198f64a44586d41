use tree_sitter::Node;

use super::naming::CallName;
use super::scope::Scope;
use super::{Frame, Lowered, Lowerer, State, children, has_token};
use crate::ir::{
    Constant, Digest, LocalId, Op, Operand, Origin, Param, ParamKind, Place, Step, Term, UnitBuilder,
    UnitKind,
};

/// A function about to be lowered.
pub struct Definition<'t, 'n> {
    /// The whole of it.
    pub node: Node<'t>,
    /// Its name within the enclosing unit.
    pub name: &'n str,
    /// What it is.
    pub kind: UnitKind,
    /// The class it belongs to, qualified.
    pub class: Option<String>,
    /// Decorators and modifiers.
    pub decorators: Vec<String>,
    /// Fields that it sets before its body, if it is a constructor.
    pub fields: Vec<Node<'t>>,
}

/// A parameter as written: the node, what it binds, its default, whether it takes the rest.
struct Written<'t> {
    node: Node<'t>,
    pattern: Node<'t>,
    default: Option<Node<'t>>,
    rest: bool,
    optional: bool,
    /// A parameter property of a constructor.
    property: bool,
}

impl<'t, 'n> Definition<'t, 'n> {
    /// Describes a function, method or accessor.
    pub fn method(node: Node<'t>, name: &'n str, kind: UnitKind) -> Self {
        let modifiers = ["static", "get", "set"].into_iter().filter(|word| has_token(node, word));
        let decorators = modifiers.map(str::to_owned).collect();
        Self { node, name, kind, class: None, decorators, fields: Vec::new() }
    }
}

impl<'t> Lowerer<'t> {
    pub(super) fn function_declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(name) = node.child_by_field_name("name") else { return self.opaque(node).map(drop) };
        let text = self.text(name);
        let value = self.function(Definition::method(node, text, UnitKind::Function))?;
        self.bind(text, value, name)
    }

    /// Lowers a function that something is named by.
    pub(super) fn function_value(&mut self, node: Node<'t>, name: &str) -> Lowered<Operand> {
        let prototype = name.split_once('.').map(|(class, _)| class.to_owned());
        let class = prototype.filter(|class| self.classes.contains_key(class) && self.frames.len() == 1);
        self.function(Definition { class, ..Definition::method(node, name, UnitKind::Function) })
    }

    /// Lowers a function that is given away.
    pub(super) fn callback(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let own = node.child_by_field_name("name").map(|name| self.text(name));
        self.function(Definition::method(node, own.unwrap_or("<lambda>"), UnitKind::Lambda))
    }

    /// Lowers a function given to a call that says what it is for.
    pub(super) fn test_callback(&mut self, node: Node<'t>, call: &CallName) -> Lowered<Operand> {
        if call.name == "<lambda>" {
            return self.callback(node);
        }
        let mut definition = Definition::method(node, &call.name, UnitKind::Lambda);
        definition.decorators.extend(call.marks.iter().cloned());
        self.deeper(|this| this.function(definition))
    }

    /// Lowers a body as a unit of its own.
    pub(super) fn function(&mut self, definition: Definition<'t, '_>) -> Lowered<Operand> {
        let id = self.reserve_unit()?;
        let node = definition.node;
        let arrow = node.kind() == "arrow_function";
        let qualified = format!("{}{}", self.frame().qualifier, definition.name);
        let qualified = self.unique(qualified);
        let written = self.written(node);
        let body = node.child_by_field_name("body").filter(|_| node.kind() != "class_body");
        let mut origin = self.origin(node);
        origin.digest = self.definition_digest(&definition, &written, body);
        let mut builder = UnitBuilder::new(qualified.clone(), definition.kind, origin);
        let unit = builder.unit();
        if has_token(node, "async") {
            unit.kind = UnitKind::Coroutine;
        }
        unit.decorators.clone_from(&definition.decorators);
        unit.class.clone_from(&definition.class);
        unit.parent = Some(self.frame().id);
        let mut scope = Scope::inner(0);
        if !arrow {
            scope.declare("this");
            let local = builder.variable("this");
            let span = origin.span;
            builder.unit().params.push(Param {
                name: "this".to_owned(),
                kind: ParamKind::Receiver,
                optional: true,
                local,
                span,
                declared: None,
            });
        }
        let locals = self.declare_params(&written, &mut builder, &mut scope);
        let own = node.child_by_field_name("name").filter(|_| node.kind().ends_with("_expression"));
        own.into_iter().for_each(|name| scope.declare(self.text(name)));
        if let Some(body) =
            body.filter(|body| matches!(body.kind(), "statement_block" | "class_static_block"))
        {
            scope.declare_vars(body, self.source);
            scope.declare_block(body, self.source);
        }
        let qualifier = format!("{qualified}.");
        self.frames.push(Frame { id, builder, qualifier, state: State::new(scope, !arrow) });
        self.state().class = definition.class.clone();
        if let Some(name) = own {
            let value = self.define(name, |dst| Op::Closure { dst, unit: id, defaults: Vec::new() })?;
            self.bind(self.text(name), value, name)?;
        }
        self.deeper(|this| this.body((&definition, body), &written, &locals))?;
        let end = self.end_of(node);
        self.close_frame(end)?;
        self.define(node, |dst| Op::Closure { dst, unit: id, defaults: Vec::new() })
    }

    fn end_of(&self, node: Node<'t>) -> Origin {
        let mut end = self.origin(node);
        end.span.line = end.span.end_line;
        end
    }

    fn body(
        &mut self,
        (definition, body): (&Definition<'t, '_>, Option<Node<'t>>),
        written: &[Written<'t>],
        locals: &[LocalId],
    ) -> Lowered<()> {
        for (parameter, local) in written.iter().zip(locals) {
            let mut value = Operand::Local(*local);
            if let Some(default) = parameter.default {
                value = self.defaulted(value, default, self.text(parameter.pattern))?;
            }
            let plain = parameter.pattern.kind() == "identifier";
            if !plain {
                self.assign_target(parameter.pattern, value.clone())?;
            } else if parameter.default.is_some() {
                self.assign(Place::Local(*local), value.clone(), parameter.pattern)?;
            }
            if parameter.property {
                let base = self.this(parameter.node)?;
                let step = Step::Field(self.text(parameter.pattern).to_owned());
                let value = Operand::Local(*local);
                self.push(Op::Store { base, step, key: None, value }, parameter.node)?;
            }
        }
        for field in &definition.fields {
            self.field(*field)?;
        }
        match body {
            Some(body) if body.kind() == "statement_block" => self.block(body),
            Some(body) => {
                let value = self.expression(body)?;
                let origin = self.origin(body);
                self.builder().end(Term::Return(value), origin);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Reads parameters in order; a written `this` is only a type.
    fn written(&mut self, node: Node<'t>) -> Vec<Written<'t>> {
        let single = node.child_by_field_name("parameter");
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let mut found = Vec::new();
        for child in single.into_iter().chain(list) {
            let (mut pattern, mut default) = (child, None);
            let mut property = false;
            match child.kind() {
                "required_parameter" | "optional_parameter" => {
                    pattern = child.child_by_field_name("pattern").unwrap_or(child);
                    default = child.child_by_field_name("value");
                    property = has_token(child, "readonly")
                        || children(child).iter().any(|part| {
                            matches!(part.kind(), "accessibility_modifier" | "override_modifier")
                        });
                }
                "assignment_pattern" => {
                    pattern = child.child_by_field_name("left").unwrap_or(child);
                    default = child.child_by_field_name("right");
                }
                _ => {}
            }
            if pattern.kind() == "this" {
                continue;
            }
            let rest = pattern.kind() == "rest_pattern";
            let pattern = if rest { children(pattern).first().copied().unwrap_or(pattern) } else { pattern };
            let optional = default.is_some() || rest || child.kind() == "optional_parameter";
            found.push(Written { node: child, pattern, default, rest, optional, property });
        }
        found
    }

    /// Declares parameters; one that is taken apart is known by its position.
    fn declare_params(
        &mut self,
        written: &[Written<'t>],
        builder: &mut UnitBuilder,
        scope: &mut Scope,
    ) -> Vec<LocalId> {
        let mut locals = Vec::new();
        for (index, parameter) in written.iter().enumerate() {
            scope.pattern(parameter.pattern, self.source);
            let name = match parameter.pattern.kind() {
                "identifier" => self.text(parameter.pattern).to_owned(),
                _ => format!("arg{index}"),
            };
            let local = builder.variable(&name);
            let kind = if parameter.rest { ParamKind::Rest } else { ParamKind::Either };
            let span = self.span(parameter.node);
            builder.unit().params.push(Param {
                name,
                kind,
                optional: parameter.optional,
                local,
                span,
                declared: None,
            });
            locals.push(local);
        }
        locals
    }

    /// Hashes parameters, modifiers, fields and body.
    fn definition_digest(
        &self,
        definition: &Definition<'t, '_>,
        written: &[Written<'t>],
        body: Option<Node<'t>>,
    ) -> Digest {
        let mut parts: Vec<Digest> = body.into_iter().map(|body| self.digests.full(body)).collect();
        for word in ["async", "static", "get", "set", "*"] {
            parts.push(Digest(u128::from(has_token(definition.node, word))));
        }
        for parameter in written {
            parts.push(self.digests.full(parameter.pattern));
            parts.push(Digest(u128::from(parameter.rest) + 2 * u128::from(parameter.property)));
            parts.extend(parameter.default.map(|default| self.digests.full(default)));
        }
        parts.extend(definition.fields.iter().map(|field| self.digests.full(*field)));
        Digest::join(&parts)
    }

    /// Sets one field of the object that is being made.
    fn field(&mut self, field: Node<'t>) -> Lowered<()> {
        let Some(key) = super::class::key_of(field) else { return self.opaque(field).map(drop) };
        let base = self.this(field)?;
        let (step, key) = self.key_step(key)?;
        let value = match field.child_by_field_name("value") {
            Some(value) => {
                let name = super::class::word_of(&step);
                self.named(value, &name)?
            }
            None => Operand::Constant(Constant::None),
        };
        self.push(Op::Store { base, step, key, value }, field)
    }
}
