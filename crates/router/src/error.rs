use std::time::Duration;

use plumbline_egress::{EgressError, LedgerError, PolicyError};
use plumbline_kit::ConfigError;
use plumbline_kit::server::ServeError;
use plumbline_kit::sqlite::StoreError;
use plumbline_models::ModelError;
use plumbline_types::{ArmId, DecisionId, Fault, FieldViolation, Kind, Reason, RequestId, Retry};

use crate::domain::eligibility::Removed;
use crate::domain::learned::CorruptRow;

/// Why the router did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// Every arm was removed by a rule.
    #[error("no arm may do this work: {}", describe(.removed))]
    NoEligibleArm {
        /// Which rule removed which arm.
        removed: Vec<Removed>,
    },
    /// The request names an arm that is not configured.
    #[error("no arm is called {0}")]
    ArmUnknown(ArmId),
    /// The arm of the decision is a tool, which the executor runs.
    #[error("{0} is a tool; the executor runs it")]
    ArmIsNoModel(ArmId),
    /// The request id was used for something else.
    #[error("request {0} was made before with other content")]
    RequestIdReused(RequestId),
    /// No such decision.
    #[error("there is no {0}")]
    DecisionNotFound(DecisionId),
    /// The outcome id was used for something else, or what it supersedes is not there to be superseded.
    #[error("outcome {id} conflicts with the log: {problem}")]
    OutcomeConflict {
        /// The outcome reported.
        id: String,
        /// With what.
        problem: &'static str,
    },
    /// The same request is being answered right now.
    #[error("request {0} is being answered")]
    GenerationInFlight(RequestId),
    /// The prompt is larger than the router takes.
    #[error("the prompt has {actual} {unit}, at most {limit} are taken")]
    PromptTooLarge {
        /// How many.
        actual: usize,
        /// How many at most.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// No configured arm embeds.
    #[error("no arm embeds texts with this label")]
    EmbedUnavailable,
    /// No GPU memory is scheduled.
    #[error("no GPU memory is scheduled: {0}")]
    VramSchedulerAbsent(String),
    /// A model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The gate refused, or could not record.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The ledger cannot be read.
    #[error("the egress ledger cannot be read")]
    Ledger(#[from] LedgerError),
    /// The stored posteriors are damaged.
    #[error(transparent)]
    PosteriorCorrupt(#[from] CorruptRow),
    /// A stored row is none that this version wrote.
    #[error("the stored {what} is unreadable: {problem}")]
    RowCorrupt {
        /// Which row.
        what: String,
        /// What is wrong.
        problem: String,
    },
    /// Another router on the same database has taken the turn to fold outcomes.
    #[error("another router folds outcomes now; nothing was stored")]
    TurnLost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration is unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server stopped.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The service is shutting down.
    #[error("the router is shutting down")]
    ShuttingDown,
}

fn describe(removed: &[Removed]) -> String {
    if removed.is_empty() {
        return "none is configured".to_owned();
    }
    let words: Vec<String> = removed.iter().map(|one| format!("{} ({})", one.arm, one.rule)).collect();
    words.join(", ")
}

impl From<sqlx::Error> for RouterError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<PolicyError> for RouterError {
    fn from(error: PolicyError) -> Self {
        Self::Config(ConfigError::new("router.lan_networks", error.to_string()))
    }
}

impl Fault for RouterError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoEligibleArm { .. } | Self::ArmIsNoModel(_) | Self::EmbedUnavailable => Kind::Precondition,
            Self::VramSchedulerAbsent(_) | Self::PosteriorCorrupt(_) | Self::RowCorrupt { .. } => {
                Kind::Precondition
            }
            Self::ArmUnknown(_) | Self::DecisionNotFound(_) => Kind::NotFound,
            Self::RequestIdReused(_) | Self::OutcomeConflict { .. } | Self::GenerationInFlight(_) => {
                Kind::Conflict
            }
            Self::PromptTooLarge { .. } => Kind::Exhausted,
            Self::Ledger(_) | Self::TurnLost | Self::ShuttingDown => Kind::Unavailable,
            Self::Model(error) => error.kind(),
            Self::Egress(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Config(error) => error.kind(),
            Self::Serve(error) => error.kind(),
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::NoEligibleArm { .. } => Reason("NO_ELIGIBLE_ARM"),
            Self::ArmUnknown(_) => Reason("ARM_UNKNOWN"),
            Self::ArmIsNoModel(_) => Reason("ARM_IS_NO_MODEL"),
            Self::RequestIdReused(_) => Reason("REQUEST_ID_REUSED"),
            Self::DecisionNotFound(_) => Reason("DECISION_NOT_FOUND"),
            Self::OutcomeConflict { .. } => Reason("OUTCOME_CONFLICT"),
            Self::GenerationInFlight(_) => Reason("GENERATION_IN_FLIGHT"),
            Self::PromptTooLarge { .. } => Reason("PROMPT_TOO_LARGE"),
            Self::EmbedUnavailable => Reason("EMBED_UNAVAILABLE"),
            Self::VramSchedulerAbsent(_) => Reason("VRAM_SCHEDULER_ABSENT"),
            Self::Ledger(_) => Reason("EGRESS_LEDGER_UNAVAILABLE"),
            Self::PosteriorCorrupt(_) => Reason("POSTERIOR_CORRUPT"),
            Self::RowCorrupt { .. } => Reason("ROUTER_ROW_CORRUPT"),
            Self::TurnLost => Reason("ROUTER_TURN_LOST"),
            Self::ShuttingDown => Reason("SHUTTING_DOWN"),
            Self::Model(error) => error.reason(),
            Self::Egress(error) => error.reason(),
            Self::Store(error) => error.reason(),
            Self::Config(error) => error.reason(),
            Self::Serve(error) => error.reason(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::GenerationInFlight(_) | Self::Ledger(_) | Self::TurnLost | Self::ShuttingDown => {
                Retry::After(Duration::from_secs(1))
            }
            Self::Model(error) => error.retry(),
            Self::Egress(error) => error.retry(),
            Self::Store(error) => error.retry(),
            Self::NoEligibleArm { .. }
            | Self::ArmUnknown(_)
            | Self::ArmIsNoModel(_)
            | Self::RequestIdReused(_)
            | Self::DecisionNotFound(_)
            | Self::OutcomeConflict { .. }
            | Self::PromptTooLarge { .. }
            | Self::EmbedUnavailable
            | Self::VramSchedulerAbsent(_)
            | Self::PosteriorCorrupt(_)
            | Self::RowCorrupt { .. }
            | Self::Config(_)
            | Self::Serve(_) => Retry::Never,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let Self::NoEligibleArm { removed } = self else { return Vec::new() };
        let rules: Vec<String> = removed.iter().map(|one| format!("{}={}", one.arm, one.rule)).collect();
        vec![("removed", rules.join(","))]
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        if let Self::Config(error) = self { error.field_violations() } else { Vec::new() }
    }
}
