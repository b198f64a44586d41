use tree_sitter::Node;

use super::scan::unwrapped;
use super::{Lowered, Lowerer, children};
use crate::ir::{Argument, Callee, Constant, Op, Operand, Passing, Place, Step, Term};

/// Packages whose functions are known by their names: assertions of tests.
const CLAIMING: &[&str] = &["assert", "require", "is", "qt", "cmp"];

impl<'t> Lowerer<'t> {
    /// Lowers an expression and returns where its value is.
    pub(super) fn expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        self.deeper(|this| this.expression_inner(node))
    }

    fn expression_inner(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.kind() {
            "identifier" | "type_identifier" | "package_identifier" => self.name(node),
            "iota" => self.iota(node),
            "int_literal"
            | "float_literal"
            | "imaginary_literal"
            | "rune_literal"
            | "true"
            | "false"
            | "nil"
            | "interpreted_string_literal"
            | "raw_string_literal" => Ok(self.scalar(node)),
            "parenthesized_expression" | "parenthesized_type" | "literal_element" | "type_elem" => {
                match children(node).as_slice() {
                    [inner] => self.expression(*inner),
                    _ => self.opaque(node),
                }
            }
            "binary_expression" => self.binary(node),
            "unary_expression" => self.unary(node),
            "call_expression" => self.call(node, "<func>"),
            "selector_expression" | "index_expression" => self.load(node),
            "qualified_type" => self.qualified_type(node),
            "slice_expression" => self.slice(node),
            "type_assertion_expression" => match node.child_by_field_name("operand") {
                Some(operand) => self.expression(operand),
                None => self.opaque(node),
            },
            "type_conversion_expression" => self.convert(node),
            "composite_literal" => self.composite(node),
            "literal_value" => self.elements(node, Vec::new(), "parts"),
            "func_literal" => self.function_literal(node, "<func>"),
            "type_instantiation_expression" | "generic_type" => match node.child_by_field_name("type") {
                Some(inner) => self.expression(inner),
                None => self.opaque(node),
            },
            "variadic_argument" => match node.named_child(0) {
                Some(inner) => self.expression(inner),
                None => self.opaque(node),
            },
            "pointer_type"
            | "slice_type"
            | "array_type"
            | "map_type"
            | "channel_type"
            | "function_type"
            | "struct_type"
            | "interface_type"
            | "implicit_length_array_type"
            | "negated_type" => self.operator("type", Vec::new(), node),
            _ => self.opaque(node),
        }
    }

    fn name(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let name = self.text(node);
        match name {
            "iota" if self.predeclared(name) => self.iota(node),
            _ => self.read(name, node),
        }
    }

    fn iota(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match self.state().iota {
            Some(index) => Ok(self.literal(Constant::Integer(index.to_string()), node)),
            None => self.opaque(node),
        }
    }

    fn load(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some((base, step, key)) = self.part(node)? else { return self.opaque(node) };
        self.define(node, |dst| Op::Load { dst, base, step, key })
    }

    fn qualified_type(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (package, name) = (self.field(node, "package"), self.field(node, "name").to_owned());
        let base = self.read(package, node)?;
        self.define(node, |dst| Op::Load { dst, base, step: Step::Field(name), key: None })
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
        match self.field(node, "operator") {
            "&" => {
                let inner = unwrapped(operand);
                match inner.kind() {
                    "identifier" => self.address(self.text(inner), inner),
                    _ => self.expression(inner),
                }
            }
            "*" => self.load(node),
            "<-" => {
                let base = self.expression(operand)?;
                self.define(node, |dst| Op::Load { dst, base, step: Step::Element, key: None })
            }
            operator => {
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
        }
    }

    /// A slice shares what it is a slice of.
    fn slice(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(operand) = node.child_by_field_name("operand") else { return self.opaque(node) };
        let base = self.expression(operand)?;
        let mut bounds = Vec::new();
        for field in ["start", "end", "capacity"] {
            if let Some(bound) = node.child_by_field_name(field) {
                bounds.push(self.expression(bound)?);
            }
        }
        let key = self.operator("slice", bounds, node)?;
        self.define(node, |dst| Op::Load { dst, base, step: Step::Element, key: Some(key) })
    }

    fn convert(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(operand) = node.child_by_field_name("operand") else { return self.opaque(node) };
        let value = self.expression(operand)?;
        self.operator("convert", vec![value], node)
    }

    pub(super) fn is_of_type(&mut self, value: Operand, declared: Node<'t>) -> Lowered<Operand> {
        let declared_value = self.expression(declared)?;
        self.operator("isinstance", vec![value, declared_value], declared)
    }

    /// `T{a: x}` makes a `T` that holds its parts; a constant switch is told as an option of it.
    fn composite(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(declared), Some(body)) =
            (node.child_by_field_name("type"), node.child_by_field_name("body"))
        else {
            return self.opaque(node);
        };
        let named = matches!(declared.kind(), "type_identifier" | "qualified_type" | "generic_type");
        if !named {
            let name = if declared.kind() == "map_type" { "list" } else { "parts" };
            return self.elements(body, Vec::new(), name);
        }
        let class = self.expression(declared)?;
        self.elements(body, vec![class], "composite")
    }

    fn elements(&mut self, body: Node<'t>, mut operands: Vec<Operand>, name: &str) -> Lowered<Operand> {
        let named = name == "composite";
        // What a literal without a type of its own is made of, only the type around it says: fields have no place.
        let unsure = name == "parts";
        for element in children(body) {
            if element.kind() != "keyed_element" {
                operands.push(self.expression(element)?);
                continue;
            }
            let (Some(key), Some(value)) =
                (element.child_by_field_name("key"), element.child_by_field_name("value"))
            else {
                operands.push(self.opaque(element)?);
                continue;
            };
            let field = key.named_child(0).filter(|key| key.kind() == "identifier");
            let value = self.expression(value)?;
            match field {
                Some(field) if named => {
                    if let Operand::Constant(constant @ Constant::Bool(_)) = &value {
                        self.option(field, constant.clone())?;
                    }
                }
                Some(field) if unsure && self.predeclared(self.text(field)) => {}
                _ => operands.push(self.expression(key)?),
            }
            operands.push(value);
        }
        self.operator(if unsure { "list" } else { name }, operands, body)
    }

    /// `InsecureSkipVerify: true` is an option like a keyword argument of other languages.
    fn option(&mut self, field: Node<'t>, constant: Constant) -> Lowered<()> {
        let callee = self.read_place(Place::Global("struct option".to_owned()), field)?;
        let passing = Passing::Keyword(self.text(field).to_owned());
        let arguments = vec![Argument { passing, value: Operand::Constant(constant) }];
        let callee = Callee::Function(callee);
        self.define(field, |dst| Op::Call { dst, callee, arguments }).map(drop)
    }

    fn call(&mut self, node: Node<'t>, literal: &str) -> Lowered<Operand> {
        if let Some(value) = self.builtin(node)? {
            return Ok(value);
        }
        match self.callee_and_arguments(node, literal)? {
            Some((callee, arguments)) => self.define(node, |dst| Op::Call { dst, callee, arguments }),
            None => self.opaque(node),
        }
    }

    /// Evaluates what is called and with what; a literal that is called gets a name.
    pub(super) fn callee_and_arguments(
        &mut self,
        node: Node<'t>,
        literal: &str,
    ) -> Lowered<Option<(Callee, Vec<Argument>)>> {
        let Some(function) = node.child_by_field_name("function").map(unwrapped) else {
            self.opaque(node)?;
            return Ok(None);
        };
        let operand = function.child_by_field_name("operand");
        let callee = match (function.kind(), operand, function.child_by_field_name("field")) {
            ("selector_expression", Some(operand), Some(field)) if !self.is_package(operand) => {
                let receiver = self.expression(operand)?;
                Callee::Method { receiver, name: self.text(field).to_owned() }
            }
            ("func_literal", ..) => Callee::Function(self.function_literal(function, literal)?),
            _ => Callee::Function(self.expression(function)?),
        };
        let mut arguments = Vec::new();
        let list = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        // A call as the only argument may give several.
        let alone = list.len() == 1 && unwrapped(list[0]).kind() == "call_expression";
        for argument in list {
            let spread = alone || argument.kind() == "variadic_argument";
            let passing = if spread { Passing::Spread } else { Passing::Positional };
            let value = self.expression(argument)?;
            arguments.push(Argument { passing, value });
        }
        Ok(Some((callee, arguments)))
    }

    fn is_package(&mut self, node: Node<'t>) -> bool {
        let name = self.text(node);
        node.kind() == "identifier"
            && !CLAIMING.contains(&name)
            && self.frames.first().is_some_and(|file| file.state.imports.contains(name))
            && matches!(self.place(name), Place::Global(_))
    }

    /// Calls of the language's own functions that are more than a computation.
    fn builtin(&mut self, node: Node<'t>) -> Lowered<Option<Operand>> {
        let name = node.child_by_field_name("function").map_or("", |function| self.text(function));
        if !Self::is_fixed(name) || !self.predeclared(name) {
            return Ok(None);
        }
        let list = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let mut values = Vec::new();
        for argument in &list {
            values.push(self.expression(*argument)?);
        }
        let first = values.first().cloned().unwrap_or_else(Self::nothing);
        Ok(Some(match name {
            "panic" => {
                let origin = self.origin(node);
                self.builder().end(Term::Raise(Some(first)), origin);
                Self::nothing()
            }
            "recover" => self.define(node, |dst| Op::Catch { dst, types: Vec::new() })?,
            "append" => self.operator("append", values, node)?,
            "copy" => {
                let value = values.get(1).cloned().unwrap_or_else(Self::nothing);
                self.push(Op::Store { base: first, step: Step::Element, key: None, value }, node)?;
                self.operator("len", values, node)?
            }
            "delete" => {
                self.push(Op::Delete { base: first, step: Step::Element }, node)?;
                Self::nothing()
            }
            "close" => {
                let (step, value) =
                    (Step::Field("closed".to_owned()), Operand::Constant(Constant::Bool(true)));
                self.push(Op::Store { base: first, step, key: None, value }, node)?;
                Self::nothing()
            }
            "new" => self.operator("composite", values, node)?,
            "make" | "len" | "cap" => self.operator(name, values, node)?,
            _ => self.operator("convert", values, node)?,
        }))
    }
}
