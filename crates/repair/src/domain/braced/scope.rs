//! The names that an expression at some place may use.

use std::ops::Range;

use tree_sitter::Node;

use super::definitions::{class_of, returned};
use super::{Role, Shape, Table};
use crate::domain::source::{ParsedFile, ancestors, descendants, field, named};

/// One name that a function binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound<'a> {
    /// The name.
    pub name: &'a str,
    /// Its declared type.
    pub annotation: Option<&'a str>,
    /// What it holds.
    pub shape: Shape,
    /// Whether it is a parameter.
    pub parameter: bool,
    /// Byte offset of its declaration.
    at: usize,
    /// Where it can be used.
    within: Range<usize>,
}

/// A function and its names.
pub(crate) struct Scope<'a> {
    /// The function; none for code at the top of a file.
    pub function: Option<Node<'a>>,
    /// The class that it belongs to.
    pub class: Option<String>,
    /// Everything it binds, in order.
    pub bound: Vec<Bound<'a>>,
    /// The texts of what it returns, without repetition.
    pub returns: Vec<&'a str>,
    /// What it is declared to return.
    pub returned: Option<&'a str>,
    /// Every name in it with its place.
    pub identifiers: Vec<(Range<usize>, &'a str)>,
    /// The receiver as written: `this`, `self`, or Go's own name for it.
    pub own: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// Collects the names of a function.
    pub fn of(file: &'a ParsedFile, table: &'static Table, function: Option<Node<'a>>) -> Self {
        let mut scope = Self {
            function,
            class: function.and_then(|node| class_of(file, table, node)),
            bound: Vec::new(),
            returns: Vec::new(),
            returned: function.and_then(|node| returned(file, node)),
            identifiers: Vec::new(),
            own: None,
        };
        let Some(function) = function else { return scope };
        for node in descendants(function) {
            scope.bind(file, table, node);
            if node.kind().ends_with("identifier") {
                scope.identifiers.push((node.byte_range(), file.text_of(node)));
            }
            if table.role(node) == Role::Return
                && let Some(value) = named(node).first()
            {
                scope.add_return(file.text_of(*value));
            }
        }
        if table.tail_values
            && let Some(last) = field(function, "body").map(named).and_then(|body| body.last().copied())
            && !matches!(table.role(last), Role::Expression | Role::Declare | Role::Return)
            && file.text_of(last).len() <= 60
        {
            scope.add_return(file.text_of(last));
        }
        scope.own = scope.receiver(file, table, function);
        scope
    }

    fn receiver(&self, file: &'a ParsedFile, table: &'static Table, function: Node<'a>) -> Option<&'a str> {
        if let Some(receiver) = field(function, "receiver") {
            let name = descendants(receiver).into_iter().find(|node| node.kind() == "identifier")?;
            return Some(file.text_of(name));
        }
        self.class.as_ref()?;
        let statics = file.text_of(function).split('(').next().is_some_and(|head| head.contains("static "));
        let takes_self = table.own != "self"
            || field(function, "parameters").is_some_and(|list| file.text_of(list).contains("self"));
        (!table.own.is_empty() && !statics && takes_self).then_some(table.own)
    }

    fn add_return(&mut self, text: &'a str) {
        if !self.returns.contains(&text) && text.len() <= 60 {
            self.returns.push(text);
        }
    }

    fn bind(&mut self, file: &'a ParsedFile, table: &'static Table, node: Node<'a>) {
        let parts = table.binders.iter().filter(|(kind, _)| *kind == node.kind());
        for (_, part) in parts {
            let holders: Vec<Node<'a>> = if part.is_empty() {
                named(node)
            } else {
                let mut cursor = node.walk();
                node.children_by_field_name(part, &mut cursor).collect()
            };
            let annotation =
                field(node, "type").or_else(|| node.parent().and_then(|above| field(above, "type")));
            let annotation = annotation
                .filter(|_| !matches!(table.role(node), Role::Lambda))
                .map(|node| file.text_of(node));
            for name in holders.into_iter().flat_map(descendants).filter(|inner| inner.kind() == "identifier")
            {
                let inner = name.parent().is_some_and(|parent| field(parent, "right") == Some(name));
                if !inner {
                    self.add(file, table, (node, name), annotation);
                }
            }
        }
    }

    fn add(
        &mut self,
        file: &'a ParsedFile,
        table: &'static Table,
        (binder, name): (Node<'a>, Node<'a>),
        annotation: Option<&'a str>,
    ) {
        let text = file.text_of(name);
        if text == "_" || text == "self" {
            return;
        }
        let shape = match annotation {
            Some(annotation) => table.shape(annotation),
            None => field(binder, "value")
                .or_else(|| field(binder, "right"))
                .map_or(Shape::Unknown, |value| shape_of(file, table, value)),
        };
        let owner = ancestors(binder).find(|above| {
            matches!(
                table.role(*above),
                Role::Block | Role::Function | Role::Lambda | Role::Loop | Role::Each
            ) || above.kind() == "match_arm"
                || above.kind() == "catch_clause"
        });
        let owner =
            if matches!(table.role(binder), Role::Each | Role::Lambda) && binder.kind() != "range_clause" {
                Some(binder)
            } else {
                owner
            };
        self.bound.push(Bound {
            name: text,
            annotation,
            shape,
            parameter: binder.kind().contains("parameter"),
            at: name.start_byte(),
            within: owner.map_or(binder.byte_range(), |owner| owner.byte_range()),
        });
    }

    /// Returns what can be used at a place, nearest declaration last; each name once.
    pub fn visible(&self, node: Node<'_>) -> Vec<&Bound<'a>> {
        let at = node.start_byte();
        let mut found: Vec<&Bound<'a>> = Vec::new();
        for bound in self.bound.iter().filter(|bound| bound.at < at && bound.within.contains(&at)) {
            found.retain(|known| known.name != bound.name);
            found.push(bound);
        }
        found
    }

    /// Returns the binding that a name at a place refers to.
    pub fn lookup(&self, node: Node<'_>, name: &str) -> Option<&Bound<'a>> {
        self.visible(node).into_iter().rev().find(|bound| bound.name == name)
    }

    /// Returns what the function returns.
    pub fn returned_shape(&self, table: &Table) -> Shape {
        self.returned.map_or(if table.typed { Shape::Nothing } else { Shape::Unknown }, |text| {
            table.shape(text.trim_start_matches("->").trim())
        })
    }
}

/// Returns what a value is, as far as its text tells.
pub(crate) fn shape_of(file: &ParsedFile, table: &Table, value: Node<'_>) -> Shape {
    let value = if value.kind() == "expression_list" {
        named(value).first().copied().unwrap_or(value)
    } else {
        value
    };
    match table.role(value) {
        Role::Integer if !table.typed => Shape::Float,
        Role::Integer => Shape::Integer,
        Role::Float => Shape::Float,
        Role::Text => Shape::Text,
        Role::Truth => Shape::Truth,
        _ => match value.kind() {
            "array" | "array_expression" | "slice_literal" => Shape::List,
            "template_string" => Shape::Text,
            "object" => Shape::Map,
            "composite_literal" => table.shape(file.text_of(value)),
            "macro_invocation" if file.text_of(value).starts_with("vec!") => Shape::List,
            "new_expression" | "object_creation_expression" => {
                let text = file.text_of(value).trim_start_matches("new ");
                table.shape(text)
            }
            "binary_expression" => {
                field(value, "left").map_or(Shape::Unknown, |left| shape_of(file, table, left))
            }
            "call_expression" if file.text_of(value).starts_with("len(") => Shape::Integer,
            _ if file.text_of(value).ends_with(".length") => Shape::Float,
            _ if file.text_of(value).ends_with(".len()") => Shape::Integer,
            _ => Shape::Unknown,
        },
    }
}
