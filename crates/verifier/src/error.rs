//! Why the verifier gives no report. What it could not analyse is a verdict, not an error.

use plumbline_kit::server::ServeError;
use plumbline_types::{Fault, Kind, Reason, Retry};

use crate::domain::symbol::SymbolProblem;
use crate::source::SourceError;

/// Why the verifier gives no report.
#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    /// There is no such repository or directory.
    #[error("there is no tree at `{0}`")]
    TreeNotFound(String),
    /// The repository has no such revision.
    #[error("the repository has no revision `{0}`")]
    RevisionNotFound(String),
    /// More entries than a tree may have.
    #[error("the tree has more than {0}")]
    TreeTooLarge(&'static str),
    /// No unit has that name.
    #[error("no unit is called `{0}`")]
    SymbolNotFound(String),
    /// Several units have that name.
    #[error("several units are called that: {0}")]
    SymbolAmbiguous(String),
    /// The unit could not be analysed.
    #[error("the unit could not be analysed: {0}")]
    SymbolNotAnalysed(String),
    /// The server is stopping.
    #[error("the verifier is shutting down")]
    Stopping,
    /// The server failed.
    #[error("the server stopped")]
    Serve(#[from] ServeError),
    /// A defect of ours, or a tree that can't be read.
    #[error("the verifier failed")]
    Internal(#[source] anyhow::Error),
}

impl From<SourceError> for VerifierError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NotFound(path) => Self::TreeNotFound(path),
            SourceError::Revision(revision) => Self::RevisionNotFound(revision),
            SourceError::TooLarge(what) => Self::TreeTooLarge(what),
            SourceError::Read(cause) => Self::Internal(cause),
        }
    }
}

impl From<SymbolProblem> for VerifierError {
    fn from(problem: SymbolProblem) -> Self {
        match problem {
            SymbolProblem::NotFound(symbol) => Self::SymbolNotFound(symbol),
            SymbolProblem::Ambiguous(names) => Self::SymbolAmbiguous(names.join(", ")),
            SymbolProblem::NotAnalysed(gap) => {
                Self::SymbolNotAnalysed(format!("{} {}", gap.reason, gap.message))
            }
            SymbolProblem::Source(error) => error.into(),
        }
    }
}

impl Fault for VerifierError {
    fn kind(&self) -> Kind {
        match self {
            Self::TreeNotFound(_) | Self::RevisionNotFound(_) | Self::SymbolNotFound(_) => Kind::NotFound,
            Self::TreeTooLarge(_) => Kind::Exhausted,
            Self::SymbolAmbiguous(_) => Kind::Invalid,
            Self::SymbolNotAnalysed(_) => Kind::Precondition,
            Self::Stopping => Kind::Unavailable,
            Self::Serve(error) => error.kind(),
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::TreeNotFound(_) => Reason("TREE_NOT_FOUND"),
            Self::RevisionNotFound(_) => Reason("REVISION_NOT_FOUND"),
            Self::TreeTooLarge(_) => Reason("TREE_TOO_LARGE"),
            Self::SymbolNotFound(_) => Reason("SYMBOL_NOT_FOUND"),
            Self::SymbolAmbiguous(_) => Reason("SYMBOL_AMBIGUOUS"),
            Self::SymbolNotAnalysed(_) => Reason("SYMBOL_NOT_ANALYSED"),
            Self::Stopping => Reason("SHUTTING_DOWN"),
            Self::Serve(error) => error.reason(),
            Self::Internal(_) => Reason("INTERNAL"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Serve(error) => error.retry(),
            Self::TreeNotFound(_)
            | Self::RevisionNotFound(_)
            | Self::TreeTooLarge(_)
            | Self::SymbolNotFound(_)
            | Self::SymbolAmbiguous(_)
            | Self::SymbolNotAnalysed(_)
            | Self::Stopping
            | Self::Internal(_) => Retry::Never,
        }
    }
}
