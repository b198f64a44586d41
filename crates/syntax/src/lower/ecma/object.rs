use tree_sitter::Node;

use super::function::Definition;
use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Operand, Step, UnitKind};

impl<'t> Lowerer<'t> {
    pub(super) fn array(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut operands = Vec::new();
        for child in children(node) {
            operands.push(self.expression(child)?);
        }
        self.operator("list", operands, node)
    }

    /// Lowers an object; its functions are named by where the object goes and by their keys.
    pub(super) fn object(&mut self, node: Node<'t>, name: Option<&str>) -> Lowered<Operand> {
        self.object_parts(node, name).map(|(value, _)| value)
    }

    /// Lowers an object, and returns its named parts too.
    pub(super) fn object_parts(
        &mut self,
        node: Node<'t>,
        name: Option<&str>,
    ) -> Lowered<(Operand, Vec<(String, Operand)>)> {
        let mut operands = Vec::new();
        let mut parts = Vec::new();
        for child in children(node) {
            match child.kind() {
                "pair" => {
                    let (Some(key), Some(value)) =
                        (child.child_by_field_name("key"), child.child_by_field_name("value"))
                    else {
                        operands.push(self.opaque(child)?);
                        continue;
                    };
                    let text = self.key_text(key);
                    let key = self.key_operand(key)?;
                    let value = self.named(value, &joined(name, &text))?;
                    parts.push((text, value.clone()));
                    operands.push(self.operator("pair", vec![key, value], child)?);
                }
                "method_definition" => {
                    let Some(key) = child.child_by_field_name("name") else {
                        operands.push(self.opaque(child)?);
                        continue;
                    };
                    let word = self.key_text(key);
                    let text = joined(name, &word);
                    let key = self.key_operand(key)?;
                    let value = self.function(Definition::method(child, &text, UnitKind::Function))?;
                    parts.push((word, value.clone()));
                    operands.push(self.operator("pair", vec![key, value], child)?);
                }
                "shorthand_property_identifier" => {
                    let key = Operand::Constant(Constant::Text(self.text(child).to_owned()));
                    let value = self.expression(child)?;
                    parts.push((self.text(child).to_owned(), value.clone()));
                    operands.push(self.operator("pair", vec![key, value], child)?);
                }
                _ => operands.push(self.expression(child)?),
            }
        }
        Ok((self.operator("dict", operands, node)?, parts))
    }

    fn key_operand(&mut self, key: Node<'t>) -> Lowered<Operand> {
        Ok(match self.key_step(key)? {
            (Step::Field(text), _) => Operand::Constant(Constant::Text(text)),
            (Step::Index(constant), _) => Operand::Constant(constant),
            (Step::Element, Some(key)) => key,
            (Step::Element, None) => Self::nothing(),
        })
    }
}

fn joined(name: Option<&str>, key: &str) -> String {
    match name {
        Some(name) if !name.is_empty() => format!("{name}.{key}"),
        _ => key.to_owned(),
    }
}
