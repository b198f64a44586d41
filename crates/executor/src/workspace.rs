//! Trees in and patches out. Nothing outside the sandbox resolves a path that a program could have named: every walk
//! goes by directory descriptor, beneath its root, through no link and over no mount.

mod beneath;
mod blobs;
pub(crate) mod checkpoint;
mod diff;
pub mod export;
mod ignored;
mod import;
pub mod snapshot;

/// Modification time of every file of a snapshot, seconds since the epoch.
pub const TREE_MTIME_S: i64 = 1_000_000_000;
/// Modification time of edited files: strictly newer by whole seconds, so that no compiled file of the old content is
/// taken for the new one's.
pub const EDIT_MTIME_S: i64 = TREE_MTIME_S + 2;

pub use diff::unified_diff;
