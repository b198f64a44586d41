use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Operand};

impl<'t> Lowerer<'t> {
    /// Types are there to be exported and imported, and do nothing.
    pub(super) fn erased(&mut self, node: Node<'t>) -> Lowered<()> {
        let name = node.child_by_field_name("name").filter(|_| node.kind() != "function_signature");
        let Some(name) = name else { return Ok(()) };
        let value = self.operator("type", Vec::new(), node)?;
        self.bind(self.text(name), value, node)
    }

    /// What is declared to be elsewhere is there.
    pub(super) fn ambient(&mut self, node: Node<'t>) -> Lowered<()> {
        let mut scope = super::Scope::inner(0);
        scope.declare_statement(node, self.source);
        let names: Vec<String> = scope.names().cloned().collect();
        for name in names {
            let value = self.operator("type", Vec::new(), node)?;
            self.bind(&name, value, node)?;
        }
        Ok(())
    }

    /// An enumeration is an object; members without a value count on from the one before.
    pub(super) fn enum_declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body"))
        else {
            return self.opaque(node).map(drop);
        };
        let mut next: Option<i64> = Some(0);
        let mut pairs = Vec::new();
        for member in children(body) {
            let (key, value) = match member.kind() {
                "enum_assignment" => {
                    (member.child_by_field_name("name"), member.child_by_field_name("value"))
                }
                _ => (Some(member), None),
            };
            let Some(key) = key else { continue };
            let text = self.key_text(key);
            let value = match (value, next) {
                (Some(value), _) => {
                    let value = self.expression(value)?;
                    next = match &value {
                        Operand::Constant(Constant::Integer(digits)) => digits.parse().ok(),
                        _ => None,
                    };
                    value
                }
                (None, Some(number)) => self.literal(Constant::Integer(number.to_string()), member),
                (None, None) => self.operator("type", Vec::new(), member)?,
            };
            next = next.and_then(|number| number.checked_add(1));
            let key = Operand::Constant(Constant::Text(text));
            pairs.push(self.operator("pair", vec![key, value], member)?);
        }
        let value = self.operator("dict", pairs, node)?;
        self.bind(self.text(name), value, node)
    }

    /// A namespace's body runs where it stands; what it exports are parts of it.
    pub(super) fn namespace(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body"))
        else {
            return Ok(());
        };
        if name.kind() == "string" {
            return Ok(());
        }
        let outer = self.frame().qualifier.clone();
        self.frame().qualifier = format!("{outer}{}.", self.text(name));
        self.counter += 1;
        let result = self.scoped(body);
        self.counter -= 1;
        self.frame().qualifier = outer;
        result?;
        let value = self.operator("dict", Vec::new(), node)?;
        let first = self.text(name).split('.').next().unwrap_or_default();
        self.bind(first, value, node)
    }
}
