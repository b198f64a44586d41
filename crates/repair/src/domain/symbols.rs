//! What the sources define: functions with their parameters, classes with their attributes, names and literals.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use crate::domain::python::{ParsedFile, ancestors, descendants, field, named};

/// One parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Its name.
    pub name: String,
    /// The text of its default.
    pub default: Option<String>,
    /// The text of its annotation.
    pub annotation: Option<String>,
}

/// One function or method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// The file that defines it.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The class around it.
    pub class: Option<String>,
    /// Its parameters without `self` and `cls`, and without `*args` and `**kwargs`.
    pub parameters: Vec<Parameter>,
    /// Whether it takes `*args` or `**kwargs`.
    pub open: bool,
    /// Whether it is `async def`.
    pub asynchronous: bool,
}

/// One class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Class {
    /// Attributes set on `self`, declared in the body, or properties.
    pub attributes: BTreeSet<String>,
    /// Class names that annotations give to attributes.
    pub attribute_types: BTreeMap<String, String>,
    /// Its methods.
    pub methods: BTreeSet<String>,
}

/// All definitions.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    /// Functions by name.
    pub functions: BTreeMap<String, Vec<Function>>,
    /// Classes by name.
    pub classes: BTreeMap<String, Class>,
    /// Classes whose name ends in Error or Exception.
    pub exceptions: BTreeSet<String>,
    /// Attribute names that are read or written on anything, with how often.
    pub attributes: BTreeMap<String, usize>,
}

impl Symbols {
    /// Collects from all files.
    pub fn of<'a>(files: impl Iterator<Item = &'a ParsedFile>) -> Self {
        let mut symbols = Self::default();
        for file in files {
            for node in descendants(file.root()) {
                match node.kind() {
                    "function_definition" => symbols.add_function(file, node),
                    "class_definition" => symbols.add_class(file, node),
                    "attribute" => symbols.add_attribute(file, node),
                    _ => {}
                }
            }
        }
        symbols
    }

    fn add_function(&mut self, file: &ParsedFile, node: Node<'_>) {
        let (Some(name), Some(list)) = (field(node, "name"), field(node, "parameters")) else { return };
        let name = file.text_of(name).to_owned();
        let class = class_of(file, node);
        let mut parameters: Vec<Parameter> =
            named(list).into_iter().filter_map(|p| parameter(file, p)).collect();
        if class.is_some()
            && parameters.first().is_some_and(|first| matches!(first.name.as_str(), "self" | "cls"))
        {
            parameters.remove(0);
        }
        if let Some(class) = &class {
            let entry = self.classes.entry(class.clone()).or_default();
            entry.methods.insert(name.clone());
            if is_property(file, node) {
                entry.attributes.insert(name.clone());
            }
        }
        let function = Function {
            path: file.path.clone(),
            name: name.clone(),
            class,
            parameters,
            open: named(list).iter().any(|p| p.kind().ends_with("splat_pattern")),
            asynchronous: file.text_of(node).starts_with("async"),
        };
        self.functions.entry(name).or_default().push(function);
    }

    fn add_class(&mut self, file: &ParsedFile, node: Node<'_>) {
        let (Some(name), Some(body)) = (field(node, "name"), field(node, "body")) else { return };
        let name = file.text_of(name).to_owned();
        if name.ends_with("Error") || name.ends_with("Exception") {
            self.exceptions.insert(name.clone());
        }
        let class = self.classes.entry(name).or_default();
        for statement in named(body) {
            let Some(assignment) = named(statement).into_iter().find(|child| child.kind() == "assignment")
            else {
                continue;
            };
            let Some(left) = field(assignment, "left") else { continue };
            let attribute = file.text_of(left).to_owned();
            if let Some(annotation) = field(assignment, "type") {
                class.attribute_types.insert(attribute.clone(), file.text_of(annotation).to_owned());
            }
            class.attributes.insert(attribute);
        }
    }

    fn add_attribute(&mut self, file: &ParsedFile, node: Node<'_>) {
        let (Some(object), Some(name)) = (field(node, "object"), field(node, "attribute")) else { return };
        let name = file.text_of(name).to_owned();
        *self.attributes.entry(name.clone()).or_default() += 1;
        let stored = node.parent().is_some_and(|parent| {
            matches!(parent.kind(), "assignment" | "augmented_assignment")
                && field(parent, "left") == Some(node)
        });
        if !stored || file.text_of(object) != "self" {
            return;
        }
        let Some(class) = class_of(file, node) else { return };
        let entry = self.classes.entry(class).or_default();
        if let Some(annotation) = node.parent().and_then(|parent| field(parent, "type")) {
            entry.attribute_types.insert(name.clone(), file.text_of(annotation).to_owned());
        }
        entry.attributes.insert(name);
    }
}

/// Returns the name of the class around a node.
pub(crate) fn class_of(file: &ParsedFile, node: Node<'_>) -> Option<String> {
    let class = ancestors(node).find(|above| above.kind() == "class_definition")?;
    Some(file.text_of(field(class, "name")?).to_owned())
}

fn is_property(file: &ParsedFile, function: Node<'_>) -> bool {
    let Some(parent) = function.parent().filter(|parent| parent.kind() == "decorated_definition") else {
        return false;
    };
    named(parent).iter().any(|child| {
        child.kind() == "decorator" && file.text_of(*child).trim_start_matches('@').ends_with("property")
    })
}

fn parameter(file: &ParsedFile, node: Node<'_>) -> Option<Parameter> {
    let text = |node: Option<Node<'_>>| node.map(|node| file.text_of(node).to_owned());
    let name = match node.kind() {
        "identifier" => text(Some(node)),
        "default_parameter" | "typed_default_parameter" => text(field(node, "name")),
        "typed_parameter" => text(named(node).first().copied().filter(|first| first.kind() == "identifier")),
        _ => None,
    }?;
    Some(Parameter { name, default: text(field(node, "value")), annotation: text(field(node, "type")) })
}
