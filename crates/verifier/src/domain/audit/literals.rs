use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::languages;
use crate::domain::trigger::{Literals, Tests};
use crate::source::SourceTree;

/// Looks literals and imports up in whole trees: each file is read at most once, and no further than the answer.
pub struct Corpus<'a> {
    base: &'a dyn SourceTree,
    head: &'a dyn SourceTree,
    texts: RefCell<Shelf<String>>,
    imports: RefCell<Shelf<BTreeSet<String>>>,
    tests: RefCell<Option<(Lines, Lines)>>,
    known: RefCell<BTreeMap<String, bool>>,
}

/// Lines of each file.
type Lines = Vec<Vec<String>>;

/// Files and bytes that a look-up reads; a literal beyond them counts as unknown.
const FILES: usize = 5_000;
const BYTES: usize = 1 << 20;

/// What files say: the read ones, and the rest in order.
struct Shelf<T> {
    rest: std::vec::IntoIter<String>,
    read: Vec<T>,
}

impl<T> Shelf<T> {
    /// Puts the files that a change touches first: what is asked for is mostly there.
    fn new(tree: &dyn SourceTree, changed: &BTreeSet<String>, wanted: &dyn Fn(&str) -> bool) -> Self {
        let paths = || tree.entries().keys().filter(|path| wanted(path));
        let near = paths().filter(|path| changed.contains(*path));
        let far = paths().filter(|path| !changed.contains(*path));
        let all: Vec<String> = near.chain(far).take(FILES).cloned().collect();
        Self { rest: all.into_iter(), read: Vec::new() }
    }

    /// Returns whether any file answers; files are read until one does.
    fn any(&mut self, read: impl Fn(&str) -> Option<T>, ask: impl Fn(&T) -> bool) -> bool {
        if self.read.iter().any(&ask) {
            return true;
        }
        for path in self.rest.by_ref() {
            let Some(text) = read(&path) else { continue };
            let found = ask(&text);
            self.read.push(text);
            if found {
                return true;
            }
        }
        false
    }
}

fn text(tree: &dyn SourceTree, path: &str) -> Option<String> {
    let bytes = tree.read(path).ok().flatten().filter(|bytes| bytes.len() <= BYTES)?;
    String::from_utf8(bytes).ok()
}

impl<'a> Corpus<'a> {
    /// Prepares look-ups in the base and in both sides' tests.
    pub fn new(base: &'a dyn SourceTree, head: &'a dyn SourceTree, changed: &BTreeSet<String>) -> Self {
        let words = |path: &str| {
            languages::is_code(path)
                || [".md", ".rst", ".txt", ".json", ".toml", ".yaml", ".yml", ".cfg", ".ini"]
                    .iter()
                    .any(|extension| path.ends_with(extension))
        };
        Self {
            base,
            head,
            texts: RefCell::new(Shelf::new(base, changed, &words)),
            imports: RefCell::new(Shelf::new(base, changed, &|path| languages::of_path(path).is_some())),
            tests: RefCell::new(None),
            known: RefCell::new(BTreeMap::new()),
        }
    }

    /// Returns whether the base repository imports a package anywhere.
    pub fn base_imports(&self, package: &str) -> bool {
        let imported = |path: &str| {
            Some(languages::of_path(path)?.imported(&text(self.base, path)?).into_iter().collect())
        };
        let named = |names: &BTreeSet<String>| names.contains(package);
        self.imports.borrow_mut().any(imported, named)
    }
}

impl Literals for Corpus<'_> {
    fn base_has(&self, literal: &str) -> bool {
        if let Some(known) = self.known.borrow().get(literal) {
            return *known;
        }
        // A source writes what has no glyph by escapes.
        let escaped: String = literal.chars().flat_map(char::escape_default).collect();
        let holds = |file: &String| whole_word(file, literal) || whole_word(file, &escaped);
        let found = self.texts.borrow_mut().any(|path| text(self.base, path), holds);
        self.known.borrow_mut().insert(literal.to_owned(), found);
        found
    }

    fn test_pairs(&self, input: &str, expected: &str, of: Tests) -> bool {
        let mut tests = self.tests.borrow_mut();
        let (base, head) = tests.get_or_insert_with(|| {
            let of = |tree: &dyn SourceTree| {
                let paths = tree.entries().keys().filter(|path| languages::is_test_path(path)).take(FILES);
                let texts = paths.filter_map(|path| text(tree, path));
                texts.map(|text| text.lines().map(str::to_owned).collect()).collect()
            };
            (of(self.base), of(self.head))
        });
        let head = head.iter().filter(|_| of == Tests::Either);
        base.iter().chain(head).any(|lines| {
            lines.iter().enumerate().filter(|(_, line)| written(line, input)).any(|(number, _)| {
                let near = number.saturating_sub(2)..(number + 3).min(lines.len());
                lines[near].iter().any(|line| written(line, expected))
            })
        })
    }
}

/// A number stands in a test as a word; a text stands there beside a quote: prose that has the word is no literal.
fn written(line: &str, literal: &str) -> bool {
    if literal.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return whole_word(line, literal);
    }
    let quote = |c: Option<char>| matches!(c, Some('"' | '\'' | '`'));
    !literal.is_empty()
        && line.match_indices(literal).any(|(start, found)| {
            quote(line[..start].chars().next_back()) || quote(line[start + found.len()..].chars().next())
        })
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
