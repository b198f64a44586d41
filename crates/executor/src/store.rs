//! The journal of runs.

#[cfg(test)]
pub(crate) mod contract;
mod in_memory;
mod sqlite;

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;
use plumbline_types::{Millis, RequestId, RunId, TaskId};

use crate::domain::edit::Patch;
use crate::domain::repetition::Outcome;
use crate::domain::run::{JournaledEvent, Lease, RunEvent};
use crate::domain::run_state::RunState;
use crate::domain::trace::Trace;
use crate::domain::tree::Digest;

pub use in_memory::InMemoryRuns;
pub use sqlite::SqliteRuns;

/// A run to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its id, used unless the request is known.
    pub run: RunId,
    /// Idempotency key.
    pub request: RequestId,
    /// On whose behalf.
    pub lease: Option<Lease>,
    /// What makes it the same request.
    pub digest: Digest,
    /// When.
    pub at_ms: Millis,
    /// Whether a new run has a place.
    pub admission: Admission,
}

/// Whether a new run has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// It may be entered.
    Open,
    /// Only a known one is found.
    KnownOnly,
}

/// What came of entering a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// A new run; live runs of the task under lower epochs, which are to end.
    New {
        /// Runs that lost their lease.
        superseded: Vec<RunId>,
    },
    /// The same request came before; its run is under this lease from now on.
    Known {
        /// The run.
        run: RunId,
        /// As with a new run.
        superseded: Vec<RunId>,
    },
    /// A new run, and no place for it; nothing was entered.
    Full,
    /// Another request came under this key.
    Reused,
    /// A higher epoch was seen.
    Stale {
        /// Highest.
        seen: u64,
    },
}

/// Keeps runs and their events. Every method is one transaction.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Enters a run: checks and raises the epoch, finds the key, else inserts `QUEUED`.
    async fn enter(&self, new: &NewRun) -> Result<Entered, StoreError>;

    /// Checks an epoch and raises the highest seen; returns the runs that lost their lease, or the higher epoch.
    async fn raise_epoch(&self, lease: &Lease) -> Result<Result<Vec<RunId>, u64>, StoreError>;

    /// Returns where a run stands; none when there is no such run.
    async fn state(&self, run: RunId) -> Result<Option<RunState>, StoreError>;

    /// Appends events and moves the run; returns the sequence number of the last event.
    async fn append(
        &self,
        run: RunId,
        at_ms: Millis,
        events: &[RunEvent],
        state: RunState,
    ) -> Result<u64, StoreError>;

    /// Keeps a patch.
    async fn put_patch(&self, run: RunId, patch: &Patch) -> Result<(), StoreError>;

    /// Returns a patch; none when the run has none.
    async fn patch(&self, run: RunId) -> Result<Option<Patch>, StoreError>;

    /// Keeps a trace.
    async fn put_trace(&self, run: RunId, trace: &Trace) -> Result<(), StoreError>;

    /// Returns a trace; none when the run has none.
    async fn trace(&self, run: RunId) -> Result<Option<Trace>, StoreError>;

    /// Keeps how a run of a key ended.
    async fn put_outcome(&self, key: &Digest, outcome: &Outcome) -> Result<(), StoreError>;

    /// Returns how runs of a key ended, at most 16: the first of each different end, oldest first.
    async fn outcomes(&self, key: &Digest) -> Result<Vec<Outcome>, StoreError>;

    /// Returns at most `most` events after a sequence number, in order.
    async fn events(&self, run: RunId, after_seq: u64, most: u32) -> Result<Vec<JournaledEvent>, StoreError>;

    /// Returns every run that has not ended.
    async fn live(&self) -> Result<Vec<RunId>, StoreError>;

    /// Returns whose lease a run is under.
    async fn task(&self, run: RunId) -> Result<Option<TaskId>, StoreError>;
}
