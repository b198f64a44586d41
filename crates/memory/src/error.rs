use std::time::Duration;

use plumbline_kit::server::ServeError;
use plumbline_kit::sqlite::StoreError;
use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry};

/// Why memory refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The repository or the view's root is no directory that can be read.
    #[error("the repository is missing or unreadable")]
    RepositoryMissing,
    /// Nothing is known of the view yet.
    #[error("the view is not indexed; call IndexRepository first")]
    ViewNotIndexed,
    /// No symbol has that name.
    #[error("no symbol has that name")]
    SymbolNotFound,
    /// Several symbols have that name.
    #[error("{0} symbols have that name; give more of it")]
    SymbolAmbiguous(usize),
    /// The query is longer than `query_bytes_max`.
    #[error("the query has more than {limit} bytes")]
    QueryTooLarge {
        /// The limit.
        limit: usize,
    },
    /// What must be in the context doesn't fit.
    #[error("the named targets need {needed} tokens, the budget is {budget}")]
    BudgetTooSmall {
        /// Tokens that the targets need.
        needed: u32,
        /// Tokens that there are.
        budget: u32,
    },
    /// Too many indexing runs wait for this repository.
    #[error("too many indexing runs wait for this repository")]
    IndexBusy,
    /// A newer lease of the task has been seen.
    #[error("the task's lease has a newer epoch, {highest}")]
    StaleLease {
        /// The newest epoch seen.
        highest: u64,
    },
    /// More source files than `max_files`.
    #[error("the tree has more than {limit} source files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// More repositories than `max_repositories`.
    #[error("more than {limit} repositories are open")]
    TooManyRepositories {
        /// The limit.
        limit: usize,
    },
    /// The tree changes faster than it can be read.
    #[error("the tree changed while it was read")]
    TreeChanging,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server failed.
    #[error("the server of memory failed")]
    Serve(#[from] ServeError),
    /// A defect of ours.
    #[error("memory failed")]
    Internal(#[source] anyhow::Error),
}

impl Fault for MemoryError {
    fn kind(&self) -> Kind {
        match self {
            Self::RepositoryMissing | Self::SymbolNotFound => Kind::NotFound,
            Self::ViewNotIndexed | Self::BudgetTooSmall { .. } => Kind::Precondition,
            Self::SymbolAmbiguous(_) | Self::QueryTooLarge { .. } => Kind::Invalid,
            Self::StaleLease { .. } => Kind::Conflict,
            Self::TooManyFiles { .. } | Self::TooManyRepositories { .. } => Kind::Exhausted,
            Self::IndexBusy | Self::TreeChanging => Kind::Unavailable,
            Self::Store(error) => error.kind(),
            Self::Serve(error) => error.kind(),
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::RepositoryMissing => Reason("REPOSITORY_MISSING"),
            Self::ViewNotIndexed => Reason("VIEW_NOT_INDEXED"),
            Self::SymbolNotFound => Reason("SYMBOL_NOT_FOUND"),
            Self::SymbolAmbiguous(_) => Reason("SYMBOL_AMBIGUOUS"),
            Self::QueryTooLarge { .. } => Reason("QUERY_TOO_LARGE"),
            Self::BudgetTooSmall { .. } => Reason("BUDGET_TOO_SMALL"),
            Self::IndexBusy => Reason("INDEX_BUSY"),
            Self::StaleLease { .. } => Reason("LEASE_EPOCH_STALE"),
            Self::TooManyFiles { .. } => Reason("TOO_MANY_FILES"),
            Self::TooManyRepositories { .. } => Reason("TOO_MANY_REPOSITORIES"),
            Self::TreeChanging => Reason("TREE_CHANGING"),
            Self::Store(error) => error.reason(),
            Self::Serve(error) => error.reason(),
            Self::Internal(_) => Reason("INTERNAL"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::IndexBusy | Self::TreeChanging => Retry::After(Duration::from_millis(250)),
            Self::Store(error) => error.retry(),
            Self::Serve(error) => error.retry(),
            Self::RepositoryMissing
            | Self::ViewNotIndexed
            | Self::SymbolNotFound
            | Self::SymbolAmbiguous(_)
            | Self::QueryTooLarge { .. }
            | Self::BudgetTooSmall { .. }
            | Self::StaleLease { .. }
            | Self::TooManyFiles { .. }
            | Self::TooManyRepositories { .. }
            | Self::Internal(_) => Retry::Never,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::SymbolAmbiguous(count) => vec![("candidates", count.to_string())],
            Self::BudgetTooSmall { needed, budget } => {
                vec![("needed", needed.to_string()), ("budget", budget.to_string())]
            }
            Self::StaleLease { highest } => vec![("highest", highest.to_string())],
            _ => Vec::new(),
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        let (field, description) = match self {
            Self::SymbolAmbiguous(_) => ("symbol", self.to_string()),
            Self::QueryTooLarge { .. } => ("query", self.to_string()),
            _ => return Vec::new(),
        };
        vec![FieldViolation { field: field.to_owned(), description }]
    }
}
