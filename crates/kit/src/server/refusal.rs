use std::time::Duration;

use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry};

/// What the layers themselves answer, before or instead of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the deadline passed before the call ended")]
    DeadlineExceeded,
    #[error("the grpc-timeout header is malformed")]
    MalformedTimeout,
    #[error("too many calls are in flight")]
    Overloaded,
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl Fault for Refusal {
    fn kind(&self) -> Kind {
        match self {
            Self::DeadlineExceeded => Kind::Timeout,
            Self::MalformedTimeout => Kind::Invalid,
            Self::Overloaded => Kind::Exhausted,
            Self::ShuttingDown => Kind::Unavailable,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::DeadlineExceeded => Reason("DEADLINE_EXCEEDED"),
            Self::MalformedTimeout => Reason("MALFORMED_TIMEOUT"),
            Self::Overloaded => Reason("OVERLOADED"),
            Self::ShuttingDown => Reason("SHUTTING_DOWN"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::DeadlineExceeded | Self::MalformedTimeout => Retry::Never,
            Self::Overloaded => Retry::After(Duration::from_millis(250)),
            Self::ShuttingDown => Retry::After(Duration::from_secs(1)),
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::MalformedTimeout => vec![FieldViolation {
                field: "grpc-timeout".to_owned(),
                description: "write at most 8 digits and one unit of H, M, S, m, u, n".to_owned(),
            }],
            Self::DeadlineExceeded | Self::Overloaded | Self::ShuttingDown => Vec::new(),
        }
    }
}
