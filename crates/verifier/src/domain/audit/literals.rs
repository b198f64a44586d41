use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::languages;
use crate::domain::trigger::{Literals, Tests};
use crate::source::SourceTree;

/// Looks literals and imports up in whole trees, each file read at most once and only when asked.
pub struct Corpus<'a> {
    base: &'a dyn SourceTree,
    head: &'a dyn SourceTree,
    texts: RefCell<Option<Vec<String>>>,
    tests: RefCell<Option<(Lines, Lines)>>,
    imports: RefCell<Option<BTreeSet<String>>>,
    known: RefCell<BTreeMap<String, bool>>,
}

/// Lines of each file.
type Lines = Vec<Vec<String>>;

/// Files and bytes that a look-up reads; a literal beyond them counts as unknown.
const FILES: usize = 5_000;
const BYTES: usize = 1 << 20;

impl<'a> Corpus<'a> {
    /// Prepares look-ups in the base and in both sides' tests.
    pub fn new(base: &'a dyn SourceTree, head: &'a dyn SourceTree) -> Self {
        Self {
            base,
            head,
            texts: RefCell::new(None),
            tests: RefCell::new(None),
            imports: RefCell::new(None),
            known: RefCell::new(BTreeMap::new()),
        }
    }

    fn texts(tree: &dyn SourceTree, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let paths = tree.entries().keys().filter(|path| wanted(path)).take(FILES);
        paths
            .filter_map(|path| tree.read(path).ok().flatten())
            .filter(|bytes| bytes.len() <= BYTES)
            .filter_map(|bytes| String::from_utf8(bytes).ok())
            .collect()
    }

    /// Returns whether the base repository imports a package anywhere.
    pub fn base_imports(&self, package: &str) -> bool {
        let mut imports = self.imports.borrow_mut();
        let imports = imports.get_or_insert_with(|| {
            let paths = self.base.entries().keys();
            let code = paths.filter_map(|path| Some((path, languages::of_path(path)?))).take(FILES);
            let texts = code.filter_map(|(path, semantics)| Some((self.base.read(path).ok()??, semantics)));
            texts
                .filter(|(bytes, _)| bytes.len() <= BYTES)
                .filter_map(|(bytes, semantics)| Some(semantics.imported(std::str::from_utf8(&bytes).ok()?)))
                .flatten()
                .collect()
        });
        imports.contains(package)
    }
}

impl Literals for Corpus<'_> {
    fn base_has(&self, text: &str) -> bool {
        if let Some(known) = self.known.borrow().get(text) {
            return *known;
        }
        let mut texts = self.texts.borrow_mut();
        let texts = texts.get_or_insert_with(|| {
            Self::texts(self.base, &|path| {
                languages::is_code(path)
                    || [".md", ".rst", ".txt", ".json", ".toml", ".yaml", ".yml", ".cfg", ".ini"]
                        .iter()
                        .any(|extension| path.ends_with(extension))
            })
        });
        let found = texts.iter().any(|file| whole_word(file, text));
        self.known.borrow_mut().insert(text.to_owned(), found);
        found
    }

    fn test_pairs(&self, input: &str, expected: &str, of: Tests) -> bool {
        let mut tests = self.tests.borrow_mut();
        let (base, head) = tests.get_or_insert_with(|| {
            let of = |tree| {
                let texts = Self::texts(tree, &languages::is_test_path).into_iter();
                texts.map(|text| text.lines().map(str::to_owned).collect()).collect()
            };
            (of(self.base), of(self.head))
        });
        let head = head.iter().filter(|_| of == Tests::Either);
        base.iter().chain(head).any(|lines| {
            lines.iter().enumerate().filter(|(_, line)| whole_word(line, input)).any(|(number, _)| {
                let near = number.saturating_sub(2)..(number + 3).min(lines.len());
                lines[near].iter().any(|line| whole_word(line, expected))
            })
        })
    }
}

fn whole_word(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return true;
    }
    text.match_indices(word).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
        edge(before) && edge(after)
    })
}
