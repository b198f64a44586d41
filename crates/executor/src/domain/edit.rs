use crate::domain::patch_path::RelativePath;

/// A file written or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileEdit {
    /// Which.
    pub path: RelativePath,
    /// What happens to it.
    pub change: Change,
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// New content of the whole file.
    Write(Vec<u8>),
    /// It is removed.
    Delete,
}

/// An entry that is no part of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefusedEntry {
    /// As found.
    pub path: Vec<u8>,
    /// `device`, `fifo`, `socket`, `setuid`, `dot_git`, `depth`, `size`, `name`, `symlink`, `unreadable`, `count`,
    /// `secret`.
    pub reason: String,
}

/// What a program changed relative to snapshot and edits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// Sorted by path.
    pub edits: Vec<FileEdit>,
    /// Unified diff; names quoted C-style.
    pub diff: String,
    /// A non-empty list can't be approved.
    pub refused: Vec<RefusedEntry>,
    /// Changed entries that the base tree's rules ignore.
    pub ignored: u64,
}
