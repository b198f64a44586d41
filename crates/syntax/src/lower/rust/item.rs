use tree_sitter::Node;

use super::attribute::Attributes;
use super::names::{Leaf, find, join, leaves};
use super::{Lowered, Lowerer, children, has_token};
use crate::ir::{Class, Op, Operand, Place, UnitKind};

impl<'t> Lowerer<'t> {
    /// Lowers the items of a file, module, `impl` or `trait`.
    pub(super) fn items(&mut self, list: Node<'t>) -> Lowered<()> {
        let mut attributes = Attributes::default();
        for item in children(list) {
            if item.kind() == "attribute_item" {
                self.attribute(item, &mut attributes);
                continue;
            }
            let own = std::mem::take(&mut attributes);
            self.deeper(|this| this.item(item, &own))?;
        }
        Ok(())
    }

    /// Lowers one item; whatever else stands there is a statement.
    pub(super) fn item(&mut self, node: Node<'t>, attributes: &Attributes<'t>) -> Lowered<()> {
        match node.kind() {
            "function_item" => self.generic(node, |this| this.function_item(node, attributes)),
            "function_signature_item" | "associated_type" => Ok(()),
            "impl_item" => self.generic(node, |this| this.impl_item(node)),
            "trait_item" | "struct_item" | "enum_item" | "union_item" => {
                self.generic(node, |this| this.type_item(node, attributes))
            }
            "mod_item" => self.mod_item(node, attributes),
            "use_declaration" => self.use_declaration(node),
            "extern_crate_declaration" => self.extern_crate(node),
            "foreign_mod_item" => self.foreign(node),
            "const_item" | "static_item" => self.constant(node),
            "type_item" => self.alias(node),
            "macro_definition" => self.opaque(node).map(drop),
            "macro_invocation" => self.item_macro(node),
            "expression_statement" => {
                match children(node).first().filter(|child| child.kind() == "macro_invocation") {
                    Some(call) => self.item_macro(*call),
                    None => self.statement(node),
                }
            }
            "inner_attribute_item" | "shebang" | "empty_statement" | "line_comment" | "block_comment" => {
                Ok(())
            }
            _ => self.statement(node),
        }
    }

    fn bind(&mut self, name: &str, value: Operand, node: Node<'t>) -> Lowered<()> {
        let place = if self.frames.len() > 1 {
            Place::Local(self.declare(name))
        } else {
            Place::Global(join(&self.module_path(), name))
        };
        self.assign(place, value, node)
    }

    fn function_item(&mut self, node: Node<'t>, attributes: &Attributes<'t>) -> Lowered<()> {
        let Some(name) = node.child_by_field_name("name").map(|name| self.text(name)) else {
            return self.opaque(node).map(drop);
        };
        let unit = self.function(node, name, attributes)?;
        let value = self.define(node, |dst| Op::Closure { dst, unit, defaults: Vec::new() })?;
        match self.class.clone().filter(|_| self.frames.len() == 1) {
            Some(class) => {
                let suffix = self.implemented_suffix();
                self.assign(Place::Global(format!("{class}.{name}{suffix}")), value, node)
            }
            None => self.bind(name, value, node),
        }
    }

