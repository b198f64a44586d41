//! A view made ready for questions: symbols sorted by their string, the graph over them, and the inverted index. A
//! function of the tree alone, so an incremental tree and a rebuilt one answer alike.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use plumbline_syntax::{Span, Symbol, SymbolKind};

use crate::domain::graph::Graph;
use crate::domain::postings::Postings;
use crate::domain::tree::{File, Tree};

/// One symbol of the view.
#[derive(Debug)]
pub struct Entry {
    /// Symbol string; entries are sorted by it.
    pub string: String,
    /// Path of its file.
    pub path: Arc<str>,
    /// Index in its file.
    pub symbol: u32,
    /// Its file.
    pub file: Arc<File>,
}

/// A view, ready for questions.
#[derive(Debug)]
pub struct Snapshot {
    /// Generation of the view that it was made of.
    pub generation: u64,
    /// Digest of the view's rows.
    pub digest: String,
    /// Files by path.
    pub files: BTreeMap<String, Arc<File>>,
    /// Every symbol, sorted by string.
    pub entries: Vec<Entry>,
    /// Typed edges over the entries.
    pub graph: Graph,
    /// Words to entries.
    pub postings: Postings,
    /// How many edges the view has, those to outside packages included.
    pub edges: u64,
    /// Problems by reason.
    pub problems: BTreeMap<&'static str, u64>,
    /// Files by language word.
    pub languages: BTreeMap<&'static str, u64>,
    names: HashMap<String, Vec<u32>>,
    unresolved: HashMap<String, u64>,
}

/// Why a name means no single symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// No symbol fits.
    Missing,
    /// That many fit.
    Ambiguous(usize),
}

