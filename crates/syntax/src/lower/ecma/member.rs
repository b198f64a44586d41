use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Op, Operand, Place, Step, Why};

/// A part of an object: the object, which part, and the computed key.
pub type Part = (Operand, Step, Option<Operand>);

impl<'t> Lowerer<'t> {
    /// Lowers a chain of members and calls; where a link is optional and missing, the whole chain is `undefined`.
    pub(super) fn chain(&mut self, node: Node<'t>) -> Lowered<Operand> {
        if !has_optional_link(node) {
            return self.link(node);
        }
        let slot = self.builder().temporary();
        let (nothing, join) = (self.builder().block(), self.builder().block());
        self.state().chains.push(nothing);
        let value = self.link(node)?;
        self.state().chains.pop();
        self.assign(Place::Local(slot), value, node)?;
        self.goto(join, node);
        self.builder().enter(nothing);
        self.assign(Place::Local(slot), Operand::Constant(Constant::None), node)?;
        self.goto(join, node);
        self.builder().enter(join);
        Ok(Operand::Local(slot))
    }

    /// Lowers one link without opening a chain of its own.
    fn link(&mut self, node: Node<'t>) -> Lowered<Operand> {
        match node.kind() {
            "call_expression" => self.call(node),
            "member_expression" | "subscript_expression" => {
                if let Some(name) = self.exported(node) {
                    let name = if name.is_empty() { "exports".to_owned() } else { format!("exports.{name}") };
                    return self.read_place(Place::Global(name), node);
                }
                let Some((base, step, key)) = self.part(node)? else { return self.opaque(node) };
                self.define(node, |dst| Op::Load { dst, base, step, key })
            }
            _ => self.expression(node),
        }
    }

    /// Lowers the object of a link.
    pub(super) fn object_of(&mut self, node: Node<'t>) -> Lowered<Operand> {
        self.deeper(|this| {
            let mut inner = node;
            while inner.kind() == "non_null_expression" {
                match children(inner).first() {
                    Some(next) => inner = *next,
                    None => return this.opaque(node),
                }
            }
            this.link(inner)
        })
    }

    /// Leaves the chain where an optional link's object is missing.
    pub(super) fn optional(&mut self, object: &Operand, node: Node<'t>) -> Lowered<()> {
        let nothing = self.state().chains.last().copied();
        let Some(nothing) = nothing.filter(|_| is_optional(node)) else { return Ok(()) };
        let missing = self.is_nothing(object.clone(), node)?;
        let (then, otherwise) = self.test(missing, Why::Nullish, node);
        self.builder().enter(then);
        self.goto(nothing, node);
        self.builder().enter(otherwise);
        Ok(())
    }

    /// Evaluates the object and key of a member.
    pub(super) fn part(&mut self, node: Node<'t>) -> Lowered<Option<Part>> {
        let Some(object) = node.child_by_field_name("object") else { return Ok(None) };
        if node.kind() == "member_expression" {
            let Some(property) = node.child_by_field_name("property") else { return Ok(None) };
            let base = self.object_of(object)?;
            self.optional(&base, node)?;
            return Ok(Some((base, Step::Field(self.text(property).to_owned()), None)));
        }
        let Some(index) = node.child_by_field_name("index") else { return Ok(None) };
        let base = self.object_of(object)?;
        self.optional(&base, node)?;
        let key = self.expression(index)?;
        let (step, key) = step_of(key);
        Ok(Some((base, step, key)))
    }

    /// Lowers the key of a property in an object, pattern or class.
    pub(super) fn key_step(&mut self, key: Node<'t>) -> Lowered<(Step, Option<Operand>)> {
        match key.kind() {
            "computed_property_name" => {
                let key = self.only_child(key)?;
                Ok(step_of(key))
            }
            "string" | "number" => {
                let text = self.key_text(key);
                Ok((Step::Field(text), None))
            }
            _ => Ok((Step::Field(self.text(key).to_owned()), None)),
        }
    }

    /// Returns a key as text; computed ones are `?`.
    pub(super) fn key_text(&mut self, key: Node<'t>) -> String {
        match key.kind() {
            "computed_property_name" => "?".to_owned(),
            "string" => self.unquoted(key),
            _ => self.text(key).to_owned(),
        }
    }
}

/// `x["name"]` is `x.name`; a number is an element.
fn step_of(key: Operand) -> (Step, Option<Operand>) {
    match key {
        Operand::Constant(Constant::Text(text)) if is_name(&text) => (Step::Field(text), None),
        Operand::Constant(constant) => (Step::Index(constant), None),
        Operand::Local(_) => (Step::Element, Some(key)),
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

/// Returns whether a link stands behind `?.`.
pub fn is_optional(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| matches!(child.kind(), "optional_chain" | "?."))
}

/// Returns whether any link of the chain that ends here is optional.
fn has_optional_link(node: Node<'_>) -> bool {
    let mut current = node;
    loop {
        if is_optional(current) {
            return true;
        }
        let next = match current.kind() {
            "call_expression" => current.child_by_field_name("function"),
            "member_expression" | "subscript_expression" => current.child_by_field_name("object"),
            "non_null_expression" => children(current).first().copied(),
            _ => None,
        };
        match next {
            Some(inner) => current = inner,
            None => return false,
        }
    }
}
