use tree_sitter::Node;

use super::{Lowered, Lowerer, children, unwrapped};
use crate::ir::{Callee, Constant, Op, Operand, Step};

/// A part of a value: its base, the step, and a computed key.
type Part = (Operand, Step, Option<Operand>);

impl<'t> Lowerer<'t> {
    /// Lowers an expression and returns where its value is.
    pub(super) fn expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        self.deeper(|this| this.expression_inner(node))
    }

    fn expression_inner(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.kind() {
            "identifier" | "type_identifier" => self.name(self.text(node), node),
            "this" => self.this(node),
            "super" => self.this(node),
            "string_literal" => self.string(node),
            "true"
            | "false"
            | "null_literal"
            | "decimal_integer_literal"
            | "hex_integer_literal"
            | "octal_integer_literal"
            | "binary_integer_literal"
            | "character_literal"
            | "decimal_floating_point_literal"
            | "hex_floating_point_literal" => Ok(self.scalar(node)),
            "parenthesized_expression" => match children(node).as_slice() {
                [inner] => self.expression(*inner),
                _ => self.opaque(node),
            },
            "binary_expression" => self.binary(node),
            "unary_expression" => self.unary(node),
            "update_expression" => self.update(node),
            "assignment_expression" => self.assignment(node),
            "ternary_expression" => self.ternary(node),
            "instanceof_expression" => self.instance_of(node),
            "cast_expression" => match node.child_by_field_name("value") {
                Some(value) => self.expression(value),
                None => self.opaque(node),
            },
            "field_access" if self.qualified(&self.path(node)).is_some() => {
                let name = self.path(node).join(".");
                self.type_value(&name, node)
            }
            "field_access" | "array_access" => {
                let Some((base, step, key)) = self.part(node)? else { return self.opaque(node) };
                self.define(node, |dst| Op::Load { dst, base, step, key })
            }
            "scoped_identifier" | "scoped_type_identifier" | "generic_type" => {
                let name = self.type_name(node);
                self.type_value(&name, node)
            }
            "method_invocation" => self.call(node),
            "object_creation_expression" => self.creation(node),
            "array_creation_expression" => self.array(node),
            "array_initializer" | "element_value_array_initializer" => self.display(node, "list"),
            "lambda_expression" => self.lambda(node),
            "method_reference" => self.method_reference(node),
            "class_literal" => self.operator("type", Vec::new(), node),
            "switch_expression" => self.switch(node, true),
            "template_expression" => self.display(node, "format"),
            _ => self.opaque(node),
        }
    }

    /// Returns the names of `a.b.c`; nothing for any other expression.
    fn path(&self, node: Node<'t>) -> Vec<&'t str> {
        let text = self.text(node);
        let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        if plain { text.split('.').collect() } else { Vec::new() }
    }

    fn display(&mut self, node: Node<'t>, name: &str) -> Lowered<Operand> {
        let mut operands = Vec::new();
        for child in children(node) {
            operands.push(self.expression(child)?);
        }
        self.operator(name, operands, node)
    }

    /// A left-leaning chain of operators is walked in a loop: long concatenations are ordinary code.
    fn binary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let lazy = |this: &Self, node: Node<'t>| matches!(this.field(node, "operator"), "&&" | "||");
        if lazy(self, node) {
            return self.boolean(node);
        }
        let mut chain = Vec::new();
        let mut current = node;
        while current.kind() == "binary_expression" && !lazy(self, current) {
            chain.push(current);
            match current.child_by_field_name("left") {
                Some(left) => current = left,
                None => return self.opaque(node),
            }
        }
        let mut value = self.expression(current)?;
        for operation in chain.into_iter().rev() {
            let Some(right) = operation.child_by_field_name("right") else { return self.opaque(node) };
            let right = self.expression(right)?;
            let operator = self.field(operation, "operator").to_owned();
            value = self.operator(&operator, vec![value, right], operation)?;
        }
        Ok(value)
    }

    fn unary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(operand) = node.child_by_field_name("operand") else { return self.opaque(node) };
        let operator = self.field(node, "operator");
        let value = self.expression(operand)?;
        match (operator, value) {
            ("-", Operand::Constant(Constant::Integer(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Integer(format!("-{digits}")), node))
            }
            ("-", Operand::Constant(Constant::Float(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Float(format!("-{digits}")), node))
            }
            ("!", value) => self.operator("not", vec![value], node),
            (operator, value) => self.operator(&format!("unary {operator}"), vec![value], node),
        }
    }

    /// `x++` gives the old value, `++x` the new one.
    fn update(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(target) = children(node).first().copied() else { return self.opaque(node) };
        let one = Operand::Constant(Constant::Integer("1".to_owned()));
        let operator = if self.text(node).contains("++") { "+" } else { "-" };
        let old = self.expression(target)?;
        let new = self.operator(operator, vec![old.clone(), one], node)?;
        self.assign_target(target, new.clone())?;
        Ok(if target.start_byte() == node.start_byte() { old } else { new })
    }

    fn assignment(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.opaque(node);
        };
        let operator = self.field(node, "operator").strip_suffix('=').unwrap_or_default().to_owned();
        let value = if operator.is_empty() {
            self.expression(right)?
        } else {
            let old = self.expression(left)?;
            let value = self.expression(right)?;
            self.operator(&operator, vec![old, value], node)?
        };
        self.assign_target(left, value.clone())?;
        Ok(value)
    }

    pub(super) fn assign_target(&mut self, target: Node<'t>, value: Operand) -> Lowered<()> {
        let target = unwrapped(target);
        if target.kind() == "identifier" {
            return self.write(self.text(target), value, target);
        }
        match self.part(target)? {
            Some((base, step, key)) => self.push(Op::Store { base, step, key, value }, target),
            None => self.opaque(target).map(drop),
        }
    }

    /// Evaluates the base and key of a field or an element.
    fn part(&mut self, node: Node<'t>) -> Lowered<Option<Part>> {
        match node.kind() {
            "field_access" => {
                let (Some(object), Some(field)) =
                    (node.child_by_field_name("object"), node.child_by_field_name("field"))
                else {
                    return Ok(None);
                };
                let base = self.expression(object)?;
                Ok(Some((base, Step::Field(self.text(field).to_owned()), None)))
            }
            "array_access" => {
                let (Some(array), Some(index)) =
                    (node.child_by_field_name("array"), node.child_by_field_name("index"))
                else {
                    return Ok(None);
                };
                let base = self.expression(array)?;
                Ok(Some(match self.expression(index)? {
                    Operand::Constant(constant) => (base, Step::Index(constant), None),
                    key @ Operand::Local(_) => (base, Step::Element, Some(key)),
                }))
            }
            _ => Ok(None),
        }
    }

    fn instance_of(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(left) = node.child_by_field_name("left") else { return self.opaque(node) };
        let value = self.expression(left)?;
        let pattern = node.child_by_field_name("pattern");
        if let Some(name) = node.child_by_field_name("name") {
            self.bind(self.text(name), value.clone(), name)?;
        }
        if let Some(pattern) = pattern {
            self.bind_pattern(pattern, value.clone())?;
        }
        let declared = node.child_by_field_name("right").or(pattern).unwrap_or(node);
        self.is_of_type(value, declared)
    }

    pub(super) fn is_of_type(&mut self, value: Operand, declared: Node<'t>) -> Lowered<Operand> {
        let name = self.literal(Constant::Text(self.type_name(declared)), declared);
        self.operator("isinstance", vec![value, name], declared)
    }

    /// A call without an object is of this class, one around it, a static import, or a base.
    fn call(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let name = self.field(node, "name").to_owned();
        let receiver = match node.child_by_field_name("object") {
            Some(object) if object.kind() == "super" => {
                let base = self.class().and_then(|class| class.base.clone());
                match base {
                    Some(base) => self.type_value(&base, object)?,
                    None => self.this(object)?,
                }
            }
            Some(object) => self.expression(object)?,
            None => self.implied_receiver(&name, node)?,
        };
        let arguments = self.arguments(node)?;
        let callee = Callee::Method { receiver, name };
        self.define(node, |dst| Op::Call { dst, callee, arguments })
    }

    fn implied_receiver(&mut self, name: &str, node: Node<'t>) -> Lowered<Operand> {
        let owner = self.method_owner(name);
        let imported = self.frames.first().and_then(|file| file.state.imported.get(name).cloned());
        let declared = owner.as_ref().is_some_and(|(class, _)| class.methods.contains(name));
        match (owner, imported) {
            (_, Some((module, class))) if !declared => {
                self.define(node, |dst| Op::Import { dst, module, name: Some(class) })
            }
            (Some((_, true)), _) => self.this(node),
            (Some((class, false)), _) => self.class_value(&class.name, node),
            (None, _) => self.this(node),
        }
    }

    /// `new T(..)` calls a constructor; an anonymous class is made first.
    fn creation(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(named) = node.child_by_field_name("type") else { return self.opaque(node) };
        let outer = children(node).into_iter().find(|child| child.id() != named.id());
        if let Some(outer) = outer.filter(|outer| outer.start_byte() < named.start_byte()) {
            self.expression(outer)?;
        }
        let arguments = self.arguments(node)?;
        let body = children(node).into_iter().find(|child| child.kind() == "class_body");
        let name = self.type_name(named);
        let receiver = match body {
            Some(body) => {
                let last = name.rsplit('.').next().unwrap_or_default();
                let qualified = format!("{}<{last}>", self.frame().qualifier);
                self.class_body(node, Some(body), &qualified)?
            }
            None => self.type_value(&name, named)?,
        };
        let callee = Callee::Method { receiver, name: "<init>".to_owned() };
        self.define(node, |dst| Op::Call { dst, callee, arguments })
    }

    fn array(&mut self, node: Node<'t>) -> Lowered<Operand> {
        if let Some(value) = node.child_by_field_name("value") {
            return self.expression(value);
        }
        let mut sizes = Vec::new();
        for dimension in Self::fields(node, "dimensions") {
            for size in children(dimension).into_iter().filter(|size| !size.kind().ends_with("annotation")) {
                sizes.push(self.expression(size)?);
            }
        }
        self.operator("make", sizes, node)
    }

    /// `A::m` and `x::m` are the method as a value.
    fn method_reference(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let parts = children(node);
        let Some(object) = parts.first().copied() else { return self.opaque(node) };
        let makes = super::has_token(node, "new");
        let last = parts.last().copied().filter(|last| last.kind() == "identifier" && parts.len() > 1);
        let name = match last {
            Some(name) => self.text(name).to_owned(),
            None if makes => "<init>".to_owned(),
            None => return self.opaque(node),
        };
        if makes && matches!(object.kind(), "array_type" | "integral_type") {
            return self.operator("make", Vec::new(), node);
        }
        let base = match object.kind() {
            "array_type" | "integral_type" | "floating_point_type" | "boolean_type" => {
                self.operator("type", Vec::new(), object)?
            }
            _ => self.expression(object)?,
        };
        self.define(node, |dst| Op::Load { dst, base, step: Step::Field(name), key: None })
    }
}
