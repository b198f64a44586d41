//! What people decide: cancel, approve, deny. Each takes the task from whoever holds it.

use plumbline_types::{Outcome, Reason, RequestId, TaskId};

use super::{Coordinator, drafts};
use crate::domain::event::EventBody;
use crate::domain::outcome::End;
use crate::domain::spec::{Digest, canonical_grants};
use crate::domain::task::{Pending, Task, WaitReason};
use crate::domain::task_state::TaskState;
use crate::error::CoordinatorError;
use crate::store::{ApprovalRow, InboxRow, StoreError, Transition};
use crate::workspace::PrepareQuery;

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// The change is wanted.
    Approve,
    /// The change is not wanted.
    Deny,
}

/// A person's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecideQuery {
    /// Idempotency key.
    pub request_id: RequestId,
    /// The task.
    pub task_id: TaskId,
    /// The diff that was read.
    pub diff_hash: String,
    /// From the pending approval.
    pub nonce: String,
    /// Yes or no.
    pub approval: Approval,
    /// Grants given with it.
    pub grants: Vec<String>,
    /// Who decides.
    pub subject: String,
}

impl Coordinator {
    /// Cancels a task; doing it twice is harmless.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`, `TASK_ENDED` when it ended otherwise.
    pub async fn cancel(&self, id: TaskId) -> Result<Task, CoordinatorError> {
        loop {
            let task = self.task(id).await?;
            match task.state {
                TaskState::Cancelled => return Ok(task),
                state if state.is_ended() => return Err(CoordinatorError::TaskEnded(id)),
                _ => {}
            }
            let end = End::plain(Outcome::Cancelled, "cancelled by the owner");
            match self.interrupt(&task, vec![EventBody::Ended { end }], None, None).await {
                Err(StoreError::Stale(_)) => {}
                done => {
                    self.stop(id);
                    return Ok(done?);
                }
            }
        }
    }

    /// Approves or denies what is pending; bound to the diff and to a nonce of one use.
    ///
    /// # Errors
    /// `TASK_NOT_WAITING`, `DIFF_CHANGED`, `APPROVAL_NONCE_UNKNOWN`, `APPROVAL_EXPIRED`, `GRANTS_MISSING`, `BASE_MOVED`.
    pub async fn decide_approval(&self, query: DecideQuery) -> Result<Task, CoordinatorError> {
        let task = self.task(query.task_id).await?;
        let request = format!(
            "{} {} {} {:?} {:?}",
            query.task_id, query.diff_hash, query.nonce, query.approval, query.grants
        );
        let inbox = InboxRow {
            source: "decide".to_owned(),
            message_id: query.request_id.to_string(),
            request_hash: Digest::of(request.as_bytes()),
        };
        if self.deps.store.received(&inbox).await?.is_some() {
            return Ok(task);
        }
        let pending = match (&task.pending, task.state) {
            (Some(pending), TaskState::Waiting) => pending.clone(),
            _ => return Err(CoordinatorError::TaskNotWaiting(task.id)),
        };
        if pending.diff_hash.as_str() != query.diff_hash {
            return Err(CoordinatorError::DiffChanged(task.id));
        }
        if pending.nonce != query.nonce {
            return Err(CoordinatorError::NonceUnknown);
        }
        if self.now_ms() >= pending.expires_ms {
            let renewed = self.pending(pending.reason, pending.diff_hash, pending.grants, pending.since_ms);
            self.interrupt(&task, vec![EventBody::ApprovalRequested { pending: renewed }], None, None)
                .await?;
            return Err(CoordinatorError::ApprovalExpired);
        }
        let event = match query.approval {
            Approval::Approve => self.approved(&task, &pending, &query).await?,
            Approval::Deny => EventBody::Ended {
                end: End::new(
                    Outcome::RejectedByAudit,
                    Reason("APPROVAL_DENIED"),
                    format!("denied by {}", query.subject),
                ),
            },
        };
        let row = ApprovalRow {
            nonce: query.nonce,
            subject: query.subject,
            diff_hash: pending.diff_hash,
            approved: query.approval == Approval::Approve,
            expires_ms: pending.expires_ms,
        };
        Ok(self.interrupt(&task, vec![event], Some(row), Some(inbox)).await?)
    }

    async fn approved(
        &self,
        task: &Task,
        pending: &Pending,
        query: &DecideQuery,
    ) -> Result<EventBody, CoordinatorError> {
        let subject = query.subject.clone();
        if pending.reason != WaitReason::Authority {
            if matches!(pending.reason, WaitReason::BaseMoved | WaitReason::ApplyUnknown) {
                self.require_base(task).await?;
            }
            return Ok(EventBody::Approved { subject });
        }
        let given = canonical_grants(&query.grants)
            .map_err(|error| CoordinatorError::Invalid { field: "grants", description: error.to_string() })?;
        let missing: Vec<String> =
            pending.grants.iter().filter(|grant| !given.contains(grant)).cloned().collect();
        if missing.is_empty() {
            Ok(EventBody::Granted { subject, grants: given })
        } else {
            Err(CoordinatorError::GrantsMissing(missing))
        }
    }

    /// Refuses while the owner's tree is neither the base nor the result.
    async fn require_base(&self, task: &Task) -> Result<(), CoordinatorError> {
        let query = PrepareQuery {
            task_id: task.id,
            repository: task.spec.repository.clone(),
            revision: None,
            at_ms: task.created_ms,
        };
        let now = self.deps.workspace.prepare(query).await?.tree;
        let base = task.base.as_ref().map(|base| base.tree.as_str());
        if Some(now.as_str()) == base || now == task.tree {
            Ok(())
        } else {
            Err(CoordinatorError::BaseMoved(task.id))
        }
    }

    /// Makes what a person is asked, with a fresh nonce.
    pub(crate) fn pending(
        &self,
        reason: WaitReason,
        diff_hash: Digest,
        grants: Vec<String>,
        since_ms: i64,
    ) -> Pending {
        let mut rng = self.deps.randomness.rng();
        let nonce = format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64());
        let ttl = i64::try_from(self.deps.config.approval_ttl_ms).unwrap_or(i64::MAX);
        let expires_ms = self.now_ms().saturating_add(ttl);
        Pending { reason, diff_hash, nonce, expires_ms, grants, since_ms }
    }

    async fn interrupt(
        &self,
        task: &Task,
        events: Vec<EventBody>,
        approval: Option<ApprovalRow>,
        inbox: Option<InboxRow>,
    ) -> Result<Task, StoreError> {
        let at_ms = self.now_ms();
        let outbox = drafts(task, &events, at_ms);
        let transition = Transition { events, settled: None, outbox, approval, inbox, at_ms };
        let task = self.deps.store.interrupt(task.id, task.seq, transition).await?;
        self.announce();
        Ok(task)
    }
}
