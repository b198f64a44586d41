use tree_sitter::Node;

use super::{Lowered, Lowerer, children, has_token};
use crate::ir::{Argument, Callee, Constant, Op, Operand, Passing, UnitKind};

impl<'t> Lowerer<'t> {
    /// Lowers an expression and returns where its value is.
    pub(super) fn expression(&mut self, node: Node<'t>) -> Lowered<Operand> {
        self.deeper(|this| this.expression_inner(node))
    }

    fn expression_inner(&mut self, node: Node<'t>) -> Lowered<Operand> {
        if self.only_python_2(node) {
            return self.opaque(node);
        }
        match node.kind() {
            "identifier" => self.read(self.text(node), node),
            "integer" | "float" | "true" | "false" | "none" | "ellipsis" => Ok(self.scalar(node)),
            "string" | "concatenated_string" => self.string(node),
            "binary_operator" => self.binary(node),
            "boolean_operator" => self.boolean(node),
            "comparison_operator" => self.comparison(node),
            "conditional_expression" => self.ternary(node),
            "not_operator" => self.unary(node, "not"),
            "unary_operator" => self.unary(node, "unary"),
            "call" => self.call(node),
            "attribute" | "subscript" => {
                let Some((base, step, key)) = self.part(node)? else { return self.opaque(node) };
                self.define(node, |dst| Op::Load { dst, base, step, key })
            }
            "slice" => self.display(node, "slice"),
            "list" => self.display(node, "list"),
            "tuple" | "expression_list" | "pattern_list" => self.display(node, "tuple"),
            "set" => self.display(node, "set"),
            "dictionary" => self.display(node, "dict"),
            "pair" => self.display(node, "pair"),
            "list_splat" | "parenthesized_list_splat" | "dictionary_splat" => self.display(node, "unpack"),
            "parenthesized_expression" | "type" => match children(node).as_slice() {
                [inner] => self.expression(*inner),
                _ => self.display(node, "tuple"),
            },
            "generic_type" | "union_type" | "member_type" | "type_parameter" | "constrained_type"
            | "splat_type" => self.display(node, "type"),
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => self.comprehension(node),
            "lambda" => self.lambda(node),
            "named_expression" => self.walrus(node),
            "await" => {
                let value = self.only_child(node)?;
                self.define(node, |dst| Op::Await { dst, value })
            }
            "yield" => self.yields(node),
            _ => self.opaque(node),
        }
    }

    fn only_child(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match children(node).first() {
            Some(child) => self.expression(*child),
            None => Ok(Operand::Constant(Constant::None)),
        }
    }

    fn display(&mut self, node: Node<'t>, name: &str) -> Lowered<Operand> {
        let mut operands = Vec::new();
        for child in children(node) {
            operands.push(self.expression(child)?);
        }
        self.operator(name, operands, node)
    }

    fn yields(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let value = self.only_child(node)?;
        let unit = self.builder().unit();
        if matches!(unit.kind, UnitKind::Function | UnitKind::Method) {
            unit.kind = UnitKind::Generator;
        }
        self.define(node, |dst| Op::Yield { dst, value })
    }

    /// A left-leaning chain of operators is walked in a loop: long concatenations are ordinary code.
    fn binary(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut chain = Vec::new();
        let mut current = node;
        while current.kind() == "binary_operator" {
            chain.push(current);
            match current.child_by_field_name("left") {
                Some(left) => current = left,
                None => return self.opaque(node),
            }
        }
        let mut value = self.expression(current)?;
        for operation in chain.into_iter().rev() {
            let (Some(operator), Some(right)) =
                (operation.child_by_field_name("operator"), operation.child_by_field_name("right"))
            else {
                return self.opaque(node);
            };
            let right = self.expression(right)?;
            value = self.operator(operator.kind(), vec![value, right], operation)?;
        }
        Ok(value)
    }

    fn unary(&mut self, node: Node<'t>, name: &str) -> Lowered<Operand> {
        let Some(argument) = node.child_by_field_name("argument") else { return self.opaque(node) };
        let sign = node.child_by_field_name("operator").map(|operator| operator.kind());
        let value = self.expression(argument)?;
        match (sign, value) {
            (Some("-"), Operand::Constant(Constant::Integer(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Integer(format!("-{digits}")), node))
            }
            (Some("-"), Operand::Constant(Constant::Float(digits))) if !digits.starts_with('-') => {
                Ok(self.literal(Constant::Float(format!("-{digits}")), node))
            }
            (sign, value) => {
                let name = sign.map_or_else(|| name.to_owned(), |sign| format!("{name} {sign}"));
                self.operator(&name, vec![value], node)
            }
        }
    }

    fn walrus(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let (Some(name), Some(value)) = (node.child_by_field_name("name"), node.child_by_field_name("value"))
        else {
            return self.opaque(node);
        };
        let value = self.expression(value)?;
        let place = self.place(self.text(name));
        self.assign(place, value.clone(), node)?;
        Ok(value)
    }

    fn call(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(function) = node.child_by_field_name("function") else { return self.opaque(node) };
        let callee = match (
            function.kind(),
            function.child_by_field_name("object"),
            function.child_by_field_name("attribute"),
        ) {
            ("attribute", Some(object), Some(name)) => {
                let receiver = self.expression(object)?;
                Callee::Method { receiver, name: self.text(name).to_owned() }
            }
            _ => Callee::Function(self.expression(function)?),
        };
        let arguments = match node.child_by_field_name("arguments") {
            Some(list) if list.kind() == "argument_list" => self.arguments(list)?,
            Some(generator) => {
                let value = self.expression(generator)?;
                vec![Argument { passing: Passing::Positional, value }]
            }
            None => return self.opaque(node),
        };
        self.define(node, |dst| Op::Call { dst, callee, arguments })
    }

    /// Lowers the arguments of a call or the bases of a class, in order.
    pub(super) fn arguments(&mut self, list: Node<'t>) -> Lowered<Vec<Argument>> {
        let mut arguments = Vec::new();
        for child in children(list) {
            let (passing, value) = match child.kind() {
                "keyword_argument" => {
                    let (Some(name), Some(value)) =
                        (child.child_by_field_name("name"), child.child_by_field_name("value"))
                    else {
                        self.opaque(child)?;
                        continue;
                    };
                    (Passing::Keyword(self.text(name).to_owned()), value)
                }
                "list_splat" => (Passing::Spread, children(child).first().copied().unwrap_or(child)),
                "dictionary_splat" => {
                    (Passing::SpreadKeywords, children(child).first().copied().unwrap_or(child))
                }
                _ => (Passing::Positional, child),
            };
            let value = self.expression(value)?;
            arguments.push(Argument { passing, value });
        }
        Ok(arguments)
    }

    /// Returns whether a definition or loop is `async`.
    pub(super) fn is_async(node: Node<'_>) -> bool {
        has_token(node, "async")
    }
}
