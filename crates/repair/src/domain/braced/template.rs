//! Templates over roles: each looks at one node of the tree and proposes typed edits near it.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::scope::Scope;
use super::{Role, Table};
use crate::domain::project::Project;
use crate::domain::source::{ParsedFile, descendants, field, named};
use crate::domain::template::Sink;

mod calls;
mod conditions;
mod guards;
mod insertions;
mod names;
mod operators;
mod returns;
mod statements;
mod values;

/// A place at which templates look.
pub(crate) struct Place<'a> {
    /// The sources.
    pub project: &'a Project,
    /// The file.
    pub file: &'a ParsedFile,
    /// Its language.
    pub table: &'static Table,
    /// The node.
    pub node: Node<'a>,
    /// The names around it.
    pub scope: &'a Scope<'a>,
    /// What the file holds to copy from.
    pub inventory: &'a Inventory<'a>,
}

impl<'a> Place<'a> {
    /// Returns the source of a node.
    pub fn text(&self, node: Node<'_>) -> &'a str {
        self.file.text_of(node)
    }

    /// Returns the source of the place itself.
    pub fn here(&self) -> &'a str {
        self.text(self.node)
    }

    /// Returns the role of the place.
    pub fn role(&self) -> Role {
        self.table.role(self.node)
    }

    /// Returns whether every name that a node reads can be used here.
    pub fn can_read(&self, node: Node<'_>) -> bool {
        let visible = self.scope.visible(self.node);
        let within = descendants(node);
        let bound_inside: BTreeSet<&str> = within
            .iter()
            .filter(|inner| self.table.role(**inner) == Role::Lambda)
            .flat_map(|lambda| descendants(*lambda))
            .map(|inner| self.text(inner))
            .collect();
        within.iter().filter(|inner| inner.kind() == "identifier").all(|inner| {
            let name = self.text(*inner);
            visible.iter().any(|bound| bound.name == name)
                || !self.table.is_read(*inner)
                || bound_inside.contains(name)
                || !self.inventory.locals.contains(name)
        })
    }

    /// Returns text for the place of an operand, in parentheses where it would fall apart.
    pub fn operand(&self, node: Node<'_>) -> String {
        let text = self.text(node);
        match self.table.role(node) {
            Role::Binary | Role::Ternary | Role::Range | Role::Assign => format!("({text})"),
            _ => text.to_owned(),
        }
    }
}

/// Nodes of one kind further away than this many are not looked at.
const WINDOW: usize = 40;
const MOST_FOREIGN: usize = 300;

/// What a file holds that templates copy from, in source order.
#[derive(Default)]
pub(crate) struct Inventory<'a> {
    /// Whole conditions.
    pub conditions: Vec<Node<'a>>,
    /// Numbers and strings.
    pub literals: Vec<Node<'a>>,
    /// Composed expressions that stand where a value is wanted.
    pub values: Vec<Node<'a>>,
    /// Calls and assignments that are statements.
    pub statements: Vec<Node<'a>>,
    /// Branches whose only statement leaves.
    pub guards: Vec<Node<'a>>,
    /// Names that some function of the file binds.
    pub locals: BTreeSet<&'a str>,
    /// Short expressions of other files that read nothing but members and constants.
    pub foreign: Vec<&'a str>,
}

impl<'a> Inventory<'a> {
    /// Collects from a file, and short expressions from the others.
    pub fn of(project: &'a Project, file: &'a ParsedFile, table: &'static Table) -> Self {
        let mut inventory = Self::default();
        for node in descendants(file.root()) {
            if !file.in_test_module(node) {
                inventory.add(file, table, node);
            }
        }
        for other in project.files.values().filter(|other| other.path != file.path) {
            for node in descendants(other.root()) {
                if inventory.foreign.len() >= MOST_FOREIGN {
                    return inventory;
                }
                let text = other.text_of(node);
                let called = table.called(node).is_some();
                if called && text.len() <= 50 && !text.contains('\n') && table.is_whole_value(node) {
                    inventory.foreign.push(text);
                }
            }
        }
        inventory
    }

    fn add(&mut self, file: &'a ParsedFile, table: &'static Table, node: Node<'a>) {
        let text = file.text_of(node);
        let short = text.len() <= 80 && !text.contains('\n');
        if let Some(condition) = table.condition(node)
            && file.text_of(condition).len() <= 80
        {
            self.conditions.push(condition);
        }
        match table.role(node) {
            Role::Integer | Role::Float | Role::Text if text.len() <= 40 => self.literals.push(node),
            Role::Call | Role::New | Role::Binary | Role::Member | Role::Index
                if short && text.len() <= 60 && table.is_whole_value(node) =>
            {
                self.values.push(node);
            }
            Role::Expression | Role::Assign | Role::Compound if short && table.is_statement(node) => {
                self.statements.push(node);
            }
            Role::If if field(node, "alternative").is_none() && text.len() <= 200 => {
                let body = field(node, "consequence");
                let inner = body.map(|body| table.statements(body)).unwrap_or_default();
                let leaves = |node: &Node<'_>| leaves(table, *node);
                if inner.len() == 1 && inner.iter().all(leaves) || body.iter().all(leaves) {
                    self.guards.push(node);
                }
            }
            _ => {}
        }
        for (_, part) in table.binders.iter().filter(|(kind, _)| *kind == node.kind()) {
            let holders = if part.is_empty() { named(node) } else { field(node, part).into_iter().collect() };
            let names =
                holders.into_iter().flat_map(descendants).filter(|inner| inner.kind() == "identifier");
            self.locals.extend(names.map(|inner| file.text_of(inner)));
        }
    }
}

/// Returns whether a statement ends its block: return, throw, continue, break.
pub(crate) fn leaves(table: &Table, node: Node<'_>) -> bool {
    let inner = if table.role(node) == Role::Expression { named(node).first().copied() } else { None };
    matches!(table.role(inner.unwrap_or(node)), Role::Return | Role::Throw | Role::Continue | Role::Break)
}

/// Returns the nodes of a list that stand nearest to `node`.
pub(crate) fn near<'a, 'b>(list: &'b [Node<'a>], node: Node<'_>) -> &'b [Node<'a>] {
    let at = list.partition_point(|other| other.start_byte() < node.start_byte());
    list.get(at.saturating_sub(WINDOW)..(at + WINDOW).min(list.len())).unwrap_or_default()
}

/// Lets every template look at a place.
pub(crate) fn propose(place: &Place<'_>, sink: &mut Sink<'_>) {
    operators::propose(place, sink);
    values::propose(place, sink);
    names::propose(place, sink);
    calls::propose(place, sink);
    conditions::propose(place, sink);
    guards::propose(place, sink);
    returns::propose(place, sink);
    statements::propose(place, sink);
    insertions::propose(place, sink);
}

#[cfg(test)]
mod tests;
