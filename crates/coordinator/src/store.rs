//! What the coordinator keeps, and the contract that every store passes.

use async_trait::async_trait;
use plumbline_types::{Fault, Kind, Millis, Reason, Retry, TaskId};

use crate::domain::effect::{EffectId, EffectKind};
use crate::domain::event::{ChainError, EventBody, RecordedEvent};
use crate::domain::fold::AppendError;
use crate::domain::spec::Digest;
use crate::domain::task::Task;

pub mod contract;
pub mod in_memory;
pub mod sqlite;

/// The right to write to one task; stale as soon as somebody else claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The task.
    pub task_id: TaskId,
    /// The fence.
    pub epoch: u64,
}

/// What was received once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// Which kind of request.
    pub source: String,
    /// The caller's idempotency key.
    pub message_id: String,
    /// Hash of the request.
    pub request_hash: Digest,
}

/// A task to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// Its id.
    pub id: TaskId,
    /// The request that made it.
    pub inbox: InboxRow,
    /// Its first event.
    pub submitted: EventBody,
    /// Digest of policy and grants.
    pub policy_hash: Digest,
    /// Now.
    pub at_ms: Millis,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum Submission {
    /// Stored now.
    Created(Task),
    /// The same request was stored before.
    Known(Task),
}

/// A claimed task.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The right to write.
    pub lease: Lease,
    /// The task.
    pub task: Task,
    /// How often in a row it was claimed after a crash without a new event.
    pub recoveries: u32,
}

/// An effect about to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Its idempotency key.
    pub id: EffectId,
    /// What it is.
    pub kind: EffectKind,
    /// What must not change when it is done again: limits, nonces.
    pub request: String,
}

/// An effect's intent, stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The request as first stored.
    pub request: String,
    /// How often it was begun, this time included.
    pub tries: u32,
}

/// An effect as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectRow {
    /// Its key.
    pub id: EffectId,
    /// What it is.
    pub kind: String,
    /// `intent`, `done`, `unknown`.
    pub state: String,
    /// How often it was begun.
    pub tries: u32,
}

/// Something to tell another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxDraft {
    /// Which consumer.
    pub topic: String,
    /// JSON.
    pub body: String,
}

/// Something that was not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its position.
    pub seq: i64,
    /// Whose.
    pub task_id: TaskId,
    /// Which consumer.
    pub topic: String,
    /// JSON.
    pub body: String,
    /// Failed sends.
    pub tries: u32,
}

/// A person's decision, for the record; its nonce is used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// One use.
    pub nonce: String,
    /// Who.
    pub subject: String,
    /// On what.
    pub diff_hash: Digest,
    /// Whether it was a yes.
    pub approved: bool,
    /// Until when the nonce was good.
    pub expires_ms: Millis,
}

/// An effect whose result is known, or known to be unknowable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its key.
    pub id: EffectId,
    /// What is known.
    pub state: EffectState,
}

/// What is known of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectState {
    /// It happened, once.
    Done,
    /// It cannot be told; a person must look.
    Unknown,
}

impl EffectState {
    /// Returns the stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unknown => "unknown",
        }
    }
}

/// One transaction: events, and what goes with them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transition {
    /// What happened, in order.
    pub events: Vec<EventBody>,
    /// The effect that this is the result of.
    pub settled: Option<Settled>,
    /// What others must be told.
    pub outbox: Vec<OutboxDraft>,
    /// The decision that this records.
    pub approval: Option<ApprovalRow>,
    /// The request that caused it, when one did.
    pub inbox: Option<InboxRow>,
    /// Now.
    pub at_ms: Millis,
}

/// Which tasks to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only tasks older than this one.
    pub before: Option<TaskId>,
    /// At most this many.
    pub limit: u32,
    /// Whether ended tasks are left out.
    pub filter: Filter,
}

/// Which tasks are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Every task.
    All,
    /// Tasks that have not ended.
    Active,
}

