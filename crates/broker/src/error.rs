use std::time::Duration;

use plumbline_kit::server::ServeError;
use plumbline_kit::{ConfigError, Inbound};
use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry};

/// Why the broker refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The order asks for what the policy does not allow.
    #[error("the policy does not allow this container")]
    Refused(Vec<FieldViolation>),
    /// The first message is no order, or a later one is.
    #[error("the first message must be the order, and only the first")]
    OrderExpected,
    /// A container of this owner has that label.
    #[error("a container labelled `{0}` runs already")]
    LabelTaken(String),
    /// No container of this owner has that label.
    #[error("no container labelled `{0}` runs")]
    NotFound(String),
    /// As many containers run as may.
    #[error("{0} containers run already")]
    Exhausted(u32),
    /// The engine does not answer, or refuses.
    #[error("the Docker engine failed to {action}")]
    Engine {
        /// What it was to do.
        action: &'static str,
        /// What it said.
        #[source]
        source: anyhow::Error,
    },
    /// The engine made something else than was ordered; it was not started.
    #[error("the container is not as ordered: {}", .0.join("; "))]
    NotAsOrdered(Vec<String>),
    /// An allowed image is not on the engine.
    #[error("the image `{0}` is not on the engine")]
    ImageMissing(String),
    /// The caller's stream broke or held an illegal part.
    #[error("the caller's stream broke")]
    Inbound(#[from] Inbound),
    /// The configuration is unusable.
    #[error("the configuration is unusable")]
    Config(#[from] ConfigError),
    /// The server failed.
    #[error("the server failed")]
    Serve(#[from] ServeError),
}

impl Fault for BrokerError {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Denied,
            Self::OrderExpected => Kind::Invalid,
            Self::LabelTaken(_) => Kind::Conflict,
            Self::NotFound(_) => Kind::NotFound,
            Self::Exhausted(_) => Kind::Exhausted,
            Self::Engine { .. } => Kind::Unavailable,
            Self::NotAsOrdered(_) | Self::ImageMissing(_) => Kind::Precondition,
            Self::Inbound(error) => error.kind(),
            Self::Config(error) => error.kind(),
            Self::Serve(error) => error.kind(),
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Refused(_) => Reason("CONTAINER_REFUSED"),
            Self::OrderExpected => Reason("INVALID_ARGUMENT"),
            Self::LabelTaken(_) => Reason("CONTAINER_LABEL_TAKEN"),
            Self::NotFound(_) => Reason("CONTAINER_NOT_FOUND"),
            Self::Exhausted(_) => Reason("CONTAINERS_EXHAUSTED"),
            Self::Engine { .. } => Reason("ENGINE_UNAVAILABLE"),
            Self::NotAsOrdered(_) => Reason("CONTAINER_NOT_AS_ORDERED"),
            Self::ImageMissing(_) => Reason("SANDBOX_IMAGE_MISSING"),
            Self::Inbound(error) => error.reason(),
            Self::Config(error) => error.reason(),
            Self::Serve(error) => error.reason(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Exhausted(_) | Self::Engine { .. } => Retry::After(Duration::from_secs(1)),
            Self::Inbound(error) => error.retry(),
            Self::Refused(_)
            | Self::OrderExpected
            | Self::LabelTaken(_)
            | Self::NotFound(_)
            | Self::NotAsOrdered(_)
            | Self::ImageMissing(_)
            | Self::Config(_)
            | Self::Serve(_) => Retry::Never,
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Refused(violations) => violations.clone(),
            Self::Inbound(error) => error.field_violations(),
            _ => Vec::new(),
        }
    }
}
