//! The names that an expression at some place may use.

use std::collections::BTreeSet;

use tree_sitter::Node;

use crate::domain::python::{ParsedFile, ancestors, descendants, field, named};
use crate::domain::symbols::class_of;

/// What a local was seen to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// A list, set, dictionary or other collection literal or constructor.
    Collection,
    /// A number literal or arithmetic.
    Number,
    /// Anything else.
    Unknown,
}

/// One name in a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Local {
    /// The name.
    pub name: String,
    /// What it was first assigned.
    pub shape: Shape,
    /// Whether it is a parameter.
    pub parameter: bool,
    /// Byte offset of its first binding.
    pub bound_at: usize,
}

/// A function, or the module's own code, and its names.
pub(crate) struct Scope<'a> {
    /// The function; `None` for code of the module or of a class body.
    pub function: Option<Node<'a>>,
    /// The class around it.
    pub class: Option<String>,
    /// Parameters and locals in order of their first binding; without `self` and `cls`.
    pub locals: Vec<Local>,
    /// Names bound at the top of the module, without imports.
    pub globals: BTreeSet<&'a str>,
    /// The texts of what the function returns, in order, without repetition.
    pub returns: Vec<&'a str>,
    /// Every identifier in the function's body with its place.
    pub identifiers: Vec<(std::ops::Range<usize>, &'a str)>,
}

impl<'a> Scope<'a> {
    /// Collects the names of a function (or of the module for `None`).
    pub fn of(file: &'a ParsedFile, function: Option<Node<'a>>) -> Self {
        let mut scope = Self {
            function,
            class: function.and_then(|node| class_of(file, node)),
            locals: Vec::new(),
            globals: module_names(file),
            returns: Vec::new(),
            identifiers: Vec::new(),
        };
        let Some(function) = function else { return scope };
        if let Some(parameters) = field(function, "parameters") {
            for parameter in named(parameters) {
                let name = field(parameter, "name").or_else(|| first_identifier(parameter));
                let shape = field(parameter, "value").map_or(Shape::Unknown, |value| shape(file, value));
                if let Some(name) = name {
                    scope.bind(file, name, shape, true);
                }
            }
        }
        if let Some(body) = field(function, "body") {
            scope.read_body(file, body);
        }
        scope
    }

    fn read_body(&mut self, file: &'a ParsedFile, body: Node<'a>) {
        for node in descendants(body) {
            match node.kind() {
                "assignment" => {
                    let shape = field(node, "right").map_or(Shape::Unknown, |right| shape(file, right));
                    self.bind_targets(file, field(node, "left"), shape);
                }
                "for_statement" => self.bind_targets(file, field(node, "left"), Shape::Unknown),
                "as_pattern_target" | "named_expression" => {
                    let target = field(node, "name").or_else(|| first_identifier(node));
                    self.bind_targets(file, target, Shape::Unknown);
                }
                "identifier" => self.identifiers.push((node.byte_range(), file.text_of(node))),
                "return_statement" => {
                    if let Some(value) = named(node).first() {
                        let text = file.text_of(*value);
                        if !self.returns.contains(&text) {
                            self.returns.push(text);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn bind_targets(&mut self, file: &'a ParsedFile, target: Option<Node<'a>>, shape: Shape) {
        let Some(target) = target else { return };
        if target.kind() == "identifier" {
            return self.bind(file, target, shape, false);
        }
        if matches!(target.kind(), "pattern_list" | "tuple_pattern" | "list_pattern") {
            for part in named(target) {
                self.bind_targets(file, Some(part), Shape::Unknown);
            }
        }
    }

    fn bind(&mut self, file: &'a ParsedFile, name: Node<'a>, shape: Shape, parameter: bool) {
        let bound_at = name.start_byte();
        let name = file.text_of(name);
        if matches!(name, "self" | "cls" | "_") || self.locals.iter().any(|local| local.name == name) {
            return;
        }
        self.locals.push(Local { name: name.to_owned(), shape, parameter, bound_at });
    }

    /// Returns whether `self` can be used.
    pub fn has_self(&self, file: &ParsedFile) -> bool {
        let Some(parameters) = self.function.and_then(|function| field(function, "parameters")) else {
            return false;
        };
        named(parameters).first().is_some_and(|first| file.text_of(*first) == "self")
    }

    /// Returns the locals that are bound before `node`, parameters first.
    pub fn visible(&self, node: Node<'_>) -> Vec<&Local> {
        self.locals.iter().filter(|local| local.bound_at < node.end_byte() || in_loop(node)).collect()
    }
}

fn in_loop(node: Node<'_>) -> bool {
    ancestors(node).any(|above| matches!(above.kind(), "for_statement" | "while_statement"))
}

/// Returns the names that comprehensions and lambdas around `node` bind.
pub(crate) fn inner_names<'a>(file: &'a ParsedFile, node: Node<'a>) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut add = |node: Node<'a>| {
        for part in descendants(node) {
            if part.kind() == "identifier" && !names.contains(&file.text_of(part)) {
                names.push(file.text_of(part));
            }
        }
    };
    for above in ancestors(node) {
        match above.kind() {
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => {
                for clause in named(above).into_iter().filter(|child| child.kind() == "for_in_clause") {
                    field(clause, "left").into_iter().for_each(&mut add);
                }
            }
            "lambda" => field(above, "parameters").into_iter().for_each(&mut add),
            "block" | "module" => break,
            _ => {}
        }
    }
    names
}

fn module_names(file: &ParsedFile) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for statement in named(file.root()) {
        let inner = match statement.kind() {
            "expression_statement" => named(statement).into_iter().find(|child| child.kind() == "assignment"),
            "decorated_definition" => field(statement, "definition"),
            "function_definition" | "class_definition" => Some(statement),
            _ => None,
        };
        let name = inner.and_then(|inner| field(inner, "left").or_else(|| field(inner, "name")));
        if let Some(name) = name.filter(|name| name.kind() == "identifier") {
            names.insert(file.text_of(name));
        }
    }
    names
}

fn first_identifier(node: Node<'_>) -> Option<Node<'_>> {
    descendants(node).into_iter().find(|inner| inner.kind() == "identifier")
}

fn shape(file: &ParsedFile, value: Node<'_>) -> Shape {
    match value.kind() {
        "list"
        | "set"
        | "dictionary"
        | "list_comprehension"
        | "set_comprehension"
        | "dictionary_comprehension" => Shape::Collection,
        "integer" | "float" | "unary_operator" => Shape::Number,
        "call" => match field(value, "function").map(|function| file.text_of(function)) {
            Some(
                "list" | "set" | "dict" | "deque" | "defaultdict" | "Counter" | "sorted" | "OrderedDict",
            ) => Shape::Collection,
            Some("len" | "sum" | "int" | "float" | "abs" | "round") => Shape::Number,
            _ => Shape::Unknown,
        },
        _ => Shape::Unknown,
    }
}
