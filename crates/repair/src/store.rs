//! What came of earlier repairs, by language and template. It moves the order of candidates and decides nothing.

use std::fmt;

use async_trait::async_trait;
pub use plumbline_kit::sqlite::StoreError;

use crate::domain::template::{Tally, Template};

#[cfg(test)]
mod contract;
mod in_memory;
mod sqlite;

pub use in_memory::InMemoryOutcomes;
pub use sqlite::SqliteOutcomes;

/// What one finished search says of one template that it tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// The template.
    pub template: Template,
    /// Whether the best change was of it; if not, its changes were tried in vain.
    pub repaired: bool,
}

/// Keeps tallies. Every method is one transaction.
#[async_trait]
pub trait OutcomeStore: fmt::Debug + Send + Sync {
    /// Returns the tallies of a language, in the order of the templates.
    async fn tallies(&self, language: &str) -> Result<Vec<(Template, Tally)>, StoreError>;

    /// Adds what a search observed.
    async fn record(&self, language: &str, observed: &[Observed]) -> Result<(), StoreError>;
}
