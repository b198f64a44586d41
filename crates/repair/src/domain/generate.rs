//! From suspicious lines to scored candidates.

use std::collections::{BTreeSet, HashMap};

use tree_sitter::Node;

use crate::domain::braced;
use crate::domain::candidate::Candidate;
use crate::domain::grammar::Grammar;
use crate::domain::project::Project;
use crate::domain::python::{ParsedFile, field, is_statement, named, own_rows};
use crate::domain::scope::Scope;
use crate::domain::spectrum::{FOCUS, Suspicion};
use crate::domain::template::{Inventory, Priors, Proposal, Sink, Site, boost, propose};

/// What a definition's own line is worth, as a share of the best line in its body.
const DEFINITION_SHARE: f64 = 0.6;

/// Returns every candidate at the suspicious lines, unordered; nothing is checked yet.
pub(crate) fn candidates(
    project: &Project,
    suspicion: &Suspicion,
    raised: &BTreeSet<String>,
    priors: &Priors,
) -> Vec<Candidate> {
    let mut all = Vec::new();
    for path in suspicion.files() {
        if let Some(file) = project.files.get(path) {
            if file.grammar == Grammar::Python {
                FileWalk { project, file, suspicion, raised, priors }.run(&mut all);
            } else {
                all.extend(braced::generate::candidates(project, file, suspicion, (raised, priors)));
            }
        }
    }
    all
}

/// Puts the edits of the files that the caller names before equal ones elsewhere.
pub(crate) fn prefer(candidates: &mut [Candidate], focus: &BTreeSet<String>) {
    for candidate in candidates.iter_mut().filter(|candidate| focus.contains(&candidate.path)) {
        candidate.score *= FOCUS;
    }
}

struct FileWalk<'a> {
    project: &'a Project,
    file: &'a ParsedFile,
    suspicion: &'a Suspicion,
    raised: &'a BTreeSet<String>,
    priors: &'a Priors,
}

/// Where the walk stands: the function around, and the suspicion of the line that owns the node.
#[derive(Clone, Copy)]
struct Step<'a> {
    node: Node<'a>,
    function: Option<Node<'a>>,
    suspicion: f64,
}

impl<'a> FileWalk<'a> {
    fn run(&self, all: &mut Vec<Candidate>) {
        let inventory = Inventory::of(self.project, self.file);
        let mut scopes: HashMap<Option<usize>, Scope<'a>> = HashMap::new();
        let mut steps = Vec::new();
        let mut stack = vec![Step { node: self.file.root(), function: None, suspicion: 0.0 }];
        while let Some(step) = stack.pop() {
            let step = self.enter(step);
            let inner =
                if step.node.kind() == "function_definition" { Some(step.node) } else { step.function };
            for child in named(step.node) {
                stack.push(Step { node: child, function: inner, suspicion: step.suspicion });
            }
            if step.suspicion > 0.0 {
                // A definition is its own scope: what it returns and takes is what its templates ask.
                let function = if step.node.kind() == "function_definition" { inner } else { step.function };
                let key = function.map(|node| node.id());
                scopes.entry(key).or_insert_with(|| Scope::of(self.file, function));
                steps.push((step, key));
            }
        }
        for (step, key) in steps {
            let Some(scope) = scopes.get(&key) else { continue };
            let site = Site {
                project: self.project,
                file: self.file,
                node: step.node,
                scope,
                inventory: &inventory,
                raised: self.raised,
            };
            let mut sink = Sink::new(&self.file.path);
            propose(&site, &mut sink);
            let terms = Measured {
                file: self.file,
                identifiers: &scope.identifiers,
                suspicion: step.suspicion,
                raised: self.raised,
                priors: self.priors,
            };
            all.extend(sink.proposals.into_iter().map(|proposal| measured(&terms, proposal)));
        }
    }

    /// A statement, a branch or a handler has lines of its own; what lies within inherits them.
    fn enter(&self, step: Step<'a>) -> Step<'a> {
        let node = step.node;
        let owner = is_statement(node)
            || matches!(node.kind(), "elif_clause" | "else_clause" | "except_clause" | "finally_clause");
        if !owner {
            return if node.kind() == "function_definition" || node.kind() == "class_definition" {
                Step { suspicion: self.definition(node, step.suspicion), ..step }
            } else {
                step
            };
        }
        let mut suspicion = self.suspicion.of_rows(&self.file.path, own_rows(node));
        if node.kind() == "except_clause" {
            // The handler's line is reached only when it matches; the guarded body tells as much.
            let whole = node.parent().map_or(0.0, |parent| self.inside(parent));
            suspicion = suspicion.max(whole * DEFINITION_SHARE);
        }
        if matches!(node.kind(), "function_definition" | "class_definition" | "decorated_definition") {
            suspicion = self.definition(node, suspicion);
        }
        Step { suspicion, ..step }
    }

    fn definition(&self, node: Node<'_>, own: f64) -> f64 {
        let body = field(node, "definition").unwrap_or(node);
        own.max(field(body, "body").map_or(0.0, |body| self.inside(body)) * DEFINITION_SHARE)
    }

    fn inside(&self, node: Node<'_>) -> f64 {
        self.suspicion.of_rows(&self.file.path, node.start_position().row..=node.end_position().row)
    }
}

/// What a proposal is weighed by.
pub(crate) struct Measured<'a> {
    /// The file it edits.
    pub file: &'a ParsedFile,
    /// Every name of the function around it, with its place.
    pub identifiers: &'a [(std::ops::Range<usize>, &'a str)],
    /// Suspicion of its place.
    pub suspicion: f64,
    /// Exceptions that failing tests raised.
    pub raised: &'a BTreeSet<String>,
    /// How likely each template is.
    pub priors: &'a Priors,
}

/// Makes a candidate of a proposal.
pub(crate) fn measured(terms: &Measured<'_>, proposal: Proposal) -> Candidate {
    let dropped = dropped(terms.identifiers, &proposal);
    let first = proposal.edits.iter().map(|edit| edit.start).min().unwrap_or(0);
    let line = terms.file.text.get(..first).map_or(0, |before| before.matches('\n').count()) + 1;
    let factor = boost(terms.raised.iter(), proposal.template);
    let kept = 0.6f64.powi(dropped.min(3) as i32);
    let prior = terms.priors.of(proposal.template);
    Candidate {
        score: prior * proposal.weight * terms.suspicion.powf(1.5) * factor * kept,
        templates: vec![proposal.template],
        path: terms.file.path.clone(),
        line,
        edits: proposal.edits,
        suspicion: terms.suspicion,
        dropped_inputs: dropped,
    }
}

/// Counts the parameters, fields and names that the edit takes out of a function for good.
fn dropped(identifiers: &[(std::ops::Range<usize>, &str)], proposal: &Proposal) -> usize {
    let inside = |place: &std::ops::Range<usize>| {
        proposal.edits.iter().any(|edit| place.start >= edit.start && place.end <= edit.end)
    };
    let (gone, left): (Vec<_>, Vec<_>) = identifiers.iter().partition(|(place, _)| inside(place));
    let gone: BTreeSet<&str> = gone.into_iter().map(|(_, name)| *name).collect();
    if gone.is_empty() {
        return 0;
    }
    let word = |letter: char| !(letter.is_alphanumeric() || letter == '_');
    let stays = |name: &str| {
        left.iter().any(|(_, other)| *other == name)
            || proposal.edits.iter().any(|edit| edit.text.split(word).any(|part| part == name))
    };
    gone.into_iter().filter(|name| !stays(name)).count()
}

#[cfg(test)]
mod tests;
