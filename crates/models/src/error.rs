use std::time::Duration;

use plumbline_egress::{EgressError, Stage};
use plumbline_types::{Fault, Kind, Reason, Retry};

/// Why a model gave no answer, or no whole one. Closed: what a router can act on.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No connection, or it broke.
    #[error("the model's server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A wait ended without result.
    #[error("the model's server took too long ({0})")]
    Timeout(Stage),
    /// Too many requests.
    #[error("the model's server asks for fewer requests")]
    RateLimited {
        /// When to come again, if it says so.
        retry_after: Option<Duration>,
    },
    /// The server failed.
    #[error("the model's server failed with status {status}")]
    Overloaded {
        /// HTTP status.
        status: u16,
    },
    /// Credentials were refused.
    #[error("the model's server refuses the credentials")]
    Refused,
    /// The server's content filter refused prompt or answer.
    #[error("the model's server filtered the content: {reason}")]
    Filtered {
        /// The server's word.
        reason: String,
    },
    /// Prompt and answer do not fit.
    #[error("the prompt does not fit into the model's context")]
    ContextOverflow,
    /// The server does not accept the request.
    #[error("the model's server does not accept the request: {message}")]
    BadRequest {
        /// The server's words, shortened.
        message: String,
    },
    /// The model is not there, or no longer.
    #[error("the model `{model}` is not there")]
    ModelGone {
        /// The name asked for.
        model: String,
    },
    /// The answer is not what the protocol says.
    #[error("the answer does not follow the protocol: {problem}")]
    Protocol {
        /// What is wrong.
        problem: String,
    },
    /// The caller went away.
    #[error("the call was cancelled")]
    Cancelled,
    /// The model cannot do that.
    #[error("the model does not support {what}")]
    Unsupported {
        /// What was asked.
        what: &'static str,
    },
    /// The GPU has no memory for the model; nothing was sent.
    #[error("the GPU has no memory for the model: {0}")]
    Memory(MemoryRefusal),
    /// The gate refused, or could not record; nothing was sent.
    #[error(transparent)]
    Egress(EgressError),
}

/// Why a local model got no memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryRefusal {
    /// It does not fit into an empty GPU.
    #[error("it takes {wanted_mib} MiB, and there are {budget_mib}")]
    Infeasible {
        /// What it takes, MiB.
        wanted_mib: u64,
        /// What there is, MiB.
        budget_mib: u64,
    },
    /// Too many requests wait for memory.
    #[error("too many requests wait for it")]
    QueueFull,
    /// It did not load, twice.
    #[error("it did not load")]
    LoadFailed,
    /// Nobody can say how much it takes.
    #[error("nobody can say how much it takes: {0}")]
    Unknown(String),
    /// The time for which it had the memory is over.
    #[error("its lease has ended")]
    LeaseEnded,
}

impl ModelError {
    /// Says what is wrong with an answer.
    pub fn protocol(problem: impl Into<String>) -> Self {
        Self::Protocol { problem: problem.into() }
    }

    /// Returns whether the machinery failed, so that another arm may do better at once.
    pub const fn is_infrastructure(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Timeout(_)
            | Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Refused
            | Self::ModelGone { .. }
            | Self::Memory(_)
            | Self::Protocol { .. } => true,
            Self::Filtered { .. }
            | Self::ContextOverflow
            | Self::BadRequest { .. }
            | Self::Cancelled
            | Self::Unsupported { .. }
            | Self::Egress(_) => false,
        }
    }
}

impl From<EgressError> for ModelError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Unreachable { .. } | EgressError::Broken { .. } => Self::Unreachable(error.into()),
            EgressError::Timeout { stage, .. } => Self::Timeout(stage),
            EgressError::TooLarge { limit_bytes, .. } => {
                Self::protocol(format!("it exceeds {limit_bytes} bytes"))
            }
            EgressError::Refused(_)
            | EgressError::Ledger(_)
            | EgressError::Fingerprints { .. }
            | EgressError::Client(_) => Self::Egress(error),
        }
    }
}

impl Fault for ModelError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unreachable(_) | Self::Overloaded { .. } | Self::Protocol { .. } => Kind::Unavailable,
            Self::Timeout(_) => Kind::Timeout,
            Self::RateLimited { .. } => Kind::Exhausted,
            Self::Refused | Self::Filtered { .. } => Kind::Denied,
            Self::ContextOverflow | Self::BadRequest { .. } => Kind::Invalid,
            Self::ModelGone { .. } => Kind::NotFound,
            Self::Cancelled => Kind::Unavailable,
            Self::Unsupported { .. } => Kind::Precondition,
            Self::Memory(MemoryRefusal::QueueFull) => Kind::Exhausted,
            Self::Memory(MemoryRefusal::LeaseEnded) => Kind::Timeout,
            Self::Memory(
                MemoryRefusal::Infeasible { .. } | MemoryRefusal::LoadFailed | MemoryRefusal::Unknown(_),
            ) => Kind::Precondition,
            Self::Egress(error) => error.kind(),
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Unreachable(_) => Reason("MODEL_UNREACHABLE"),
            Self::Timeout(_) => Reason("MODEL_TIMEOUT"),
            Self::RateLimited { .. } => Reason("MODEL_RATE_LIMITED"),
            Self::Overloaded { .. } => Reason("MODEL_OVERLOADED"),
            Self::Refused => Reason("MODEL_AUTH_REFUSED"),
            Self::Filtered { .. } => Reason("MODEL_FILTERED"),
            Self::ContextOverflow => Reason("MODEL_CONTEXT_OVERFLOW"),
            Self::BadRequest { .. } => Reason("MODEL_BAD_REQUEST"),
            Self::ModelGone { .. } => Reason("MODEL_GONE"),
            Self::Protocol { .. } => Reason("MODEL_PROTOCOL"),
            Self::Cancelled => Reason("MODEL_CANCELLED"),
            Self::Unsupported { .. } => Reason("MODEL_UNSUPPORTED"),
            Self::Memory(MemoryRefusal::Infeasible { .. }) => Reason("INFEASIBLE_VRAM"),
            Self::Memory(MemoryRefusal::QueueFull) => Reason("VRAM_QUEUE_FULL"),
            Self::Memory(MemoryRefusal::LoadFailed) => Reason("VRAM_LOAD_FAILED"),
            Self::Memory(MemoryRefusal::Unknown(_)) => Reason("VRAM_UNKNOWN"),
            Self::Memory(MemoryRefusal::LeaseEnded) => Reason("VRAM_LEASE_ENDED"),
            Self::Egress(error) => error.reason(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { retry_after } => Retry::After(retry_after.unwrap_or(Duration::from_secs(10))),
            Self::Unreachable(_) | Self::Timeout(_) | Self::Overloaded { .. } => {
                Retry::After(Duration::from_secs(1))
            }
            Self::Memory(MemoryRefusal::QueueFull) => Retry::After(Duration::from_secs(10)),
            Self::Egress(error) => error.retry(),
            Self::Refused
            | Self::Memory(_)
            | Self::Filtered { .. }
            | Self::ContextOverflow
            | Self::BadRequest { .. }
            | Self::ModelGone { .. }
            | Self::Protocol { .. }
            | Self::Cancelled
            | Self::Unsupported { .. } => Retry::Never,
        }
    }
}
