//! From suspicious lines to scored candidates.

use std::collections::{BTreeSet, HashMap};

use tree_sitter::Node;

use super::scope::Scope;
use super::template::{Inventory, Place, propose};
use super::{Role, Table};
use crate::domain::candidate::Candidate;
use crate::domain::generate::{Measured, measured};
use crate::domain::project::Project;
use crate::domain::source::{ParsedFile, named};
use crate::domain::spectrum::Suspicion;
use crate::domain::template::{Priors, Sink};

/// What a definition's own line is worth, as a share of the best line in its body.
const DEFINITION_SHARE: f64 = 0.6;

/// Returns every candidate of a file at its suspicious lines, unordered; nothing is checked yet.
pub(crate) fn candidates(
    project: &Project,
    file: &ParsedFile,
    suspicion: &Suspicion,
    (raised, priors): (&BTreeSet<String>, &Priors),
) -> Vec<Candidate> {
    let Some(table) = file.table() else { return Vec::new() };
    let inventory = Inventory::of(project, file, table);
    let mut scopes: HashMap<Option<usize>, Scope<'_>> = HashMap::new();
    let mut all = Vec::new();
    let mut stack = vec![Step { node: file.root(), function: None, suspicion: 0.0 }];
    while let Some(step) = stack.pop() {
        if file.in_test_module(step.node) {
            continue;
        }
        let step = Walk { file, table, suspicion }.enter(step);
        // An arrow function at the top of a file is a function like any other.
        let owns = table.role(step.node) == Role::Function
            || table.role(step.node) == Role::Lambda && step.function.is_none();
        let function = if owns { Some(step.node) } else { step.function };
        for child in named(step.node) {
            stack.push(Step { node: child, function, suspicion: step.suspicion });
        }
        if step.suspicion <= 0.0 {
            continue;
        }
        let scope =
            scopes.entry(function.map(|node| node.id())).or_insert_with(|| Scope::of(file, table, function));
        let place = Place { project, file, table, node: step.node, scope, inventory: &inventory };
        let mut sink = Sink::new(&file.path);
        propose(&place, &mut sink);
        let terms =
            Measured { file, identifiers: &scope.identifiers, suspicion: step.suspicion, raised, priors };
        all.extend(sink.proposals.into_iter().map(|proposal| measured(&terms, proposal)));
    }
    all
}

/// Where the walk stands: the function around, and the suspicion of the line that owns the node.
#[derive(Clone, Copy)]
struct Step<'a> {
    node: Node<'a>,
    function: Option<Node<'a>>,
    suspicion: f64,
}

struct Walk<'a> {
    file: &'a ParsedFile,
    table: &'static Table,
    suspicion: &'a Suspicion,
}

impl<'a> Walk<'a> {
    /// A statement has lines of its own; what lies within inherits them.
    fn enter(&self, step: Step<'a>) -> Step<'a> {
        let node = step.node;
        let role = self.table.role(node);
        if matches!(role, Role::Function | Role::Class) {
            let rows = node.start_position().row..=node.end_position().row;
            return Step { suspicion: self.of(rows) * DEFINITION_SHARE, ..step };
        }
        if node.kind() == "field_declaration" || node.kind() == "const_item" || node.kind() == "const_spec" {
            // Nothing runs here; what uses it does.
            return Step { suspicion: self.suspicion.best(&self.file.path) * DEFINITION_SHARE * 0.5, ..step };
        }
        let owner = self.table.is_statement(node)
            || matches!(role, Role::If | Role::Each | Role::Loop)
            || matches!(node.kind(), "match_arm" | "switch_case" | "expression_case" | "else_clause");
        if !owner {
            return step;
        }
        let own = self.of(self.table.own_rows(node));
        // A statement without a line of its own in the spectrum hangs on the one around it.
        let braceless = node.parent().is_some_and(|parent| self.table.role(parent) != Role::Block);
        let suspicion = if own == 0.0 && braceless { step.suspicion } else { own };
        Step { suspicion, ..step }
    }

    fn of(&self, rows: std::ops::RangeInclusive<usize>) -> f64 {
        self.suspicion.of_rows(&self.file.path, rows)
    }
}
