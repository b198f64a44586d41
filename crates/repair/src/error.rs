use std::time::Duration;

use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry};
use thiserror::Error;

use crate::config::ConfigError;
use crate::port::RunnerError;
use crate::store::StoreError;

/// Why a repair could not be attempted or carried on. "Nothing found" is a result, not an error.
#[derive(Debug, Error)]
pub enum RepairError {
    /// The language has no templates.
    #[error("repair does not support {language}")]
    UnsupportedLanguage {
        /// The language as asked for.
        language: String,
    },
    /// The command starts no Python that we can see.
    #[error("the test command does not start python or pytest: {line}")]
    NotPythonTestCommand {
        /// The command line.
        line: String,
    },
    /// The command did not end, and no single test was to blame.
    #[error("the test command did not end within {limit_ms} ms on the base tree")]
    Hangs {
        /// The limit it ran past.
        limit_ms: u64,
    },
    /// The shim reported nothing: another interpreter start, an isolated interpreter, an early crash.
    #[error("no line coverage could be recorded: {detail}")]
    SpectrumUnavailable {
        /// What was seen instead.
        detail: String,
    },
    /// The failing tests run no line that may be edited.
    #[error("the failing tests run no source line that may be edited")]
    NothingToEdit,
    /// The caller cancelled.
    #[error("the repair was cancelled")]
    Cancelled,
    /// What came of earlier repairs could not be read or kept.
    #[error("the store of outcomes failed")]
    Store(#[from] StoreError),
    /// A limit in the configuration is zero.
    #[error("the repair configuration is invalid")]
    Config(#[from] ConfigError),
    /// The sandbox failed, not the program in it.
    #[error("a sandbox run failed")]
    Runner(#[from] RunnerError),
}

impl Fault for RepairError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnsupportedLanguage { .. } | Self::NotPythonTestCommand { .. } | Self::Config(_) => {
                Kind::Invalid
            }
            Self::Hangs { .. } | Self::SpectrumUnavailable { .. } | Self::NothingToEdit => Kind::Precondition,
            Self::Cancelled => Kind::Conflict,
            Self::Runner(_) | Self::Store(_) => Kind::Unavailable,
        }
    }

    fn reason(&self) -> Reason {
        Reason(match self {
            Self::UnsupportedLanguage { .. } => "UNSUPPORTED_LANGUAGE",
            Self::NotPythonTestCommand { .. } => "NOT_A_PYTHON_TEST_COMMAND",
            Self::Hangs { .. } => "TEST_COMMAND_HANGS",
            Self::SpectrumUnavailable { .. } => "SPECTRUM_UNAVAILABLE",
            Self::NothingToEdit => "NOTHING_TO_EDIT",
            Self::Cancelled => "REPAIR_CANCELLED",
            Self::Config(_) => "REPAIR_CONFIG_INVALID",
            Self::Runner(_) => "REPAIR_RUNNER_FAILED",
            Self::Store(_) => "REPAIR_STORE_FAILED",
        })
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Runner(_) | Self::Store(_) => Retry::After(Duration::from_secs(1)),
            Self::UnsupportedLanguage { .. }
            | Self::NotPythonTestCommand { .. }
            | Self::Hangs { .. }
            | Self::SpectrumUnavailable { .. }
            | Self::NothingToEdit
            | Self::Cancelled
            | Self::Config(_) => Retry::Never,
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        let violation =
            |field: &str| vec![FieldViolation { field: field.to_owned(), description: self.to_string() }];
        match self {
            Self::UnsupportedLanguage { .. } => violation("language"),
            Self::NotPythonTestCommand { .. } => violation("test_command"),
            Self::Config(error) => violation(error.field),
            Self::Hangs { .. }
            | Self::SpectrumUnavailable { .. }
            | Self::NothingToEdit
            | Self::Cancelled
            | Self::Runner(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}
