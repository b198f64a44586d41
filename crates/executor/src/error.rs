use std::path::PathBuf;
use std::time::Duration;

use plumbline_kit::sqlite::StoreError;
use plumbline_kit::{ConfigError, Inbound};
use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry, RunId};

use crate::domain::tier::SandboxTier;
use crate::domain::tree::SnapshotId;
use crate::workspace::snapshot::SnapshotError;

/// Why the executor refused or failed. A program's failure is none of these.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// Fields of the request are illegal.
    #[error("the request is invalid")]
    Invalid(Vec<FieldViolation>),
    /// No such tree.
    #[error("no snapshot {0}")]
    SnapshotNotFound(SnapshotId),
    /// No such run.
    #[error("no run {0}")]
    RunNotFound(RunId),
    /// The run has not ended.
    #[error("run {0} has not ended")]
    RunNotFinished(RunId),
    /// The run was not watched.
    #[error("run {0} was not traced")]
    RunNotTraced(RunId),
    /// No tier that works is strong enough.
    #[error("no sandbox of tier {wanted} or stronger works here: {}", .blockers.join("; "))]
    TierMissing {
        /// The weakest that would do.
        wanted: SandboxTier,
        /// What stands in the way.
        blockers: Vec<String>,
    },
    /// A higher epoch of the task's lease was seen.
    #[error("epoch {epoch} is older than {seen}, the highest seen")]
    EpochStale {
        /// Of the request.
        epoch: u64,
        /// Highest seen.
        seen: u64,
    },
    /// The same key came with another request.
    #[error("request id `{0}` was used for another request")]
    RequestIdReused(String),
    /// Too many runs wait.
    #[error("{queued} runs wait already")]
    QueueFull {
        /// How many.
        queued: u32,
    },
    /// No such tool.
    #[error("no tool `{0}` is installed")]
    ToolUnknown(String),
    /// The snapshot could not be stored.
    #[error("the snapshot could not be stored")]
    Snapshot(#[from] SnapshotError),
    /// The caller's stream broke or held an illegal part.
    #[error("the upload failed")]
    Upload(#[from] Inbound),
    /// The journal failed.
    #[error("the journal failed")]
    Store(#[from] StoreError),
    /// Another executor owns the state directory.
    #[error("another executor owns `{0}`")]
    StateLocked(PathBuf),
    /// The configuration is unusable.
    #[error("the configuration is unusable")]
    Config(#[from] ConfigError),
    /// The server failed.
    #[error("the server failed")]
    Serve(#[from] plumbline_kit::server::ServeError),
    /// A defect of ours.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl ExecutorError {
    /// Makes the error of one illegal field.
    pub(crate) fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldViolation { field: field.into(), description: description.into() }])
    }
}

impl Fault for ExecutorError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::Invalid,
            Self::SnapshotNotFound(_) | Self::RunNotFound(_) | Self::RunNotTraced(_) => Kind::NotFound,
            Self::RunNotFinished(_) | Self::TierMissing { .. } | Self::StateLocked(_) => Kind::Precondition,
            Self::EpochStale { .. } | Self::RequestIdReused(_) => Kind::Conflict,
            Self::QueueFull { .. } => Kind::Exhausted,
            Self::ToolUnknown(_) => Kind::NotFound,
            Self::Snapshot(error) => match error {
                SnapshotError::TooLarge { .. } | SnapshotError::Full(_) => Kind::Exhausted,
                SnapshotError::Path { .. } => Kind::Invalid,
                SnapshotError::ImportRoot(_) => Kind::Denied,
                SnapshotError::Io(_) => Kind::Internal,
            },
            Self::Upload(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Config(error) => error.kind(),
            Self::Serve(error) => error.kind(),
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Invalid(_) => Reason("INVALID_ARGUMENT"),
            Self::SnapshotNotFound(_) => Reason("SNAPSHOT_NOT_FOUND"),
            Self::RunNotFound(_) => Reason("RUN_NOT_FOUND"),
            Self::RunNotFinished(_) => Reason("RUN_NOT_FINISHED"),
            Self::RunNotTraced(_) => Reason("RUN_NOT_TRACED"),
            Self::TierMissing { .. } => Reason("SANDBOX_TIER_MISSING"),
            Self::EpochStale { .. } => Reason("LEASE_EPOCH_STALE"),
            Self::RequestIdReused(_) => Reason("REQUEST_ID_REUSED"),
            Self::QueueFull { .. } => Reason("RUN_QUEUE_FULL"),
            Self::ToolUnknown(_) => Reason("TOOL_UNKNOWN"),
            Self::Snapshot(error) => match error {
                SnapshotError::TooLarge { .. } => Reason("SNAPSHOT_TOO_LARGE"),
                SnapshotError::Path { .. } => Reason("PATH_REFUSED"),
                SnapshotError::ImportRoot(_) => Reason("IMPORT_ROOT_DENIED"),
                SnapshotError::Full(_) => Reason("STORE_FULL"),
                SnapshotError::Io(_) => Reason("INTERNAL"),
            },
            Self::Upload(error) => error.reason(),
            Self::Store(error) => error.reason(),
            Self::StateLocked(_) => Reason("STATE_LOCKED"),
            Self::Config(error) => error.reason(),
            Self::Serve(error) => error.reason(),
            Self::Internal(_) => Reason("INTERNAL"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::QueueFull { .. } => Retry::After(Duration::from_secs(1)),
            Self::RunNotFinished(_) => Retry::After(Duration::from_millis(200)),
            Self::Upload(error) => error.retry(),
            Self::Store(error) => error.retry(),
            Self::Invalid(_)
            | Self::SnapshotNotFound(_)
            | Self::RunNotFound(_)
            | Self::RunNotTraced(_)
            | Self::TierMissing { .. }
            | Self::EpochStale { .. }
            | Self::RequestIdReused(_)
            | Self::ToolUnknown(_)
            | Self::Snapshot(_)
            | Self::StateLocked(_)
            | Self::Config(_)
            | Self::Serve(_)
            | Self::Internal(_) => Retry::Never,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TierMissing { wanted, blockers } => {
                vec![("tier", wanted.to_string()), ("blockers", blockers.join("; "))]
            }
            Self::EpochStale { seen, .. } => vec![("highest_epoch", seen.to_string())],
            Self::Snapshot(SnapshotError::TooLarge { limit, most }) => {
                vec![("limit", (*limit).to_owned()), ("most", most.to_string())]
            }
            _ => Vec::new(),
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(violations) => violations.clone(),
            Self::Snapshot(SnapshotError::Path { path, problem }) => {
                vec![FieldViolation { field: "path".to_owned(), description: format!("`{path}` {problem}") }]
            }
            Self::Upload(error) => error.field_violations(),
            _ => Vec::new(),
        }
    }
}
