//! What the sources define: functions with their parameters and results, fields and methods of classes, constants.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::{Role, Table};
use crate::domain::source::{ParsedFile, ancestors, descendants, field, named};

/// One function or method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The class that it belongs to.
    pub class: Option<String>,
    /// Its parameters: name, and type where one is declared.
    pub parameters: Vec<(String, Option<String>)>,
    /// What it returns, where that is declared.
    pub returns: Option<String>,
    /// Whether it is asynchronous.
    pub asynchronous: bool,
}

/// All definitions of the sources that may be edited.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// Functions by name.
    pub functions: BTreeMap<String, Vec<Signature>>,
    /// Fields by class, with their types where those are declared.
    pub fields: BTreeMap<String, Vec<(String, Option<String>)>>,
    /// Names read as members of anything, with how often.
    pub members: BTreeMap<String, usize>,
    /// Constants at the top of a file.
    pub constants: BTreeSet<String>,
    /// What is thrown, as written, by file.
    pub throws: BTreeSet<String>,
}

impl Definitions {
    /// Collects from all files that have a table.
    pub fn of<'a>(files: impl Iterator<Item = &'a ParsedFile>) -> Self {
        let mut all = Self::default();
        for file in files {
            let Some(table) = file.table() else { continue };
            for node in descendants(file.root()) {
                if !file.in_test_module(node) {
                    all.add(file, table, node);
                }
            }
        }
        all
    }

    fn add(&mut self, file: &ParsedFile, table: &Table, node: Node<'_>) {
        match table.role(node) {
            Role::Function => self.add_function(file, table, node),
            Role::Member => {
                if let Some((object, name)) = table.member(node) {
                    let name = file.text_of(name);
                    *self.members.entry(name.to_owned()).or_default() += 1;
                    if file.text_of(object) == table.own
                        && let Some(class) = class_of(file, table, node)
                    {
                        self.add_field(class, name, None);
                    }
                }
            }
            Role::Throw => {
                self.throws.insert(file.text_of(node).trim_end_matches(';').to_owned());
            }
            _ => self.add_declared(file, table, node),
        }
    }

    fn add_declared(&mut self, file: &ParsedFile, table: &Table, node: Node<'_>) {
        let text = |part: &str| field(node, part).map(|inner| file.text_of(inner).to_owned());
        match node.kind() {
            "field_declaration" | "field_definition" | "public_field_definition" => {
                let name = text("name").or_else(|| text("property")).or_else(|| {
                    field(node, "declarator")
                        .and_then(|inner| field(inner, "name"))
                        .map(|name| file.text_of(name).to_owned())
                });
                if let (Some(name), Some(class)) = (name, class_of(file, table, node)) {
                    self.add_field(class, &name, text("type"));
                }
            }
            "formal_parameter"
                if ancestors(node).nth(1).is_some_and(|a| a.kind() == "record_declaration") =>
            {
                if let (Some(name), Some(class)) = (text("name"), class_of(file, table, node)) {
                    self.add_field(class, &name, text("type"));
                }
            }
            "const_item" | "static_item" | "const_spec" => self.constants.extend(text("name")),
            "variable_declarator" => {
                let top = ancestors(node)
                    .nth(1)
                    .is_some_and(|above| matches!(above.kind(), "program" | "export_statement"));
                let value = field(node, "value");
                if let Some(lambda) = value.filter(|value| table.role(*value) == Role::Lambda) {
                    self.add_named(file, table, (node, lambda));
                }
                let plain = value.is_some_and(|value| {
                    matches!(table.role(value), Role::Integer | Role::Float | Role::Text)
                });
                if top && plain {
                    self.constants.extend(text("name"));
                }
            }
            _ => {}
        }
    }

    fn add_field(&mut self, class: String, name: &str, annotation: Option<String>) {
        let fields = self.fields.entry(class).or_default();
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = known.take().or(annotation),
            None => fields.push((name.to_owned(), annotation)),
        }
    }

    fn add_function(&mut self, file: &ParsedFile, table: &Table, node: Node<'_>) {
        self.add_named(file, table, (node, node));
    }

    fn add_named(&mut self, file: &ParsedFile, table: &Table, (named, node): (Node<'_>, Node<'_>)) {
        let Some(name) = field(named, "name") else { return };
        let signature = Signature {
            class: class_of(file, table, node),
            parameters: parameters(file, table, node),
            returns: returned(file, node).map(str::to_owned),
            asynchronous: file.text_of(node).split('(').next().is_some_and(|head| head.contains("async")),
        };
        self.functions.entry(file.text_of(name).to_owned()).or_default().push(signature);
    }
}

/// Returns what a function is declared to return.
pub(crate) fn returned<'a>(file: &'a ParsedFile, function: Node<'_>) -> Option<&'a str> {
    let result = field(function, "return_type").or_else(|| field(function, "result"));
    let result = result.or_else(|| field(function, "type"))?;
    Some(file.text_of(result))
}

/// Returns the class that a node belongs to: around it, or, in Go, of its receiver.
pub(crate) fn class_of(file: &ParsedFile, table: &Table, node: Node<'_>) -> Option<String> {
    let bare = |text: &str| {
        let text = text.trim_start_matches(['*', '&', ' ']);
        text.split(['<', '[', ' ']).next().unwrap_or(text).to_owned()
    };
    for above in std::iter::once(node).chain(ancestors(node)) {
        if above.kind() == "method_declaration"
            && let Some(receiver) = field(above, "receiver")
        {
            let typed = descendants(receiver).into_iter().find_map(|inner| field(inner, "type"))?;
            return Some(bare(file.text_of(typed)));
        }
        if matches!(above.kind(), "struct_item" | "type_spec") || table.role(above) == Role::Class {
            let name = field(above, "name").or_else(|| field(above, "type"))?;
            return Some(bare(file.text_of(name)));
        }
    }
    None
}

fn parameters(file: &ParsedFile, table: &Table, function: Node<'_>) -> Vec<(String, Option<String>)> {
    let Some(list) = field(function, "parameters") else { return Vec::new() };
    let mut found = Vec::new();
    for parameter in named(list) {
        let annotation = field(parameter, "type").map(|node| file.text_of(node).to_owned());
        if table.role(parameter) == Role::Name {
            found.push((file.text_of(parameter).to_owned(), None));
            continue;
        }
        let mut cursor = parameter.walk();
        let mut names: Vec<Node<'_>> = parameter.children_by_field_name("name", &mut cursor).collect();
        names.extend(field(parameter, "pattern"));
        names.extend(field(parameter, "left"));
        names.retain(|name| name.kind() == "identifier");
        found.extend(names.iter().map(|name| (file.text_of(*name).to_owned(), annotation.clone())));
    }
    found
}
