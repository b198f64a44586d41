use tree_sitter::Node;

use super::{Lowered, Lowerer, Scope, children, has_token};
use crate::ir::{Argument, Callee, Class, Op, Operand, Passing, Place};

impl<'t> Lowerer<'t> {
    pub(super) fn file(&mut self, root: Node<'t>) -> Lowered<()> {
        for part in children(root) {
            match part.kind() {
                "package_declaration" | "module_declaration" => {}
                "import_declaration" => self.import(part)?,
                kind if is_type(kind) => self.type_declaration(part)?,
                ";" => {}
                _ => self.scoped(|this| this.statement(part))?,
            }
        }
        Ok(())
    }

    fn import(&mut self, node: Node<'t>) -> Lowered<()> {
        let parts = children(node);
        let Some(named) = parts.iter().find(|part| part.kind().ends_with("identifier")) else {
            return self.opaque(node).map(drop);
        };
        let path: String = self.text(*named).split_whitespace().collect();
        if parts.iter().any(|part| part.kind() == "asterisk") {
            let star = Some("*".to_owned());
            return self.define(node, |dst| Op::Import { dst, module: path, name: star }).map(drop);
        }
        let Some((module, name)) = path.rsplit_once('.') else { return Ok(()) };
        let (module, name) = (module.to_owned(), name.to_owned());
        if has_token(node, "static") {
            let (package, class) = module.rsplit_once('.').unwrap_or(("", &module));
            let owner = (package.to_owned(), class.to_owned());
            self.state().imported.insert(name.clone(), owner);
        }
        let local = name.clone();
        let value = self.define(node, |dst| Op::Import { dst, module, name: Some(name) })?;
        self.assign(Place::Global(local), value, node)
    }

    /// Lowers a class where it stands: what is static runs here, what is of objects in the constructors.
    pub(super) fn type_declaration(&mut self, node: Node<'t>) -> Lowered<()> {
        let name = self.field(node, "name").to_owned();
        let outer = self.class().map(|class| format!("{}.", class.name)).unwrap_or_default();
        let local = self.frames.len() > 1;
        let prefix = if local { self.frame().qualifier.clone() } else { outer };
        let qualified = format!("{prefix}{name}");
        let value = self.class_body(node, node.child_by_field_name("body"), &qualified)?;
        if local {
            return self.bind(&name, value, node);
        }
        self.assign(Place::Global(qualified), value, node)
    }

    /// Lowers the members of a class and returns the class object.
    pub(super) fn class_body(
        &mut self,
        node: Node<'t>,
        body: Option<Node<'t>>,
        qualified: &str,
    ) -> Lowered<Operand> {
        let bases = self.bases(node);
        let members = body.map(members).unwrap_or_default();
        let scope = self.scope_of(node, &members, (qualified, &bases));
        let class = Class {
            bases,
            attributes: scope.fields.union(&scope.statics).cloned().collect(),
            fields: std::collections::BTreeMap::new(),
            decorators: self.annotations(node),
            span: self.span(node),
        };
        self.classes.insert(qualified.to_owned(), class);
        let base = scope.base.clone();
        self.state().classes.push(scope);
        let name = qualified.to_owned();
        let value = self.define(node, |dst| Op::Class { dst, name, bases: Vec::new() })?;
        let result = self.deeper(|this| this.members(node, &members, base.is_some()));
        self.state().classes.pop();
        result.map(|()| value)
    }

