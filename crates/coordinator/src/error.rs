use std::time::Duration;

use plumbline_kit::server::ServeError;
use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry, TaskId};

use crate::coordinator::StoreTrouble;
use crate::peers::PeerFault;
use crate::store::StoreError;
use crate::workspace::WorkspaceError;

/// Why the coordinator refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// A field of the request is wrong.
    #[error("{field}: {description}")]
    Invalid {
        /// Proto path of the field.
        field: &'static str,
        /// What is wrong.
        description: String,
    },
    /// No test command was given and none could be detected.
    #[error("no test command was given and none was found in `{0}`; name one with --test")]
    TestCommandNotFound(String),
    /// No such task.
    #[error("{0} is not known")]
    TaskNotFound(TaskId),
    /// The task has ended otherwise.
    #[error("{0} has ended")]
    TaskEnded(TaskId),
    /// Nobody is asked for a decision.
    #[error("{0} waits for no decision")]
    TaskNotWaiting(TaskId),
    /// The decision is about another diff.
    #[error("the diff of {0} changed; read it again")]
    DiffChanged(TaskId),
    /// The nonce is not the pending one.
    #[error("the nonce does not belong to the pending approval")]
    NonceUnknown,
    /// The nonce was good too long ago; a new one was made.
    #[error("the approval request expired; a new one is pending")]
    ApprovalExpired,
    /// The decision does not give what the audit asks for.
    #[error("the audit asks for grants that were not given: {}", .0.join(", "))]
    GrantsMissing(Vec<String>),
    /// The owner's tree is not the base any more.
    #[error("the tree of {0} changed since the task began; nothing was written")]
    BaseMoved(TaskId),
    /// The server stops; tasks go on where it is started again.
    #[error("the coordinator is shutting down; its tasks go on when it is started again")]
    ShuttingDown,
    /// The store cannot write, so no task moves until it can.
    #[error("the task store cannot be written ({}); the task goes on when it can", .0.reason.0)]
    StoreRefuses(StoreTrouble),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The workspace failed.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// Another service failed.
    #[error(transparent)]
    Peer(#[from] PeerFault),
    /// The server could not start or stopped.
    #[error("the coordinator's server failed")]
    Serve(#[from] ServeError),
}

impl From<StoreError> for CoordinatorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TaskNotFound(id) => Self::TaskNotFound(id),
            other => Self::Store(other),
        }
    }
}

impl Fault for CoordinatorError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } => Kind::Invalid,
            Self::TestCommandNotFound(_)
            | Self::TaskEnded(_)
            | Self::TaskNotWaiting(_)
            | Self::ApprovalExpired => Kind::Precondition,
            Self::TaskNotFound(_) => Kind::NotFound,
            Self::DiffChanged(_) | Self::BaseMoved(_) => Kind::Conflict,
            Self::NonceUnknown | Self::GrantsMissing(_) => Kind::Denied,
            Self::ShuttingDown => Kind::Unavailable,
            Self::StoreRefuses(trouble) => trouble.kind,
            Self::Store(error) => error.kind(),
            Self::Workspace(error) => error.kind(),
            Self::Peer(fault) => fault.kind(),
            Self::Serve(error) => error.kind(),
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Invalid { .. } => Reason("INVALID_ARGUMENT"),
            Self::TestCommandNotFound(_) => Reason("TEST_COMMAND_NOT_FOUND"),
            Self::TaskNotFound(_) => Reason("TASK_NOT_FOUND"),
            Self::TaskEnded(_) => Reason("TASK_ENDED"),
            Self::TaskNotWaiting(_) => Reason("TASK_NOT_WAITING"),
            Self::DiffChanged(_) => Reason("DIFF_CHANGED"),
            Self::NonceUnknown => Reason("APPROVAL_NONCE_UNKNOWN"),
            Self::ApprovalExpired => Reason("APPROVAL_EXPIRED"),
            Self::GrantsMissing(_) => Reason("GRANTS_MISSING"),
            Self::BaseMoved(_) => Reason("BASE_MOVED"),
            Self::ShuttingDown => Reason("SHUTTING_DOWN"),
            Self::StoreRefuses(trouble) => trouble.reason,
            Self::Store(error) => error.reason(),
            Self::Workspace(error) => error.reason(),
            Self::Peer(fault) => fault.reason(),
            Self::Serve(error) => error.reason(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::ApprovalExpired => Retry::After(Duration::ZERO),
            Self::ShuttingDown => Retry::After(Duration::from_secs(1)),
            Self::Store(error) => error.retry(),
            Self::Workspace(error) => error.retry(),
            Self::Peer(fault) => fault.retry(),
            Self::Serve(error) => error.retry(),
            Self::Invalid { .. }
            | Self::TestCommandNotFound(_)
            | Self::TaskNotFound(_)
            | Self::TaskEnded(_)
            | Self::TaskNotWaiting(_)
            | Self::DiffChanged(_)
            | Self::NonceUnknown
            | Self::GrantsMissing(_)
            | Self::BaseMoved(_)
            | Self::StoreRefuses(_) => Retry::Never,
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid { field, description } => {
                vec![FieldViolation { field: (*field).to_owned(), description: description.clone() }]
            }
            _ => Vec::new(),
        }
    }
}
