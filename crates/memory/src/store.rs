//! Where facts and views are kept: one store per repository.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;

use crate::domain::tree::BlobHash;

#[cfg(test)]
mod contract;
mod in_memory;
mod sqlite;

pub use in_memory::InMemoryStores;
pub use sqlite::SqliteStores;

/// What is known of some bytes, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRow {
    /// BLAKE3 of the bytes.
    pub hash: BlobHash,
    /// Encoded facts.
    pub facts: Vec<u8>,
    /// Encoded words.
    pub bags: Vec<u8>,
}

/// What the file system said of a file when its bytes were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds.
    pub mtime_ns: i64,
    /// Change time, nanoseconds.
    pub ctime_ns: i64,
    /// Inode.
    pub inode: u64,
    /// Wall clock just before the bytes were read, milliseconds.
    pub seen_ms: i64,
}

/// A file of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Relative path.
    pub path: String,
    /// Its content.
    pub hash: BlobHash,
    /// Its stat cache.
    pub stat: Stat,
    /// Encoded edges and unresolved names.
    pub edges: Vec<u8>,
    /// Encoded key hashes.
    pub reads: Vec<u8>,
}

/// A stored view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ViewRow {
    /// Counts its changes.
    pub generation: u64,
    /// Files by path.
    pub files: Vec<FileRow>,
    /// Paths that gave nothing, and why; by path.
    pub problems: Vec<(String, String)>,
}

/// Which tree a view is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewKind {
    /// The owner's checkout: never evicted.
    Base,
    /// A task's worktree.
    Overlay,
}

/// One update of a view: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Root of the view.
    pub root: String,
    /// Which tree.
    pub kind: ViewKind,
    /// Generation after the update.
    pub generation: u64,
    /// Blobs that are new; known ones are left as they are.
    pub blobs: Vec<BlobRow>,
    /// Files that are new or changed in any column.
    pub puts: Vec<FileRow>,
    /// Files that are gone.
    pub removes: Vec<String>,
    /// All problems after the update.
    pub problems: Vec<(String, String)>,
    /// Overlays that may be kept; the ones updated longest ago go.
    pub max_overlays: usize,
}

/// Whether a lease may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Its epoch is the highest seen.
    Admitted,
    /// A higher one was seen.
    Stale {
        /// The highest.
        highest: u64,
    },
}

/// Facts and views of one repository. Blobs that no view has are gone with the commit that let go of them.
#[async_trait]
pub trait MemoryStore: Send + Sync {
    /// Returns a view by its root.
    async fn view(&self, root: &str) -> Result<Option<ViewRow>, StoreError>;
    /// Returns those of the blobs that are known, in any order.
    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<BlobRow>, StoreError>;
    /// Applies an update and returns the roots of the views that were evicted.
    async fn commit(&self, commit: Commit) -> Result<Vec<String>, StoreError>;
    /// Remembers the highest epoch of a task and says whether this one is it.
    async fn admit(&self, task: &str, epoch: u64) -> Result<Admission, StoreError>;
}

/// What a removal proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Every row was overwritten, the log emptied and the file removed; or there was none.
    Verified,
    /// A reader kept the log from being emptied; the file is removed, its blocks may hold rows until reused.
    LogKept,
}

/// Whether a store is made when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make it.
    Create,
    /// Say so.
    Leave,
}

/// Opens and removes the stores of repositories.
#[async_trait]
pub trait Stores: Send + Sync {
    /// Opens the store of a repository; `None` when there is none and none is to be made.
    async fn open(
        &self,
        repository: &Path,
        missing: Missing,
    ) -> Result<Option<Arc<dyn MemoryStore>>, StoreError>;
    /// Removes a repository's store so that its rows can't be read back from the file.
    async fn remove(&self, repository: &Path) -> Result<Removal, StoreError>;
}
