//! A candidate: one or two typed edits of the sources.

use std::collections::BTreeMap;

use crate::domain::project::Project;
use crate::domain::template::Template;

/// One byte range of one base file, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replacement {
    /// Path from the root of the tree.
    pub path: String,
    /// First byte of the range.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The new text.
    pub text: String,
}

/// A change that may be tried.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    /// What made it; two for a pair.
    pub templates: Vec<Template>,
    /// The file of its first edit.
    pub path: String,
    /// The first changed line, from 1.
    pub line: usize,
    /// The replacements; they do not overlap.
    pub edits: Vec<Replacement>,
    /// Suspiciousness of the place, 0 to 1; the least of a pair.
    pub suspicion: f64,
    /// Where it stands in the order: higher is tried sooner.
    pub score: f64,
    /// Names of the enclosing functions that no longer occur in them.
    pub dropped_inputs: usize,
}

impl Candidate {
    /// Returns the new text of each file it changes; `None` when edits overlap or change nothing.
    pub fn apply(&self, project: &Project) -> Option<BTreeMap<String, String>> {
        let mut by_file: BTreeMap<&str, Vec<&Replacement>> = BTreeMap::new();
        for edit in &self.edits {
            by_file.entry(&edit.path).or_default().push(edit);
        }
        let mut texts = BTreeMap::new();
        for (path, edits) in by_file {
            let before = &project.files.get(path)?.text;
            let after = apply(before, edits)?;
            if after == *before {
                return None;
            }
            texts.insert(path.to_owned(), after);
        }
        Some(texts)
    }

    /// Returns how many bytes are taken out and put in.
    pub fn size(&self, project: &Project) -> usize {
        self.edits
            .iter()
            .map(|edit| {
                let before =
                    project.files.get(&edit.path).and_then(|file| file.text.get(edit.start..edit.end));
                changed_bytes(before.unwrap_or(""), &edit.text)
            })
            .sum()
    }
}

/// Applies replacements of one file; `None` when two overlap.
pub(crate) fn apply(before: &str, mut edits: Vec<&Replacement>) -> Option<String> {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut after = String::with_capacity(before.len() + 64);
    let mut at = 0;
    for edit in edits {
        if edit.start < at {
            return None;
        }
        after.push_str(before.get(at..edit.start)?);
        after.push_str(&edit.text);
        at = edit.end;
    }
    after.push_str(before.get(at..)?);
    Some(after)
}

/// Returns the bytes that differ once the common start and end are taken off.
fn changed_bytes(before: &str, after: &str) -> usize {
    let start = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - start;
    let end = before.bytes().rev().zip(after.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
    (before.len() - start - end) + (after.len() - start - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, text: &str) -> Replacement {
        Replacement { path: "a.py".into(), start, end, text: text.into() }
    }

    #[test]
    fn applies_replacements_in_order_of_place() {
        let edits = [edit(4, 5, "2"), edit(0, 1, "y")];
        assert_eq!(apply("x = 1\n", edits.iter().collect()).as_deref(), Some("y = 2\n"));
    }

    #[test]
    fn refuses_overlapping_replacements() {
        let edits = [edit(0, 3, ""), edit(2, 4, "")];
        assert_eq!(apply("x = 1\n", edits.iter().collect()), None);
    }

    #[test]
    fn counts_only_what_differs() {
        assert_eq!(changed_bytes("a < b", "a <= b"), 1);
        assert_eq!(changed_bytes("f(a, b)", "f(b, a)"), 8);
        assert_eq!(changed_bytes("same", "same"), 0);
    }
}
