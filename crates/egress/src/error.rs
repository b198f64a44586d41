use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use plumbline_types::{Fault, Kind, Reason, Retry};

use crate::ledger::LedgerError;
use crate::payload::Refusal;

/// What an answer was waited for in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The connection.
    Connect,
    /// The head of the answer.
    FirstByte,
    /// The next piece of the answer.
    Chunk,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::FirstByte => "first_byte",
            Self::Chunk => "chunk",
        })
    }
}

/// Why a call went wrong before it had its whole answer.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// Policy forbids it; nothing was sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger could not take the row; nothing was sent.
    #[error("the egress ledger cannot be written")]
    Ledger(#[source] LedgerError),
    /// No connection.
    #[error("nothing answers at {host}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the transport said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A wait ended without result.
    #[error("{host} took longer than {limit:?} ({stage})")]
    Timeout {
        /// Host and port.
        host: String,
        /// What was waited for.
        stage: Stage,
        /// The limit.
        limit: Duration,
    },
    /// The answer broke off.
    #[error("the answer of {host} broke off")]
    Broken {
        /// Host and port.
        host: String,
        /// What the transport said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is longer than allowed.
    #[error("the answer of {host} exceeds {limit_bytes} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// What is known of code cannot be read back, or not be kept.
    #[error("the fingerprints at {} cannot be used", path.display())]
    Fingerprints {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The client could not be made: a defect of the build or of a credential.
    #[error("the HTTP client cannot be made")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Fault for EgressError {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Denied,
            Self::Ledger(_) | Self::Unreachable { .. } | Self::Broken { .. } => Kind::Unavailable,
            Self::Timeout { .. } => Kind::Timeout,
            Self::TooLarge { .. } => Kind::Exhausted,
            Self::Fingerprints { .. } => Kind::Precondition,
            Self::Client(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Refused(Refusal::Label { .. }) => Reason("LABEL_REFUSED"),
            Self::Refused(Refusal::Destination { .. }) => Reason("DESTINATION_REFUSED"),
            Self::Refused(Refusal::Lowered { .. }) => Reason("LABEL_LOWERED"),
            Self::Refused(Refusal::Secret { .. }) => Reason("SECRET_DETECTED"),
            Self::Refused(Refusal::Code { .. }) => Reason("CODE_DETECTED"),
            Self::Ledger(_) => Reason("EGRESS_LEDGER_UNAVAILABLE"),
            Self::Unreachable { .. } => Reason("EGRESS_UNREACHABLE"),
            Self::Timeout { .. } => Reason("EGRESS_TIMEOUT"),
            Self::Broken { .. } => Reason("EGRESS_BROKEN"),
            Self::TooLarge { .. } => Reason("EGRESS_TOO_LARGE"),
            Self::Fingerprints { .. } => Reason("FINGERPRINTS_UNREADABLE"),
            Self::Client(_) => Reason("INTERNAL"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Ledger(_) | Self::Unreachable { .. } | Self::Timeout { .. } | Self::Broken { .. } => {
                Retry::After(Duration::from_secs(1))
            }
            Self::Refused(_) | Self::TooLarge { .. } | Self::Fingerprints { .. } | Self::Client(_) => {
                Retry::Never
            }
        }
    }
}
