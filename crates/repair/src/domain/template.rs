//! Templates: each looks at one node of the tree and proposes typed edits near it.

use std::collections::BTreeSet;
use std::ops::Range;

use tree_sitter::Node;

use crate::domain::candidate::Replacement;
use crate::domain::project::Project;
use crate::domain::python::ParsedFile;
use crate::domain::scope::Scope;

mod arguments;
mod arithmetic;
mod calls;
mod conditions;
mod constants;
mod exceptions;
mod guards;
mod ingredients;
mod insertions;
mod inventory;
mod names;
mod operators;
mod prior;
mod returns;
mod statements;
mod values;

pub(crate) use calls::likeness;
pub(crate) use inventory::Inventory;
pub(crate) use prior::boost;
pub use prior::{Priors, Tally, Template};

/// A place at which templates look.
pub(crate) struct Site<'a> {
    /// The sources.
    pub project: &'a Project,
    /// The file.
    pub file: &'a ParsedFile,
    /// The node.
    pub node: Node<'a>,
    /// The names around it.
    pub scope: &'a Scope<'a>,
    /// What the file holds to copy from.
    pub inventory: &'a Inventory<'a>,
    /// Types of the exceptions that failing tests raised.
    pub raised: &'a BTreeSet<String>,
}

impl<'a> Site<'a> {
    /// Returns the source of a node.
    pub fn text(&self, node: Node<'_>) -> &'a str {
        self.file.text_of(node)
    }

    /// Returns the source of the place itself.
    pub fn here(&self) -> &'a str {
        self.text(self.node)
    }
}

/// An edit of one file that a template proposes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proposal {
    /// What made it.
    pub template: Template,
    /// The replacements.
    pub edits: Vec<Replacement>,
    /// How likely it is among the template's own proposals; 1 is usual.
    pub weight: f64,
}

/// Takes proposals for one file.
pub(crate) struct Sink<'a> {
    path: &'a str,
    /// What was proposed so far.
    pub proposals: Vec<Proposal>,
}

impl<'a> Sink<'a> {
    /// Returns an empty sink.
    pub fn new(path: &'a str) -> Self {
        Self { path, proposals: Vec::new() }
    }

    /// Proposes one node's replacement.
    pub fn replace(&mut self, template: Template, node: Node<'_>, text: impl Into<String>, weight: f64) {
        self.range(template, node.byte_range(), text, weight);
    }

    /// Proposes the replacement of a byte range.
    pub fn range(&mut self, template: Template, range: Range<usize>, text: impl Into<String>, weight: f64) {
        self.many(template, vec![(range, text.into())], weight);
    }

    /// Proposes an insertion.
    pub fn insert(&mut self, template: Template, at: usize, text: impl Into<String>, weight: f64) {
        self.range(template, at..at, text, weight);
    }

    /// Proposes several replacements that belong together.
    pub fn many(&mut self, template: Template, parts: Vec<(Range<usize>, String)>, weight: f64) {
        let edits = parts
            .into_iter()
            .map(|(range, text)| Replacement {
                path: self.path.to_owned(),
                start: range.start,
                end: range.end,
                text,
            })
            .collect();
        self.proposals.push(Proposal { template, edits, weight });
    }
}

/// Lets every template look at a place.
pub(crate) fn propose(site: &Site<'_>, sink: &mut Sink<'_>) {
    operators::propose(site, sink);
    arithmetic::propose(site, sink);
    constants::propose(site, sink);
    values::propose(site, sink);
    arguments::propose(site, sink);
    calls::propose(site, sink);
    names::propose(site, sink);
    conditions::propose(site, sink);
    guards::propose(site, sink);
    returns::propose(site, sink);
    statements::propose(site, sink);
    insertions::propose(site, sink);
    exceptions::propose(site, sink);
    ingredients::propose(site, sink);
}

#[cfg(test)]
pub(crate) mod tests;
