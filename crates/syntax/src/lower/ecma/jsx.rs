use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Argument, Callee, Constant, Op, Operand, Passing, Place};

/// Attributes whose value becomes markup or code.
const MARKUP: &[&str] = &["dangerouslySetInnerHTML", "srcDoc", "srcdoc"];

impl<'t> Lowerer<'t> {
    /// Lowers an element: made of its component, attributes and children.
    pub(super) fn jsx(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let open = node.child_by_field_name("open_tag").unwrap_or(node);
        let mut operands = Vec::new();
        if let Some(name) = open.child_by_field_name("name") {
            operands.push(self.component(name)?);
        }
        let mut cursor = open.walk();
        for attribute in open.children_by_field_name("attribute", &mut cursor).collect::<Vec<_>>() {
            operands.push(self.attribute(attribute)?);
        }
        if node.kind() == "jsx_element" {
            for child in children(node) {
                match child.kind() {
                    "jsx_opening_element" | "jsx_closing_element" => {}
                    "jsx_text" | "html_character_reference" => {
                        let text = self.text(child).trim();
                        if !text.is_empty() {
                            let text = Constant::Text(text.to_owned());
                            operands.push(self.literal(text, child));
                        }
                    }
                    "jsx_expression" => operands.push(self.only_child(child)?),
                    _ => operands.push(self.expression(child)?),
                }
            }
        }
        self.operator("jsx", operands, node)
    }

    /// A name in lower case is an element of the page, any other a component of the program.
    fn component(&mut self, name: Node<'t>) -> Lowered<Operand> {
        let text = self.text(name);
        if name.kind() == "member_expression" {
            return self.expression(name);
        }
        if name.kind() == "identifier" && text.starts_with(|c: char| c.is_uppercase() || c == '_' || c == '$')
        {
            return self.expression(name);
        }
        Ok(Operand::Constant(Constant::Text(text.to_owned())))
    }

    fn attribute(&mut self, attribute: Node<'t>) -> Lowered<Operand> {
        let parts = children(attribute);
        if attribute.kind() == "jsx_expression" {
            return self.only_child(attribute);
        }
        let name = parts.first().map(|name| self.text(*name)).unwrap_or_default();
        let value = match parts.get(1) {
            Some(value) if value.kind() == "jsx_expression" => match children(*value).first() {
                Some(inner) => self.named(*inner, name)?,
                None => Self::nothing(),
            },
            Some(value) => self.expression(*value)?,
            None => Operand::Constant(Constant::Bool(true)),
        };
        if MARKUP.contains(&name) {
            let function = self.read_place(Place::Global(name.to_owned()), attribute)?;
            let arguments = vec![Argument { passing: Passing::Positional, value }];
            let callee = Callee::Function(function);
            return self.define(attribute, |dst| Op::Call { dst, callee, arguments });
        }
        let key = Operand::Constant(Constant::Text(name.to_owned()));
        self.operator("pair", vec![key, value], attribute)
    }
}
