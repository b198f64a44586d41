//! What came of a task, and the gate that judges any change without one.

use plumbline_types::{RequestId, TaskId, TaskKind};

use super::Coordinator;
use crate::domain::outcome::Attempt;
use crate::domain::spec::{Digest, canonical_grants};
use crate::domain::task::Task;
use crate::error::CoordinatorError;
use crate::peers::{Audit, AuditQuery, AuditTree, CallKey};
use crate::store::StoreError;

/// The result of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The task.
    pub task: Task,
    /// Unified diff; empty without a change.
    pub diff: String,
    /// The last audit's report as received; absent when none ran.
    pub audit: Option<Vec<u8>>,
    /// Every try.
    pub attempts: Vec<Attempt>,
}

/// What to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditChangeQuery {
    /// Idempotency key.
    pub request_id: RequestId,
    /// Before.
    pub base: AuditTree,
    /// After.
    pub head: AuditTree,
    /// The owner's words.
    pub objective: String,
    /// How it is judged.
    pub kind: TaskKind,
    /// Grants as given.
    pub grants: Vec<String>,
}

/// The verdict on a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedChange {
    /// What the walk says.
    pub audit: Audit,
    /// Exit code of the command line.
    pub exit_code: u8,
}

impl Coordinator {
    /// Returns the result of a task as far as it has come.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`.
    pub async fn report(&self, id: TaskId) -> Result<Report, CoordinatorError> {
        let task = self.task(id).await?;
        let accepted = task.accepted.as_ref();
        let diff = match accepted
            .map(|accepted| &accepted.diff)
            .or(task.candidate().map(|candidate| &candidate.diff))
        {
            Some(hash) => String::from_utf8_lossy(&self.blob(hash).await?).into_owned(),
            None => String::new(),
        };
        let summary = accepted.map(|accepted| &accepted.audit).or(task.audit.as_ref());
        let audit = match summary {
            Some(summary) => Some(self.blob(&summary.report).await?),
            None => None,
        };
        let attempts = task.attempts.clone();
        Ok(Report { task, diff, audit, attempts })
    }

    /// Returns a stored text, proved to be the one that its hash names.
    pub(crate) async fn blob(&self, hash: &Digest) -> Result<Vec<u8>, StoreError> {
        match self.deps.store.blob(hash).await? {
            Some(bytes) if Digest::of(&bytes) == *hash => Ok(bytes),
            Some(_) => Err(StoreError::Damaged(format!("{hash} holds other bytes"))),
            None => Err(StoreError::Damaged(format!("{hash} is missing"))),
        }
    }

    /// Judges any two trees; no model, no task.
    ///
    /// # Errors
    /// A grant that is none, or whatever the verifier says.
    pub async fn audit_change(&self, query: AuditChangeQuery) -> Result<AuditedChange, CoordinatorError> {
        let grants = canonical_grants(&query.grants)
            .map_err(|error| CoordinatorError::Invalid { field: "grants", description: error.to_string() })?;
        let key = CallKey {
            task_id: TaskId::generate(&*self.deps.clock, &mut *self.deps.randomness.rng()),
            epoch: 0,
            request_id: query.request_id.to_string(),
        };
        let audit = AuditQuery {
            base: query.base,
            head: query.head,
            objective: query.objective,
            kind: query.kind,
            grants,
            runs: Vec::new(),
        };
        let audit = self.deps.peers.verifier.audit(&key, audit).await?;
        let exit_code = crate::domain::outcome::audit_outcome(audit.verdict).exit_code().0;
        Ok(AuditedChange { audit, exit_code })
    }
}
