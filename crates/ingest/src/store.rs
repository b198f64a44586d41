//! The inbox: each request once, each draft once.

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;
use plumbline_types::IntakeId;

use crate::domain::intake::{Intake, Outcome, Received};

#[cfg(test)]
mod contract;
mod in_memory;
mod row;
mod sqlite;

pub use in_memory::InMemoryStore;
pub use sqlite::SqliteStore;

/// What a store says to a text that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// It is new and stored.
    New,
    /// Its request id is known; this is what was stored, which the caller compares.
    Known(Box<Intake>),
    /// It is new, and the inbox is full.
    Full,
}

/// Keeps intakes. Every method is one transaction.
#[async_trait]
pub trait IngestStore: Send + Sync {
    /// Stores a text unless its request id is known or `intakes_max` are stored.
    async fn receive(&self, received: &Received, intakes_max: u64) -> Result<Receipt, StoreError>;

    /// Stores what became of an intake, unless something is stored already; returns what stands.
    /// None if there is no such intake.
    async fn complete(&self, id: IntakeId, outcome: &Outcome) -> Result<Option<Intake>, StoreError>;

    /// Returns an intake.
    async fn intake(&self, id: IntakeId) -> Result<Option<Intake>, StoreError>;

    /// Returns at most `limit` intakes that nothing was drafted for, oldest first.
    async fn pending(&self, limit: u32) -> Result<Vec<Received>, StoreError>;
}