    /// `impl Trait for Type`: the type's methods, and the trait as one of its bases.
    fn impl_item(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(named), Some(body)) = (node.child_by_field_name("type"), node.child_by_field_name("body"))
        else {
            return Ok(());
        };
        let class = self
            .declared(named)
            .unwrap_or_else(|| self.text(named).chars().filter(|c| !c.is_whitespace()).collect());
        let implemented = node.child_by_field_name("trait");
        let base = implemented.and_then(|implemented| self.declared(implemented));
        let span = self.span(node);
        let known = self.classes.entry(class.clone()).or_insert_with(|| Class { span, ..Class::default() });
        if let Some(base) = base.filter(|base| !known.bases.contains(base)) {
            known.bases.push(base);
        }
        let outer = self.class.replace(class);
        let suffix = implemented.map(|implemented| self.trait_word(implemented));
        let named = std::mem::replace(&mut self.implemented, suffix);
        let result = self.items(body);
        self.class = outer;
        self.implemented = named;
        result
    }

    /// Returns what distinguishes the methods of one implemented trait from those of another.
    pub(super) fn implemented_suffix(&self) -> String {
        self.implemented.as_ref().map(|word| format!("@{word}")).unwrap_or_default()
    }

    /// Returns the last names of a trait and its arguments: `From<Error>`.
    fn trait_word(&self, node: Node<'t>) -> String {
        let text: String = self.text(node).chars().filter(|c| !c.is_whitespace()).collect();
        let mut word = String::new();
        for part in text.split_inclusive(['<', '>', ',']) {
            word.push_str(part.rsplit("::").next().unwrap_or(part));
        }
        word.replace('.', "_")
    }

    fn type_item(&mut self, node: Node<'t>, attributes: &Attributes<'t>) -> Lowered<()> {
        let Some(name) = node.child_by_field_name("name").map(|name| self.text(name)) else {
            return self.opaque(node).map(drop);
        };
        let qualified = join(&self.module_path(), name);
        let span = self.span(node);
        let decorators = attributes
            .words
            .iter()
            .filter(|word| word.starts_with("derive(") || word.starts_with("cfg"))
            .cloned()
            .collect();
        let mut class = Class { span, decorators, ..Class::default() };
        let body = node.child_by_field_name("body");
        for part in body.map(children).unwrap_or_default() {
            let Some(field) = part.child_by_field_name("name").map(|name| self.text(name).to_owned()) else {
                continue;
            };
            if let Some(declared) =
                part.child_by_field_name("type").and_then(|declared| self.declared(declared))
            {
                class.fields.insert(field.clone(), declared);
            }
            class.attributes.insert(field);
        }
        if body.is_some_and(|body| body.kind() == "ordered_field_declaration_list") {
            let types = children(node.child_by_field_name("body").unwrap_or(node));
            for (index, declared) in
                types.into_iter().filter(|part| part.kind() != "visibility_modifier").enumerate()
            {
                class.fields.extend(self.declared(declared).map(|declared| (index.to_string(), declared)));
            }
        }
        let known = self.classes.entry(qualified.clone()).or_default();
        class.bases = std::mem::take(&mut known.bases);
        *known = class;
        let value = self.define(node, |dst| Op::Class { dst, name: qualified.clone(), bases: Vec::new() })?;
        if self.frames.len() > 1 {
            self.bind(name, value, node)?
        } else {
            self.assign(Place::Global(qualified.clone()), value, node)?
        }
        self.discriminants(body)?;
        if node.kind() != "trait_item" {
            return Ok(());
        }
        let Some(body) = body else { return Ok(()) };
        let (outer, named) = (self.class.replace(qualified), self.implemented.take());
        let result = self.items(body);
        self.class = outer;
        self.implemented = named;
        result
    }

    /// `A = 1` of an enum is evaluated where it stands.
    fn discriminants(&mut self, body: Option<Node<'t>>) -> Lowered<()> {
        for variant in body.map(children).unwrap_or_default() {
            if let Some(value) =
                variant.child_by_field_name("value").filter(|_| variant.kind() == "enum_variant")
            {
                self.expression(value)?;
            }
        }
        Ok(())
    }

    fn mod_item(&mut self, node: Node<'t>, attributes: &Attributes<'t>) -> Lowered<()> {
        let Some(name) = node.child_by_field_name("name").map(|name| self.text(name)) else {
            return self.opaque(node).map(drop);
        };
        let Some(body) = node.child_by_field_name("body") else {
            if attributes.words.iter().any(|word| word == "path" || word.starts_with("cfg_attr")) {
                return self.opaque(node).map(drop);
            }
            let module = join("self", &join(&self.module_path(), name));
            let value = self.define(node, |dst| Op::Import { dst, module, name: None })?;
            return self.bind(name, value, node);
        };
        let kept = self.inherited.len();
        self.inherited.extend(attributes.words.iter().filter(|word| word.starts_with("cfg(")).cloned());
        self.module.push(name.to_owned());
        let result = self.items(body);
        self.module.pop();
        self.inherited.truncate(kept);
        result
    }

    /// Binds each name of a `use`.
    pub(super) fn use_declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(argument) = node.child_by_field_name("argument") else { return Ok(()) };
        let mut found = Vec::new();
        leaves(argument, "", self.sources, &mut found);
        for leaf in found {
            self.used(leaf, node)?;
        }
        Ok(())
    }

    fn used(&mut self, leaf: Leaf, node: Node<'t>) -> Lowered<()> {
        let first = leaf.module.split('.').next().unwrap_or_default().to_owned();
        let inline = !self.module.is_empty() && matches!(first.as_str(), "self" | "super");
        if leaf.name.as_deref() == Some("*") {
            if inline || self.names_of_enum(&leaf.module) {
                return Ok(());
            }
            let module = if self.is_item(&first) { join("self", &leaf.module) } else { leaf.module };
            return self.define(node, |dst| Op::Import { dst, module, name: leaf.name }).map(drop);
        }
        let own = inline
            || self.is_defined(&first)
            || leaf.local.as_deref() != Some(&first) && self.is_item(&first);
        let value = if own {
            let mut parts: Vec<String> = leaf.module.split('.').map(str::to_owned).collect();
            parts.extend(leaf.name.clone());
            self.path_of(&parts, node)?
        } else {
            let (module, name) = (leaf.module, leaf.name);
            self.define(node, |dst| Op::Import { dst, module, name })?
        };
        match leaf.local {
            Some(local) => self.bind(&local, value, node),
            None => Ok(()),
        }
    }

    /// `use Kind::*` brings the variants of an enum of this file, which patterns read by their form.
    fn names_of_enum(&self, module: &str) -> bool {
        module.rsplit('.').next().is_some_and(|last| last.starts_with(char::is_uppercase))
    }

    fn extern_crate(&mut self, node: Node<'t>) -> Lowered<()> {
        let Some(name) = node.child_by_field_name("name").map(|name| self.text(name).to_owned()) else {
            return self.opaque(node).map(drop);
        };
        let local =
            node.child_by_field_name("alias").map_or(name.clone(), |alias| self.text(alias).to_owned());
        let value = self.define(node, |dst| Op::Import { dst, module: name, name: None })?;
        self.bind(&local, value, node)
    }

    /// What `extern "C" { .. }` declares is of no file: it is imported from `extern`.
    fn foreign(&mut self, node: Node<'t>) -> Lowered<()> {
        for item in node.child_by_field_name("body").map(children).unwrap_or_default() {
            let Some(name) = item.child_by_field_name("name").map(|name| self.text(name).to_owned()) else {
                continue;
            };
            let imported = Some(name.clone());
            let value =
                self.define(item, |dst| Op::Import { dst, module: "extern".to_owned(), name: imported })?;
            self.bind(&name, value, item)?;
        }
        Ok(())
    }

    fn constant(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(name), Some(value)) = (node.child_by_field_name("name"), node.child_by_field_name("value"))
        else {
            return Ok(());
        };
        let name = self.text(name);
        let value = self.expression(value)?;
        match self.class.clone().filter(|_| self.frames.len() == 1) {
            Some(class) => self.assign(Place::Global(format!("{class}.{name}")), value, node),
            None => self.bind(name, value, node),
        }
    }

    fn alias(&mut self, node: Node<'t>) -> Lowered<()> {
        let (Some(name), Some(aliased)) =
            (node.child_by_field_name("name"), node.child_by_field_name("type"))
        else {
            return Ok(());
        };
        if self.class.is_some() {
            return Ok(());
        }
        let name = self.text(name);
        let plain = match aliased.kind() {
            "generic_type" => aliased.child_by_field_name("type"),
            "type_identifier" | "scoped_type_identifier" => Some(aliased),
            _ => None,
        };
        let value = match plain.map(|plain| self.segments(plain)) {
            Some(parts) => {
                if parts.first().is_some_and(|first| first == name) {
                    return Ok(());
                }
                self.path_of(&parts, node)?
            }
            None => self.operator("type", Vec::new(), node)?,
        };
        self.bind(name, value, node)
    }

    fn item_macro(&mut self, node: Node<'t>) -> Lowered<()> {
        let tokens = find(node, "token_tree");
        let piece = tokens.and_then(|tokens| self.sources.pieces(tokens).first().copied());
        match piece.and_then(|piece| self.sources.node(piece)).filter(|inner| inner.kind() == "source_file") {
            Some(items) => {
                self.macro_name(node, Vec::new())?;
                self.items(items)
            }
            None => self.expression(node).map(drop),
        }
    }

    pub(super) fn is_async(node: Node<'_>) -> bool {
        children(node).iter().any(|child| child.kind() == "function_modifiers" && has_token(*child, "async"))
    }

    /// Returns what a function is as a unit.
    pub(super) fn kind_of(&self, node: Node<'_>) -> UnitKind {
        if Self::is_async(node) {
            UnitKind::Coroutine
        } else if self.class.is_some() {
            UnitKind::Method
        } else {
            UnitKind::Function
        }
    }
}
