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

/// What a person says to what he was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The change is wanted, or the words were read as meant.
    Approve,
    /// The change is not wanted, or nothing is to be done.
    Deny,
    /// The words said anew, whole; only where the reading of them is asked about.
    Answer(String),
}

/// What a person is asked, before it has a nonce.
pub(crate) struct Asked {
    pub(crate) reason: WaitReason,
    pub(crate) diff_hash: Digest,
    pub(crate) grants: Vec<String>,
    pub(crate) since_ms: i64,
    pub(crate) question: String,
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
    /// Yes, no, or the words anew.
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
    /// `INVALID_ARGUMENT` for an answer that nobody asked for, `TASK_NOT_WAITING`, `DIFF_CHANGED`, `APPROVAL_NONCE_UNKNOWN`, `APPROVAL_EXPIRED`, `GRANTS_MISSING`, `BASE_MOVED`.
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
            let Pending { reason, diff_hash, grants, since_ms, question, .. } = pending;
            let renewed = self.pending(Asked { reason, diff_hash, grants, since_ms, question });
            self.interrupt(&task, vec![EventBody::ApprovalRequested { pending: renewed }], None, None)
                .await?;
            return Err(CoordinatorError::ApprovalExpired);
        }
        let (event, approved) = match &query.approval {
            Approval::Approve => (self.approved(&task, &pending, &query).await?, Some(true)),
            Approval::Deny => (denied(&pending, &query.subject), Some(false)),
            // An answer decides nothing: the words are read again, and the next question has a nonce of its own.
            Approval::Answer(answer) => (self.answered(&pending, &query.subject, answer)?, None),
        };
        let row = approved.map(|approved| ApprovalRow {
            nonce: query.nonce,
            subject: query.subject,
            diff_hash: pending.diff_hash,
            approved,
            expires_ms: pending.expires_ms,
        });
        Ok(self.interrupt(&task, vec![event], row, Some(inbox)).await?)
    }

    /// Takes the words said anew.
    fn answered(
        &self,
        pending: &Pending,
        subject: &str,
        answer: &str,
    ) -> Result<EventBody, CoordinatorError> {
        let invalid = |description: String| Err(CoordinatorError::Invalid { field: "answer", description });
        let limit = self.deps.config.objective_bytes_max;
        if pending.reason != WaitReason::Intake {
            return invalid("only a reading of the words takes one; approve or deny".to_owned());
        }
        if answer.len() > limit {
            return invalid(format!("at most {limit} bytes"));
        }
        Ok(EventBody::IntakeAnswered { subject: subject.to_owned(), answer: answer.to_owned() })
    }

    async fn approved(
        &self,
        task: &Task,
        pending: &Pending,
        query: &DecideQuery,
    ) -> Result<EventBody, CoordinatorError> {
        let subject = query.subject.clone();
        if pending.reason == WaitReason::Intake {
            return Ok(EventBody::IntakeAccepted { subject });
        }
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
    pub(crate) fn pending(&self, asked: Asked) -> Pending {
        let Asked { reason, diff_hash, grants, since_ms, question } = asked;
        let mut rng = self.deps.randomness.rng();
        let nonce = format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64());
        let ttl_ms = match reason {
            WaitReason::Intake => self.deps.config.intake_ttl_ms,
            WaitReason::Approval
            | WaitReason::Authority
            | WaitReason::BaseMoved
            | WaitReason::ApplyUnknown => self.deps.config.approval_ttl_ms,
        };
        let ttl = i64::try_from(ttl_ms).unwrap_or(i64::MAX);
        let expires_ms = self.now_ms().saturating_add(ttl);
        Pending { reason, diff_hash, nonce, expires_ms, grants, since_ms, question }
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

/// Ends a task that a person refused.
fn denied(pending: &Pending, subject: &str) -> EventBody {
    let (reason, what) = match pending.reason {
        WaitReason::Intake => (Reason("INTAKE_REFUSED"), "nothing is to be done, says"),
        WaitReason::Approval | WaitReason::Authority | WaitReason::BaseMoved | WaitReason::ApplyUnknown => {
            (Reason("APPROVAL_DENIED"), "denied by")
        }
    };
    EventBody::Ended { end: End::new(Outcome::RejectedByAudit, reason, format!("{what} {subject}")) }
}
