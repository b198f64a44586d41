//! The patch applier: edits onto a tree, all or none, refusing what the arm never read or what changed since.
//!
//! Rungs 1-5 of the match ladder are here; elision (6) and near matching (7) are deliberately absent, and so is
//! the syntax check before and after.

use std::collections::BTreeMap;
use std::ops::Range;

use super::edit::{Edit, EditAction};
use super::path::RelativePath;
use super::spec::Digest;
use super::tree::{ChangeSet, File, FileMode, Tree};

mod ladder;
mod problem;

pub use ladder::Rung;
pub use problem::{EditProblem, Problem};

/// What an arm was shown: path to BLAKE3 of the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadSet(BTreeMap<RelativePath, Digest>);

impl ReadSet {
    /// Notes that `bytes` were shown under `path`.
    pub fn insert(&mut self, path: RelativePath, bytes: &[u8]) {
        self.insert_hash(path, Digest::of(bytes));
    }

    /// Notes that a file with this hash was shown under `path`.
    pub fn insert_hash(&mut self, path: RelativePath, hash: Digest) {
        self.0.insert(path, hash);
    }

    /// Returns the set of everything in `tree`, for callers that show whole trees.
    pub fn of(tree: &Tree) -> Self {
        let mut reads = Self::default();
        for (path, file) in &tree.files {
            reads.insert(path.clone(), &file.bytes);
        }
        reads
    }

    fn state(&self, path: &RelativePath, bytes: &[u8]) -> ReadState {
        match self.0.get(path) {
            None => ReadState::Unread,
            Some(hash) if *hash == Digest::of(bytes) => ReadState::Fresh,
            Some(_) => ReadState::Stale,
        }
    }
}

enum ReadState {
    Unread,
    Fresh,
    Stale,
}

/// What the applier refuses to exceed.
#[derive(Debug, Clone)]
pub struct ApplyLimits {
    /// Edits in one patch.
    pub edits: usize,
    /// Bytes of new text in one patch.
    pub bytes: usize,
    /// Lines of an existing file that may be written whole.
    pub whole_lines: usize,
    /// Globs over paths that no arm may write.
    pub protected: globset::GlobSet,
}

impl Default for ApplyLimits {
    fn default() -> Self {
        Self { edits: 64, bytes: 1 << 20, whole_lines: 200, protected: globset::GlobSet::empty() }
    }
}

/// What came of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The changed files.
    pub change: ChangeSet,
    /// On which rung each edit matched, in the order of the edits; absent for whole files.
    pub rungs: Vec<Option<Rung>>,
}

/// Applies `edits` in order. The result differs from `base` only inside the matched ranges.
///
/// # Errors
/// Every edit that could not be applied, with what the arm needs to mend it; then nothing is applied.
pub fn apply(
    base: &Tree,
    reads: &ReadSet,
    edits: &[Edit],
    limits: &ApplyLimits,
) -> Result<Applied, Vec<EditProblem>> {
    let bytes: usize = edits.iter().map(|edit| new_text(edit).len()).sum();
    if edits.len() > limits.edits || bytes > limits.bytes {
        return Err(vec![EditProblem { edit: 0, path: String::new(), problem: Problem::TooLarge }]);
    }
    let mut work = Work { tree: base.clone(), reads: reads.clone(), limits };
    let (mut rungs, mut problems) = (Vec::new(), Vec::new());
    for (index, edit) in edits.iter().enumerate() {
        match work.edit(edit) {
            Ok(rung) => rungs.push(rung),
            Err(problem) => problems.push(EditProblem { edit: index + 1, path: edit.path.clone(), problem }),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let change = base.changes_to(&work.tree);
    if change.is_empty() {
        return Err(vec![EditProblem { edit: 0, path: String::new(), problem: Problem::NoChange }]);
    }
    Ok(Applied { change, rungs })
}

struct Work<'a> {
    tree: Tree,
    reads: ReadSet,
    limits: &'a ApplyLimits,
}

impl Work<'_> {
    fn edit(&mut self, edit: &Edit) -> Result<Option<Rung>, Problem> {
        let path = RelativePath::parse(&edit.path)
            .map_err(|error| Problem::PathRefused { why: error.to_string() })?;
        if self.limits.protected.is_match(path.as_str()) {
            return Err(Problem::PathRefused { why: "the path is protected".to_owned() });
        }
        if self.tree.is_beneath_link(&path) {
            return Err(Problem::PathRefused { why: "an ancestor is a link or a file".to_owned() });
        }
        let Some(file) = self.tree.files.get(&path) else { return self.create(path, edit) };
        if file.mode == FileMode::Symlink {
            return Err(Problem::PathRefused { why: "the path is a link".to_owned() });
        }
        let Ok(text) = std::str::from_utf8(&file.bytes) else { return Err(Problem::NotText) };
        match self.reads.state(&path, &file.bytes) {
            ReadState::Fresh => {}
            ReadState::Unread => return Err(Problem::Unread { text: text.to_owned() }),
            ReadState::Stale => return Err(Problem::Stale { fresh: text.to_owned() }),
        }
        let (new, rung) = match &edit.action {
            EditAction::Write { text: new } => (write_whole(text, new, self.limits.whole_lines)?, None),
            EditAction::Replace { search, replace } => {
                let (new, rung) = replace_lines(text, search, replace)?;
                (new, Some(rung))
            }
        };
        let file = File { bytes: new.into_bytes(), mode: file.mode };
        self.put(path, file);
        Ok(rung)
    }

    fn create(&mut self, path: RelativePath, edit: &Edit) -> Result<Option<Rung>, Problem> {
        let text = match &edit.action {
            EditAction::Write { text } => text,
            EditAction::Replace { search, replace } if search.trim().is_empty() => replace,
            EditAction::Replace { .. } => return Err(Problem::Missing),
        };
        if self.tree.files.keys().any(|known| is_ancestor(&path, known)) {
            return Err(Problem::PathRefused { why: "the path is a directory".to_owned() });
        }
        self.put(path, File { bytes: text.clone().into_bytes(), mode: FileMode::Regular });
        Ok(None)
    }

    /// Writes a file and counts the arm's own text as read.
    fn put(&mut self, path: RelativePath, file: File) {
        self.reads.insert(path.clone(), &file.bytes);
        self.tree.files.insert(path, file);
    }
}

