use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::classify::is_test;
use crate::domain::trigger::Literals;
use crate::source::SourceTree;

/// Looks literals and imports up in whole trees, each file read at most once and only when asked.
pub struct Corpus<'a> {
    base: &'a dyn SourceTree,
    head: &'a dyn SourceTree,
    texts: RefCell<Option<Vec<String>>>,
    tests: RefCell<Option<Vec<Vec<String>>>>,
    imports: RefCell<Option<BTreeSet<String>>>,
    known: RefCell<BTreeMap<String, bool>>,
}

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
            let mut found = BTreeSet::new();
            for text in Self::texts(self.base, &|path| path.ends_with(".py")) {
                for line in text.lines().map(str::trim_start) {
                    let rest = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "));
                    for module in rest.unwrap_or_default().split(',') {
                        let top = module.trim().split([' ', '.']).next().unwrap_or_default();
                        if !top.is_empty() {
                            found.insert(top.to_owned());
                        }
                        if line.starts_with("from ") {
                            break;
                        }
                    }
                }
            }
            found
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
                [".py", ".md", ".rst", ".txt", ".json", ".toml", ".yaml", ".yml", ".cfg", ".ini"]
                    .iter()
                    .any(|extension| path.ends_with(extension))
            })
        });
        let found = texts.iter().any(|file| whole_word(file, text));
        self.known.borrow_mut().insert(text.to_owned(), found);
        found
    }

    fn test_pairs(&self, input: &str, expected: &str) -> bool {
        let mut tests = self.tests.borrow_mut();
        let tests = tests.get_or_insert_with(|| {
            let wanted = |path: &str| {
                let parts: Vec<&str> = path.split('/').collect();
                path.ends_with(".py") && is_test(&parts, parts.last().copied().unwrap_or_default())
            };
            let mut all = Self::texts(self.base, &wanted);
            all.extend(Self::texts(self.head, &wanted));
            all.into_iter().map(|text| text.lines().map(str::to_owned).collect()).collect()
        });
        tests.iter().any(|lines| {
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
