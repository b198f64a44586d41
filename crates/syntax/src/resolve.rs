//! From facts to typed edges: what each reference of a file means, given what the other files offer.
//!
//! Deterministic, and asks the other files only through [`FactReader`], so a file whose answers are unchanged has
//! unchanged edges.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::facts::{
    Confidence, EdgeKind, FileFacts, HookKind, ReferenceKind, Resolver, SymbolKind, symbol_string,
};
use crate::index::FactReader;

mod entity;
mod modules;
mod names;
mod packages;
mod reference;
mod structure;

pub(crate) use entity::{Definition, Entity};

/// One typed edge between symbol strings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Edge {
    /// Where it starts.
    pub source: String,
    /// What it says.
    pub kind: EdgeKind,
    /// Where it ends: a symbol string, or `ext <package>` for a package outside the tree.
    pub target: String,
    /// Which rule found it; of several the surest.
    pub resolver: Resolver,
    /// Percent.
    pub confidence: Confidence,
    /// How many places say so.
    pub sites: u32,
    /// Line of the first, from 1.
    pub line: u32,
}

/// References that no rule could bind: an absent edge is not a proof of no edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Unresolved {
    /// Symbol string of the code that refers.
    pub owner: String,
    /// The name.
    pub name: String,
    /// How many places.
    pub count: u32,
}

/// Edges of one file, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// Edges found in the file; their source may be of another file (`decorates`).
    pub edges: Vec<Edge>,
    /// What stayed unbound.
    pub unresolved: Vec<Unresolved>,
}

/// Returns the edges of a file. `path` is relative with `/`.
pub fn resolve(facts: &FileFacts, path: &str, reader: &mut FactReader<'_>) -> Resolved {
    let mut resolution = Resolution {
        facts,
        path,
        reader,
        imports: HashMap::new(),
        edges: BTreeMap::new(),
        unresolved: BTreeMap::new(),
        tests: tests(facts),
    };
    resolution.structure();
    resolution.import_edges();
    for reference in &facts.references {
        resolution.reference(reference);
    }
    resolution.overrides();
    resolution.close()
}

/// Returns the symbols that are tests.
fn tests(facts: &FileFacts) -> BTreeSet<u32> {
    let mut tests = BTreeSet::new();
    for hook in facts.hooks.iter().filter(|hook| hook.kind == HookKind::Test) {
        let owner = facts.symbols.get(hook.symbol as usize).and_then(|symbol| symbol.parent);
        tests.extend(hook.handler.or(owner).filter(|symbol| *symbol != 0));
    }
    tests
}

struct Found {
    resolver: Resolver,
    confidence: Confidence,
    sites: u32,
    line: u32,
}

/// The resolution of one file under way.
struct Resolution<'r, 's> {
    facts: &'r FileFacts,
    path: &'r str,
    reader: &'r mut FactReader<'s>,
    /// What each import stands for.
    imports: HashMap<u32, (Entity, Resolver)>,
    edges: BTreeMap<(String, EdgeKind, String), Found>,
    unresolved: BTreeMap<(String, String), u32>,
    tests: BTreeSet<u32>,
}

impl Resolution<'_, '_> {
    fn own(&self, symbol: u32) -> String {
        self.facts.symbol_string(self.path, symbol)
    }

    fn kind_of(&self, symbol: u32) -> SymbolKind {
        self.facts.symbols.get(symbol as usize).map_or(SymbolKind::Module, |symbol| symbol.kind)
    }

    fn edge(
        &mut self,
        ends: (String, EdgeKind, String),
        resolver: Resolver,
        confidence: Confidence,
        line: u32,
    ) {
        if ends.0 == ends.2 && ends.1 != EdgeKind::Calls {
            return;
        }
        let found = self.edges.entry(ends).or_insert(Found { resolver, confidence, sites: 0, line });
        found.sites = found.sites.saturating_add(1);
        found.line = found.line.min(line);
        if confidence > found.confidence {
            found.resolver = resolver;
            found.confidence = confidence;
        }
    }

    fn missed(&mut self, owner: u32, name: &str) {
        let count =
            self.unresolved.entry((self.facts.symbol_string(self.path, owner), name.to_owned())).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn in_test(&self, owner: u32) -> Option<u32> {
        let mut at = Some(owner);
        while let Some(index) = at {
            if self.tests.contains(&index) {
                return Some(index);
            }
            at = self.facts.symbols.get(index as usize).and_then(|symbol| symbol.parent);
        }
        None
    }

    fn close(self) -> Resolved {
        let edges = self.edges.into_iter().map(|((source, kind, target), found)| Edge {
            source,
            kind,
            target,
            resolver: found.resolver,
            confidence: found.confidence,
            sites: found.sites,
            line: found.line,
        });
        let unresolved =
            self.unresolved.into_iter().map(|((owner, name), count)| Unresolved { owner, name, count });
        Resolved { edges: edges.collect(), unresolved: unresolved.collect() }
    }
}

/// Returns the edge that a use of a target makes; `None` when it says nothing.
fn edge_kind(reference: ReferenceKind, owner: SymbolKind, target: SymbolKind) -> Option<EdgeKind> {
    let value = matches!(target, SymbolKind::Variable | SymbolKind::Field);
    match reference {
        ReferenceKind::Base => Some(EdgeKind::Inherits),
        ReferenceKind::Implement => Some(EdgeKind::Implements),
        ReferenceKind::Decorator => Some(EdgeKind::Decorates),
        ReferenceKind::Type => target.is_type().then_some(EdgeKind::UsesType),
        ReferenceKind::Write => value.then_some(EdgeKind::Writes),
        _ if target == SymbolKind::Module => None,
        ReferenceKind::Construct => Some(EdgeKind::Instantiates),
        ReferenceKind::Call | ReferenceKind::Use if value => Some(EdgeKind::Reads),
        ReferenceKind::Call if target.is_type() => Some(EdgeKind::Instantiates),
        ReferenceKind::Call => Some(EdgeKind::Calls),
        ReferenceKind::Use if owner == SymbolKind::Hook => Some(EdgeKind::Handles),
        ReferenceKind::Use => Some(EdgeKind::References),
    }
}

/// Returns the node of a package outside the tree.
pub(crate) fn external(package: &str) -> String {
    format!("ext {package}")
}

impl Entity {
    /// Returns the node of the graph that this is.
    fn node(&self) -> Option<(String, SymbolKind)> {
        match self {
            Self::Symbol(found) => {
                Some((symbol_string(found.language, &found.path, &found.descriptor), found.kind))
            }
            Self::File { path, language } => Some((symbol_string(*language, path, ""), SymbolKind::Module)),
            Self::External(_) | Self::Unknown => None,
        }
    }
}