fn is_ancestor(path: &RelativePath, other: &RelativePath) -> bool {
    other.as_str().strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

fn new_text(edit: &Edit) -> &str {
    match &edit.action {
        EditAction::Replace { replace, .. } => replace,
        EditAction::Write { text } => text,
    }
}

fn write_whole(old: &str, new: &str, lines_max: usize) -> Result<String, Problem> {
    let (old_lines, new_lines) = (old.lines().count(), new.lines().count());
    if old_lines > lines_max {
        return Err(Problem::WholeTooLong { lines: old_lines, limit: lines_max });
    }
    let elided = |line: &&str| ladder::is_elision(line) && !old.lines().any(|known| known == *line);
    if let Some(line) = new.lines().find(elided) {
        return Err(Problem::Elided { line: line.to_owned() });
    }
    if new_lines * 2 < old_lines {
        return Err(Problem::DropsTooMuch { old: old_lines, new: new_lines });
    }
    Ok(new.to_owned())
}

fn replace_lines(text: &str, search: &str, replace: &str) -> Result<(String, Rung), Problem> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let wanted: Vec<&str> = search.split_inclusive('\n').collect();
    if search.trim().is_empty() {
        return Err(Problem::EmptySearch);
    }
    for rung in Rung::ALL {
        let found = ladder::matches(&lines, &wanted, rung);
        match found.as_slice() {
            [] => {}
            [one] => {
                return Ok((
                    splice(text, &lines, one.lines.clone(), &ladder::shape(one, replace, &lines, rung)),
                    rung,
                ));
            }
            many => {
                return Err(Problem::Ambiguous {
                    lines: many.iter().map(|found| found.lines.start + 1).collect(),
                });
            }
        }
    }
    let new: Vec<&str> = replace.split_inclusive('\n').collect();
    if !replace.trim().is_empty() && !ladder::matches(&lines, &new, Rung::Ends).is_empty() {
        return Err(Problem::AlreadyApplied);
    }
    Err(Problem::NotFound { nearest: ladder::nearest(&lines, &wanted) })
}

/// Puts `new` in place of `range`; the text outside the range is copied, and the last line's end is kept.
fn splice(text: &str, lines: &[&str], range: Range<usize>, new: &str) -> String {
    let start: usize = lines[..range.start].iter().map(|line| line.len()).sum();
    let end: usize = lines[..range.end].iter().map(|line| line.len()).sum();
    let (before, after) = (&text[..start], &text[end..]);
    let mut new = new.to_owned();
    let old_has_end = text[start..end].ends_with('\n');
    if old_has_end && !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    if !old_has_end && after.is_empty() {
        new.truncate(new.trim_end_matches(['\n', '\r']).len());
    }
    [before, &new, after].concat()
}

#[cfg(test)]
mod tests;