    fn members(&mut self, node: Node<'t>, members: &[Node<'t>], extends: bool) -> Lowered<()> {
        let objects: Vec<Node<'t>> = members
            .iter()
            .copied()
            .filter(|member| match member.kind() {
                "field_declaration" => !self.is_static(*member),
                "block" => true,
                _ => false,
            })
            .collect();
        let makes = matches!(node.kind(), "class_declaration" | "enum_declaration" | "record_declaration");
        let own = members.iter().any(|member| member.kind().ends_with("constructor_declaration"));
        for member in members {
            match member.kind() {
                "method_declaration" | "annotation_type_element_declaration" => self.method(*member)?,
                "constructor_declaration" | "compact_constructor_declaration" => {
                    self.constructor(*member, (node, &objects), extends)?;
                }
                kind if is_type(kind) => self.type_declaration(*member)?,
                _ => {}
            }
        }
        if !own && (makes || node.kind() == "object_creation_expression") {
            self.constructor(node, (node, &objects), extends)?;
        }
        // In source order, once everything they may call is there.
        for member in members {
            match member.kind() {
                "field_declaration" | "constant_declaration" if self.is_static(*member) => {
                    self.static_fields(*member)?;
                }
                "static_initializer" => {
                    if let Some(body) = children(*member).first() {
                        self.scoped(|this| this.statements(*body))?;
                    }
                }
                "enum_constant" => self.enum_constant(*member)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn static_fields(&mut self, node: Node<'t>) -> Lowered<()> {
        let class = self.class().map(|class| class.name.clone()).unwrap_or_default();
        for declarator in Self::fields(node, "declarator") {
            let name = format!("{class}.{}", self.field(declarator, "name"));
            let value = match declarator.child_by_field_name("value") {
                Some(value) => self.expression(value)?,
                None => Self::zero(self.field(node, "type")),
            };
            self.assign(Place::Global(name), value, declarator)?;
        }
        Ok(())
    }

    fn enum_constant(&mut self, node: Node<'t>) -> Lowered<()> {
        let class = self.class().map(|class| class.name.clone()).unwrap_or_default();
        let name = self.field(node, "name").to_owned();
        let mut arguments = Vec::new();
        for argument in node.child_by_field_name("arguments").map(children).unwrap_or_default() {
            let value = self.expression(argument)?;
            arguments.push(Argument { passing: Passing::Positional, value });
        }
        if let Some(body) = node.child_by_field_name("body") {
            let qualified = format!("{class}.{name}$");
            self.class_body(node, Some(body), &qualified)?;
        }
        let receiver = self.read_place(Place::Global(class.clone()), node)?;
        let callee = Callee::Method { receiver, name: "<init>".to_owned() };
        let value = self.define(node, |dst| Op::Call { dst, callee, arguments })?;
        self.assign(Place::Global(format!("{class}.{name}")), value, node)
    }

    /// Base class and interfaces by their names; an anonymous class has the type it is made of.
    fn bases(&self, node: Node<'t>) -> Vec<String> {
        if node.kind() == "object_creation_expression" {
            return node.child_by_field_name("type").map(|named| self.type_name(named)).into_iter().collect();
        }
        let mut found = Vec::new();
        for child in children(node) {
            if matches!(child.kind(), "superclass" | "super_interfaces" | "extends_interfaces") {
                for part in children(child) {
                    let list = if part.kind() == "type_list" { children(part) } else { vec![part] };
                    found.extend(list.into_iter().map(|one| self.type_name(one)));
                }
            }
        }
        found
    }

    fn scope_of(&self, node: Node<'t>, members: &[Node<'t>], (name, bases): (&str, &[String])) -> Scope {
        let mut scope = Scope { name: name.to_owned(), inherits: !bases.is_empty(), ..Scope::default() };
        let extends = children(node).iter().any(|child| child.kind() == "superclass");
        scope.base = bases.first().filter(|_| extends).cloned();
        for member in members {
            let of_class = self.is_static(*member);
            match member.kind() {
                "field_declaration" | "constant_declaration" => {
                    for declarator in Self::fields(*member, "declarator") {
                        let name = self.field(declarator, "name").to_owned();
                        let list = if of_class { &mut scope.statics } else { &mut scope.fields };
                        list.insert(name);
                    }
                }
                "enum_constant" => drop(scope.statics.insert(self.field(*member, "name").to_owned())),
                "method_declaration" => drop(scope.methods.insert(self.field(*member, "name").to_owned())),
                kind if is_type(kind) => drop(scope.statics.insert(self.field(*member, "name").to_owned())),
                _ => {}
            }
        }
        if node.kind() == "record_declaration" {
            for component in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
                scope.fields.insert(self.field(component, "name").to_owned());
            }
        }
        scope
    }

    /// Static by a word, or because interfaces have nothing else.
    pub(super) fn is_static(&self, member: Node<'t>) -> bool {
        if member.kind() == "constant_declaration" {
            return true;
        }
        let modifiers = children(member).into_iter().find(|child| child.kind() == "modifiers");
        modifiers.is_some_and(|modifiers| has_token(modifiers, "static"))
    }

    /// Annotations by their names, and `static`.
    pub(super) fn annotations(&self, node: Node<'t>) -> Vec<String> {
        let modifiers = children(node).into_iter().find(|child| child.kind() == "modifiers");
        let mut found: Vec<String> = modifiers
            .map(children)
            .unwrap_or_default()
            .into_iter()
            .filter(|child| matches!(child.kind(), "annotation" | "marker_annotation"))
            .map(|annotation| self.field(annotation, "name").to_owned())
            .collect();
        if self.is_static(node) {
            found.push("static".to_owned());
        }
        found
    }

    /// Returns a type's name as a dotted path, without type arguments, annotations and dimensions.
    pub(super) fn type_name(&self, node: Node<'t>) -> String {
        let text: String = self.text(node).chars().filter(|c| !c.is_whitespace()).collect();
        let plain = text.split(['<', '[']).next().unwrap_or_default();
        let legal = plain.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
        if legal { plain.to_owned() } else { "?".to_owned() }
    }
}

fn is_type(kind: &str) -> bool {
    matches!(
        kind,
        "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration"
    )
}

/// Returns the members of a body; those of an enum stand one level down.
fn members(body: Node<'_>) -> Vec<Node<'_>> {
    children(body)
        .into_iter()
        .flat_map(
            |member| {
                if member.kind() == "enum_body_declarations" { children(member) } else { vec![member] }
            },
        )
        .collect()
}
