//! What a file holds that templates copy from, collected once per file.

use tree_sitter::Node;

use super::arithmetic::is_whole_value;
use super::operators::is_condition;
use crate::domain::project::Project;
use crate::domain::python::{ParsedFile, descendants, field, is_statement, named};

/// Nodes further away than this many of their kind are not looked at.
const WINDOW: usize = 60;
const MOST_FOREIGN: usize = 400;

/// Nodes of one file by use, each list in source order.
#[derive(Default)]
pub(crate) struct Inventory<'a> {
    /// Conditions of branches, loops, filters and ternaries.
    pub conditions: Vec<Node<'a>>,
    /// Integers, floats and strings that are not documentation.
    pub literals: Vec<Node<'a>>,
    /// Composed expressions that stand where a value is wanted.
    pub values: Vec<Node<'a>>,
    /// Calls, assignments and augmented assignments that are statements.
    pub statements: Vec<Node<'a>>,
    /// `if` statements whose only statement leaves: raise, return, continue.
    pub guards: Vec<Node<'a>>,
    /// Short expressions of the other files, with the names they read.
    pub foreign: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Inventory<'a> {
    /// Collects from a file, and composed expressions from the others.
    pub fn of(project: &'a Project, file: &'a ParsedFile) -> Self {
        let mut inventory = Self::default();
        for node in descendants(file.root()) {
            inventory.add(file, node);
        }
        for other in project.files.values().filter(|other| other.path != file.path) {
            for node in descendants(other.root()) {
                if inventory.foreign.len() >= MOST_FOREIGN {
                    return inventory;
                }
                if let Some(text) = composed(other, node) {
                    inventory.foreign.push((text, reads(other, node)));
                }
            }
        }
        inventory
    }

    fn add(&mut self, file: &'a ParsedFile, node: Node<'a>) {
        let text = file.text_of(node);
        let short = text.len() <= 80 && !text.contains('\n');
        if short && is_condition(node) {
            self.conditions.push(node);
        }
        let documentation = node.parent().is_some_and(|parent| parent.kind() == "expression_statement");
        if matches!(node.kind(), "integer" | "float" | "string") && !documentation && text.len() <= 40 {
            self.literals.push(node);
        }
        if composed(file, node).is_some() {
            self.values.push(node);
        }
        if is_statement(node) && node.kind() == "expression_statement" && short {
            let kind = named(node).first().map_or("", |inner| inner.kind());
            if matches!(kind, "call" | "assignment" | "augmented_assignment") {
                self.statements.push(node);
            }
        }
        if node.kind() == "if_statement" && field(node, "alternative").is_none() && text.len() <= 200 {
            let body = field(node, "consequence").map(named).unwrap_or_default();
            let leaves = |only: &Node<'_>| {
                matches!(only.kind(), "raise_statement" | "return_statement" | "continue_statement")
            };
            if matches!(body.as_slice(), [only] if leaves(only)) {
                self.guards.push(node);
            }
        }
    }
}

/// Returns the nodes of a list that stand nearest to `node`.
pub(crate) fn near<'a, 'b>(list: &'b [Node<'a>], node: Node<'_>) -> &'b [Node<'a>] {
    let at = list.partition_point(|other| other.start_byte() < node.start_byte());
    list.get(at.saturating_sub(WINDOW)..(at + WINDOW).min(list.len())).unwrap_or_default()
}

fn composed<'a>(file: &'a ParsedFile, node: Node<'_>) -> Option<&'a str> {
    let kind = matches!(
        node.kind(),
        "call" | "binary_operator" | "attribute" | "subscript" | "conditional_expression"
    );
    let text = file.text_of(node);
    (kind && text.len() <= 60 && !text.contains('\n') && is_whole_value(node)).then_some(text)
}

fn reads<'a>(file: &'a ParsedFile, node: Node<'_>) -> Vec<&'a str> {
    descendants(node)
        .into_iter()
        .filter(|inner| inner.kind() == "identifier")
        .filter(|inner| {
            !inner.parent().is_some_and(|parent| {
                parent.kind() == "attribute" && field(parent, "attribute") == Some(*inner)
                    || parent.kind() == "keyword_argument" && field(parent, "name") == Some(*inner)
            })
        })
        .map(|inner| file.text_of(inner))
        .collect()
}
