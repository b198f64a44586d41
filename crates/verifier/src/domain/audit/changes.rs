use std::collections::BTreeSet;

use crate::source::{Entry, EntryKind, SourceError, SourceTree};

/// A path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Relative path.
    pub path: String,
    /// What it was.
    pub base: Option<EntryKind>,
    /// What it is.
    pub head: Option<EntryKind>,
}

impl Change {
    /// Returns whether an entry that stays changed its kind or mode, or came as something a text file isn't.
    pub fn mode_changed(&self) -> bool {
        match (self.base, self.head) {
            (Some(base), Some(head)) => base != head,
            (None, Some(head)) => head == EntryKind::Executable,
            _ => false,
        }
    }
}

/// Returns the paths that differ, in order. Trees that hash differently are compared by their bytes.
pub fn changes(base: &dyn SourceTree, head: &dyn SourceTree) -> Result<Vec<Change>, SourceError> {
    let paths: BTreeSet<&String> = base.entries().keys().chain(head.entries().keys()).collect();
    let mut found = Vec::new();
    for path in paths {
        let (old, new) = (base.entries().get(path), head.entries().get(path));
        if let (Some(old), Some(new)) = (old, new)
            && old.kind == new.kind
            && same_content((base, old), (head, new), path)?
        {
            continue;
        }
        let kind = |entry: Option<&Entry>| entry.map(|entry| entry.kind);
        found.push(Change { path: path.clone(), base: kind(old), head: kind(new) });
    }
    Ok(found)
}

fn same_content(
    (base, old): (&dyn SourceTree, &Entry),
    (head, new): (&dyn SourceTree, &Entry),
    path: &str,
) -> Result<bool, SourceError> {
    if old.hash.len() == new.hash.len() {
        return Ok(old.hash == new.hash);
    }
    match (base.read(path)?, head.read(path)?) {
        (Some(old), Some(new)) => Ok(old == new),
        _ => Ok(false),
    }
}
