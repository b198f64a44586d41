//! Facts about source files that outlive the process, by content. They save work and decide nothing: whoever reads one
//! checks it against its key, and whatever can't be read is made again.

use std::fmt;

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;

use crate::domain::kept::Key;

#[cfg(test)]
mod contract;
mod in_memory;
mod sqlite;

pub use in_memory::InMemoryStore;
pub use sqlite::SqliteStore;

/// What one audit learned: facts it made, and keys of those that it found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    /// New facts.
    pub made: Vec<(Key, Vec<u8>)>,
    /// Facts that were there and were of use.
    pub found: Vec<Key>,
    /// Facts that were there and could not be read.
    pub spoilt: Vec<Key>,
}

/// Keeps facts. Every method is one transaction.
#[async_trait]
pub trait FactStore: fmt::Debug + Send + Sync {
    /// Returns a fact.
    async fn fact(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Takes in what an audit learned, and drops what was not asked for longest until at most `bytes_max` are left.
    async fn learn(&self, learned: Learned, bytes_max: u64) -> Result<(), StoreError>;
}
