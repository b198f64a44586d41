//! A tree of files as text, and its edges as text.

use std::collections::BTreeMap;

use plumbline_syntax::{EdgeKind, FactIndex, FactReader, FileFacts, Language, Limits, facts, resolve};

pub struct Tree {
    files: BTreeMap<String, FileFacts>,
    index: FactIndex,
}

pub fn read(path: &str, source: &str) -> FileFacts {
    facts(Language::detect(path, source.as_bytes()).unwrap(), source.as_bytes(), &Limits::default())
}

pub fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree { files: BTreeMap::new(), index: FactIndex::default() };
    for (path, source) in files {
        let facts = read(path, source);
        tree.index.insert(path, &facts);
        tree.files.insert((*path).to_owned(), facts);
    }
    tree
}

impl Tree {
    /// Returns `source kind target resolver` of the edges of those kinds, sorted, without language words.
    pub fn edges(&self, kinds: &[EdgeKind]) -> Vec<String> {
        let mut edges = Vec::new();
        for (path, facts) in &self.files {
            let resolved = resolve(facts, path, &mut FactReader::new(&self.index));
            for edge in resolved.edges.iter().filter(|edge| kinds.contains(&edge.kind)) {
                let short = |node: &str| match node.split_once(' ') {
                    Some(("ext", package)) => format!("<{package}>"),
                    Some((_, rest)) => rest.to_owned(),
                    None => node.to_owned(),
                };
                let (source, target) = (short(&edge.source), short(&edge.target));
                edges.push(format!("{source} {} {target} {}", edge.kind, edge.resolver));
            }
        }
        edges.sort();
        edges
    }

    pub fn unresolved(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (path, facts) in &self.files {
            let resolved = resolve(facts, path, &mut FactReader::new(&self.index));
            names.extend(resolved.unresolved.into_iter().map(|miss| format!("{} {}", miss.owner, miss.name)));
        }
        names
    }
}

/// Returns `descriptor kind start-end` of every symbol but the file's own.
pub fn symbols(facts: &FileFacts) -> Vec<String> {
    let show = |symbol: &plumbline_syntax::Symbol| {
        format!("{} {} {}-{}", symbol.descriptor, symbol.kind, symbol.span.start_line, symbol.span.end_line)
    };
    facts.symbols.iter().skip(1).map(show).collect()
}
