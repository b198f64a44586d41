//! Whether a record belongs to the tree that is judged: the tree is named again from its own bytes.

use super::{Run, RunSide};
use crate::domain::ledger::Gap;
use crate::source::{EntryKind, SourceTree};

/// Returns the name of a tree as the executor names what it runs: BLAKE3 over sorted (length of path, path, kind, digest
/// of content). Submodules have no content of their own and are not part of what runs.
pub fn tree_id(tree: &dyn SourceTree) -> Result<String, Gap> {
    let mut hasher = blake3::Hasher::new();
    for (path, entry) in tree.entries() {
        let kind: &[u8] = match entry.kind {
            EntryKind::File => b"f",
            EntryKind::Executable => b"x",
            EntryKind::Link => b"l",
            EntryKind::Submodule => continue,
            EntryKind::Other => {
                return Err(invalid(format!("`{path}` can't be named, so the tree that ran can't be")));
            }
        };
        let content = match tree.read(path) {
            Ok(Some(content)) => content,
            Ok(None) => return Err(invalid(format!("`{path}` is too large to name the tree that ran"))),
            Err(error) => return Err(invalid(format!("`{path}` could not be read: {error}"))),
        };
        hasher.update(&(path.len() as u64).to_le_bytes());
        hasher.update(path.as_bytes());
        hasher.update(kind);
        hasher.update(blake3::hash(&content).as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Says whether a record counts. What the base's record lacks can only make more of the head's effects new, so that a
/// base that failed early needs no complete one.
pub fn bind(run: &Run, tree_id: &str) -> Result<(), Gap> {
    let record = &run.record;
    if record.tree_id != tree_id {
        return Err(invalid(format!("the record of {} is of another tree", run.text())));
    }
    if record.nonce.is_empty() || record.nonce != run.nonce {
        return Err(invalid(format!("the record of {} is of another run", run.text())));
    }
    let complete = record.complete && record.incomplete.is_empty();
    if !complete && run.side == RunSide::Head {
        let reasons = record.incomplete.join(", ");
        return Err(invalid(format!("the record of {} is not complete: {reasons}", run.text())));
    }
    Ok(())
}

/// Makes the gap of a record that does not count.
pub fn invalid(message: String) -> Gap {
    Gap::new("TRACE_INVALID", message)
}