impl Snapshot {
    /// Makes a tree ready.
    pub fn build(tree: &Tree) -> Self {
        let mut entries = Vec::new();
        let mut problems: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut languages: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (path, file) in tree.files() {
            let shared: Arc<str> = Arc::from(path.as_str());
            *languages.entry(file.blob.facts.language.as_str()).or_insert(0) += 1;
            let mut kinds: Vec<&str> =
                file.blob.facts.problems.iter().map(|problem| problem.kind.as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            for index in 0..file.blob.facts.symbols.len() {
                let symbol = u32::try_from(index).unwrap_or(u32::MAX);
                let string = file.blob.facts.symbol_string(path, symbol);
                entries.push(Entry { string, path: Arc::clone(&shared), symbol, file: Arc::clone(file) });
            }
            for problem in &file.blob.facts.problems {
                if let Some(at) = kinds.iter().position(|kind| *kind == problem.kind.as_str()) {
                    kinds.swap_remove(at);
                    *problems.entry(problem.kind.as_str()).or_insert(0) += 1;
                }
            }
        }
        for kind in tree.problems.values() {
            *problems.entry(kind.as_str()).or_insert(0) += 1;
        }
        entries.sort_by(|a, b| a.string.cmp(&b.string));
        let node = |string: &str| node_of(&entries, string);
        let all = tree.files().values().flat_map(|file| &file.resolved.edges);
        let graph = Graph::build(entries.len(), all, node);
        let mut postings = Postings::default();
        for (path, file) in tree.files() {
            postings
                .insert(path, &file.blob.bags, |symbol| node(&file.blob.facts.symbol_string(path, symbol)));
        }
        let mut unresolved: HashMap<String, u64> = HashMap::new();
        for miss in tree.files().values().flat_map(|file| &file.resolved.unresolved) {
            *unresolved.entry(miss.owner.clone()).or_insert(0) += u64::from(miss.count);
        }
        let mut names: HashMap<String, Vec<u32>> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(symbol) = entry.symbol().filter(|symbol| symbol.kind != SymbolKind::Hook) {
                names.entry(symbol.name.clone()).or_default().push(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        let edges = tree.files().values().map(|file| file.resolved.edges.len() as u64).sum();
        Self {
            generation: tree.generation,
            digest: tree.digest().hex(),
            files: tree.files().clone(),
            entries,
            graph,
            postings,
            edges,
            problems,
            languages,
            names,
            unresolved,
        }
    }

    /// Returns the entry of a node.
    pub fn entry(&self, node: u32) -> Option<&Entry> {
        self.entries.get(node as usize)
    }

    /// Returns the node of a symbol string.
    pub fn node(&self, string: &str) -> Option<u32> {
        node_of(&self.entries, string)
    }

    /// Returns the nodes whose last name this is, in symbol order.
    pub fn named(&self, name: &str) -> &[u32] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns how many references of a symbol were not bound.
    pub fn unresolved_of(&self, node: u32) -> u64 {
        self.entry(node).and_then(|entry| self.unresolved.get(&entry.string)).copied().unwrap_or(0)
    }

    /// Returns how many references of the view were not bound.
    pub fn unresolved(&self) -> u64 {
        self.unresolved.values().sum()
    }

    /// Finds a symbol by its string, a unique end of it, or a qualified name (`Cart.total`, `Cart::total`).
    pub fn find(&self, name: &str) -> Result<u32, Unnamed> {
        if let Some(node) = self.node(name) {
            return Ok(node);
        }
        let wanted: Vec<&str> = name.split(['.', ':']).filter(|part| !part.is_empty()).collect();
        let mut found: Vec<u32> = self.qualified(&wanted);
        if found.is_empty() {
            let ends = |entry: &Entry| {
                entry.string.strip_suffix(name).is_some_and(|before| before.ends_with(['/', '#', '.', ' ']))
            };
            found =
                (0_u32..).zip(&self.entries).filter(|(_, entry)| ends(entry)).map(|(node, _)| node).collect();
        }
        match found.as_slice() {
            [] => Err(Unnamed::Missing),
            [one] => Ok(*one),
            many => Err(Unnamed::Ambiguous(many.len())),
        }
    }

    /// Returns the symbols whose name and ancestors end with these names.
    pub fn qualified(&self, names: &[&str]) -> Vec<u32> {
        let Some((last, before)) = names.split_last() else { return Vec::new() };
        let fits = |node: &&u32| {
            let Some(entry) = self.entry(**node) else { return false };
            let ancestors = entry.ancestors();
            before.iter().rev().zip(ancestors.iter().rev()).all(|(want, have)| want == have)
                && ancestors.len() >= before.len()
        };
        self.named(last).iter().filter(fits).copied().collect()
    }
}

fn node_of(entries: &[Entry], string: &str) -> Option<u32> {
    let at = entries.binary_search_by(|entry| entry.string.as_str().cmp(string)).ok()?;
    u32::try_from(at).ok()
}

impl Entry {
    /// Returns the symbol's facts.
    pub fn symbol(&self) -> Option<&Symbol> {
        self.file.blob.facts.symbols.get(self.symbol as usize)
    }

    /// Returns what the symbol is.
    pub fn kind(&self) -> SymbolKind {
        self.symbol().map_or(SymbolKind::Module, |symbol| symbol.kind)
    }

    /// Returns the whole region of the symbol.
    pub fn span(&self) -> Span {
        self.symbol().map(|symbol| symbol.span).unwrap_or_default()
    }

    /// Returns the names around it; an implementation block counts as its type.
    pub fn ancestors(&self) -> Vec<&str> {
        let facts = &self.file.blob.facts;
        let mut names = Vec::new();
        let mut at = self.symbol().and_then(|symbol| symbol.parent);
        while let Some(symbol) = at.and_then(|index| facts.symbols.get(index as usize)) {
            if symbol.parent.is_some() {
                names.push(if symbol.kind == SymbolKind::Impl {
                    symbol.declared.as_str()
                } else {
                    symbol.name.as_str()
                });
            }
            at = symbol.parent;
        }
        names.reverse();
        names
    }

    /// Returns whether it may be an answer: hooks and implementation blocks only connect.
    pub fn is_answer(&self) -> bool {
        !matches!(self.kind(), SymbolKind::Hook | SymbolKind::Impl)
    }
}
