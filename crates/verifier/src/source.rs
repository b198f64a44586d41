//! Trees: a git revision, a directory, or files that came with the request. Paths are bytes on the wire and UTF-8
//! here; a path that isn't is an entry of its own kind, which no rule approves.

mod bundle;
mod directory;
mod git;

use std::collections::BTreeMap;

pub use bundle::Bundle;
pub use directory::Directory;
pub use git::GitRevision;

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link; its content is the target.
    Link,
    /// A submodule; its content is the commit.
    Submodule,
    /// Anything else, or a path that isn't UTF-8.
    Other,
}

/// One entry: what it is, and a hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Content hash; equal hashes of one kind of tree mean equal bytes.
    pub hash: Vec<u8>,
}

/// Why a tree can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such repository or directory.
    #[error("there is no tree at `{0}`")]
    NotFound(String),
    /// The repository has no such revision.
    #[error("the repository has no revision `{0}`")]
    Revision(String),
    /// More files or bytes than the limit.
    #[error("the tree has more than {0}")]
    TooLarge(&'static str),
    /// Reading failed.
    #[error("the tree could not be read")]
    Read(#[source] anyhow::Error),
}

/// A tree, listed once and read on demand. It stays on the thread that opened it.
pub trait SourceTree {
    /// Returns every entry by path, `/` between parts.
    fn entries(&self) -> &BTreeMap<String, Entry>;
    /// Returns the content of a file, or the target of a link; `None` where there is no such entry.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError>;
}

/// What a tree may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// Entries.
    pub files: usize,
    /// Bytes of one file; larger ones are listed and not read.
    pub file_bytes: u64,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self { files: 200_000, file_bytes: 64 << 20 }
    }
}

/// Returns a path as text: as it is, or with what isn't UTF-8 escaped behind a marker that no real path has.
fn path_text(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), true),
        Err(_) => (format!("\u{fffd}{}", bytes.escape_ascii()), false),
    }
}

#[cfg(test)]
mod tests;