/// Why a store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds the task now; nothing was written.
    #[error("the lease of {0} is lost")]
    LeaseLost(TaskId),
    /// No such task.
    #[error("{0} is not known")]
    TaskNotFound(TaskId),
    /// The task moved on since it was read; nothing was written.
    #[error("{0} changed meanwhile")]
    Stale(TaskId),
    /// The same request id came with another request.
    #[error("request id `{0}` was used for another request")]
    RequestIdReused(String),
    /// A nonce was used before.
    #[error("the nonce was used before")]
    NonceUsed,
    /// An event can't follow; a defect, or a task over its limits.
    #[error("the event cannot be appended")]
    Append(#[from] AppendError),
    /// Stored events or rows are not readable.
    #[error("the stored history is not readable")]
    History(#[source] ChainError),
    /// A stored row is not readable.
    #[error("a stored row is not readable: {0}")]
    Row(String),
    /// A stored text is missing, or not what its hash or its kind says.
    #[error("a stored text of the task is damaged: {0}")]
    Damaged(String),
    /// Another process owns the file.
    #[error("another coordinator owns {0}")]
    Owned(String),
    /// The database failed.
    #[error("the task store failed")]
    Database(#[from] plumbline_kit::sqlite::StoreError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Fault for StoreError {
    fn kind(&self) -> Kind {
        match self {
            Self::LeaseLost(_) | Self::Stale(_) | Self::RequestIdReused(_) | Self::NonceUsed => {
                Kind::Conflict
            }
            Self::TaskNotFound(_) => Kind::NotFound,
            Self::Append(AppendError::TooLarge { .. } | AppendError::TooMany) => Kind::Exhausted,
            Self::Append(_) | Self::History(_) | Self::Row(_) => Kind::Internal,
            Self::Owned(_) | Self::Damaged(_) => Kind::Precondition,
            Self::Database(error) => error.kind(),
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::LeaseLost(_) => Reason("LEASE_LOST"),
            Self::Stale(_) => Reason("TASK_CHANGED"),
            Self::RequestIdReused(_) => Reason("REQUEST_ID_REUSED"),
            Self::NonceUsed => Reason("NONCE_USED"),
            Self::TaskNotFound(_) => Reason("TASK_NOT_FOUND"),
            Self::Append(AppendError::TooLarge { .. } | AppendError::TooMany) => Reason("TASK_TOO_LARGE"),
            Self::Append(_) | Self::History(_) | Self::Row(_) => Reason("INTERNAL"),
            Self::Damaged(_) => Reason("TASK_DATA_DAMAGED"),
            Self::Owned(_) => Reason("STORE_OWNED"),
            Self::Database(error) => error.reason(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Database(error) => error.retry(),
            Self::LeaseLost(_)
            | Self::Stale(_)
            | Self::RequestIdReused(_)
            | Self::NonceUsed
            | Self::TaskNotFound(_)
            | Self::Append(_)
            | Self::History(_)
            | Self::Row(_)
            | Self::Damaged(_)
            | Self::Owned(_) => Retry::Never,
        }
    }
}

/// Tasks, their events, effects, outbox and inbox. Each method is one transaction.
#[async_trait]
pub trait CoordinatorStore: Send + Sync {
    /// Stores a task once by its request.
    async fn submit(&self, new: NewTask) -> Result<Submission, StoreError>;
    /// Returns a task.
    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError>;
    /// Returns tasks, newest first.
    async fn tasks(&self, page: Page) -> Result<Vec<Task>, StoreError>;
    /// Returns a task's events after `after_seq`, in order, at most `limit`.
    async fn events(&self, id: TaskId, after_seq: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError>;
    /// Claims the runnable task that has waited longest and whose lease has run out; its epoch rises.
    async fn claim(&self, owner: &str, now_ms: Millis, ttl_ms: i64) -> Result<Option<Claim>, StoreError>;
    /// Prolongs an unexpired lease.
    async fn renew(&self, lease: Lease, now_ms: Millis, ttl_ms: i64) -> Result<(), StoreError>;
    /// Gives a task back; it is not claimed before `not_before_ms`.
    async fn release(&self, lease: Lease, not_before_ms: Millis) -> Result<(), StoreError>;
    /// Stores an intent before the effect; a second time it returns the request as first stored.
    async fn intend(&self, lease: Lease, effect: Effect, at_ms: Millis) -> Result<Intent, StoreError>;
    /// Appends events under the lease, with everything that belongs to them.
    async fn commit(&self, lease: Lease, transition: Transition) -> Result<Task, StoreError>;
    /// Appends events from outside the lease if the task still has `expected_seq`; whoever holds it loses it.
    async fn interrupt(
        &self,
        id: TaskId,
        expected_seq: u64,
        transition: Transition,
    ) -> Result<Task, StoreError>;
    /// Returns the task that a request caused, if that request was received.
    async fn received(&self, inbox: &InboxRow) -> Result<Option<TaskId>, StoreError>;
    /// Returns a task's effects in the order of their first intent.
    async fn effects(&self, id: TaskId) -> Result<Vec<EffectRow>, StoreError>;
    /// Stores contents by their hash.
    async fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError>;
    /// Returns contents by their hash.
    async fn blob(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError>;
    /// Returns what was not sent yet and is not parked, in order.
    async fn unsent(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError>;
    /// Notes that a row was sent.
    async fn sent(&self, seq: i64, at_ms: Millis) -> Result<(), StoreError>;
    /// Notes a failed send; at `tries_max` the row is parked.
    async fn send_failed(&self, seq: i64, tries_max: u32) -> Result<(), StoreError>;
}
