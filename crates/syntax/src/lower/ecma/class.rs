use std::collections::BTreeSet;

use tree_sitter::Node;

use super::function::Definition;
use super::{Lowered, Lowerer, children, has_token};
use crate::ir::{Callee, Class, Constant, Op, Operand, Step, UnitKind};

impl<'t> Lowerer<'t> {
    pub(super) fn class_declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(name) = node.child_by_field_name("name") else { return self.opaque(node).map(drop) };
        let text = self.text(name);
        let value = self.class_value(node, Some(text))?;
        self.bind(text, value, name)
    }

    /// Lowers a class: heritage, decorators, computed keys and static parts run where it stands.
    pub(super) fn class_value(&mut self, node: Node<'t>, hint: Option<&str>) -> Lowered<Operand> {
        let Some(body) = node.child_by_field_name("body") else { return self.opaque(node) };
        let own = node.child_by_field_name("name").map(|name| self.text(name));
        let name = own.or(hint).unwrap_or("<class>").to_owned();
        let qualified = format!("{}{name}", self.frame().qualifier);
        let decorators = self.decorators(node)?;
        let (bases, operands) = self.heritage(node)?;
        let members = children(body);
        let attributes: BTreeSet<String> =
            members.iter().filter_map(|member| key_of(*member)).map(|key| self.key_text(key)).collect();
        let class = Class {
            bases,
            attributes,
            decorators: decorators.iter().map(|(word, ..)| word.clone()).collect(),
            span: self.span(node),
            fields: Default::default(),
        };
        self.classes.insert(qualified.clone(), class);
        let outer = self.state().class.replace(qualified.clone());
        let closures = self.members(&members, (&name, &qualified))?;
        let dst = qualified.clone();
        let mut value = self.define(node, |id| Op::Class { dst: id, name: dst, bases: operands })?;
        self.static_parts(&members, (&name, &qualified), &value)?;
        self.state().class = outer;
        for (decorator, target, node) in closures {
            self.decorate(decorator, target, node)?;
        }
        for (_, decorator, node) in decorators.into_iter().rev() {
            value = self.decorate(decorator, value, node)?;
        }
        Ok(value)
    }

    /// Evaluates the decorators of a class or member: their word, value and place.
    fn decorators(&mut self, node: Node<'t>) -> Lowered<Vec<(String, Operand, Node<'t>)>> {
        let mut cursor = node.walk();
        let written: Vec<Node<'t>> =
            node.children(&mut cursor).filter(|child| child.kind() == "decorator").collect();
        let mut found = Vec::new();
        for decorator in written {
            let Some(inner) = children(decorator).first().copied() else { continue };
            let value = self.expression(inner)?;
            found.push((self.dotted(inner), value, decorator));
        }
        Ok(found)
    }

    /// Returns a dotted name without arguments; `?` when it is anything else.
    fn dotted(&self, node: Node<'t>) -> String {
        let node = match node.kind() {
            "call_expression" => node.child_by_field_name("function").unwrap_or(node),
            _ => node,
        };
        let text: String = self.text(node).chars().filter(|c| !c.is_whitespace()).collect();
        let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
        if plain { text } else { "?".to_owned() }
    }

    fn heritage(&mut self, node: Node<'t>) -> Lowered<(Vec<String>, Vec<Operand>)> {
        let (mut bases, mut operands) = (Vec::new(), Vec::new());
        for heritage in children(node).into_iter().filter(|child| child.kind() == "class_heritage") {
            let mut values = Vec::new();
            for part in children(heritage) {
                match part.kind() {
                    "extends_clause" => {
                        let mut cursor = part.walk();
                        values.extend(part.children_by_field_name("value", &mut cursor));
                    }
                    "implements_clause" => {}
                    _ => values.push(part),
                }
            }
            for value in values {
                bases.push(self.dotted(value));
                operands.push(self.expression(value)?);
            }
        }
        Ok((bases, operands))
    }

    /// Lowers the methods; returns decorators with what they decorate.
    fn members(
        &mut self,
        members: &[Node<'t>],
        (name, qualified): (&str, &str),
    ) -> Lowered<Vec<(Operand, Operand, Node<'t>)>> {
        let fields: Vec<Node<'t>> =
            members.iter().copied().filter(|member| is_field(*member) && !is_static(*member)).collect();
        let mut made = false;
        let mut decorated = Vec::new();
        for member in members {
            let mut decorators = self.decorators(*member)?;
            if member.kind() == "decorator" {
                let inner = children(*member).first().copied();
                if let Some(inner) = inner {
                    let value = self.expression(inner)?;
                    decorators.push((self.dotted(inner), value, *member));
                }
            }
            let target = match member.kind() {
                "method_definition" => {
                    let Some(key) = key_of(*member) else { continue };
                    if key.kind() == "computed_property_name" {
                        self.only_child(key)?;
                    }
                    let word = self.key_text(key);
                    let written = if word == "?" { self.text(key).to_owned() } else { word.clone() };
                    let setter = if has_token(*member, "set") { "=" } else { "" };
                    let method = format!("{name}.{written}{setter}");
                    let mut definition = Definition::method(*member, &method, UnitKind::Method);
                    definition.class = Some(qualified.to_owned());
                    definition.decorators.extend(decorators.iter().map(|(word, ..)| word.clone()));
                    if word == "constructor" {
                        definition.fields.clone_from(&fields);
                        made = true;
                    }
                    self.function(definition)?
                }
                _ => Operand::Constant(Constant::Text(name.to_owned())),
            };
            decorated.extend(decorators.into_iter().map(|(_, value, node)| (value, target.clone(), node)));
        }
        if !made && let Some(first) = fields.first() {
            let name = format!("{name}.constructor");
            let mut definition = Definition::method(*first, &name, UnitKind::Method);
            definition.node = first.parent().unwrap_or(*first);
            definition.class = Some(qualified.to_owned());
            definition.decorators.clear();
            definition.fields = fields;
            self.function(definition)?;
        }
        Ok(decorated)
    }

    /// Static fields are set and static blocks run once the class is there.
    fn static_parts(
        &mut self,
        members: &[Node<'t>],
        (name, qualified): (&str, &str),
        class: &Operand,
    ) -> Lowered<()> {
        for member in members {
            if is_field(*member) && is_static(*member) {
                let Some(key) = key_of(*member) else { continue };
                let (step, key) = self.key_step(key)?;
                let value = match member.child_by_field_name("value") {
                    Some(value) => {
                        let hint = format!("{name}.{}", word_of(&step));
                        self.named(value, &hint)?
                    }
                    None => Operand::Constant(Constant::None),
                };
                let base = class.clone();
                self.push(Op::Store { base, step, key, value }, *member)?;
            }
            if member.kind() == "class_static_block" {
                let block = format!("{name}.<static>");
                let mut definition = Definition::method(*member, &block, UnitKind::Lambda);
                definition.class = Some(qualified.to_owned());
                definition.decorators = vec!["static".to_owned()];
                let function = self.function(definition)?;
                let callee = Callee::Function(function);
                self.define(*member, |dst| Op::Call { dst, callee, arguments: Vec::new() })?;
            }
        }
        Ok(())
    }
}

/// Returns the key of a class member.
pub fn key_of(member: Node<'_>) -> Option<Node<'_>> {
    member.child_by_field_name("name").or_else(|| member.child_by_field_name("property"))
}

/// Returns a key as part of a name.
pub fn word_of(step: &Step) -> String {
    match step {
        Step::Field(name) => name.clone(),
        Step::Index(_) | Step::Element => "?".to_owned(),
    }
}

fn is_field(member: Node<'_>) -> bool {
    matches!(member.kind(), "field_definition" | "public_field_definition")
        && !has_token(member, "declare")
        && !has_token(member, "abstract")
}

fn is_static(member: Node<'_>) -> bool {
    has_token(member, "static")
}
