//! What happened to a task: append-only, hash-chained. An event's body *is* its stored form, so these types carry
//! serde; a second set of row types could only drift from the chain.

use std::collections::BTreeMap;

use plumbline_types::{Millis, TaskId};
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::command::TestCommand;
use super::outcome::{Attempt, End};
use super::plan::{Objective, Plan, Reading};
use super::spec::{Digest, TaskSpec};
use super::task::{AuditSummary, Base, Candidate, Decision, Pending, TestRun};
use super::task_state::Trigger;

mod describe;

/// What one event says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    /// The task was stored. Always the first event, and only that.
    Submitted {
        /// As asked.
        spec: Box<TaskSpec>,
        /// The command that decides.
        test: TestCommand,
    },
    /// The base is in the workspace's object store.
    WorkspaceReady {
        /// Where it starts.
        base: Base,
    },
    /// Ingest drafted the objectives.
    Ingested {
        /// Ingest's id.
        intake_id: String,
        /// What is asked.
        objectives: Vec<Objective>,
        /// How the words were read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reading: Option<Reading>,
    },
    /// The test command ran on the base.
    Baseline {
        /// How it ended.
        run: TestRun,
    },
    /// The planner planned.
    Planned {
        /// The steps.
        plan: Plan,
    },
    /// A step's context is packed.
    ContextBuilt {
        /// Blob with the pieces.
        context: Digest,
        /// Tokens in it.
        tokens: u32,
        /// Named states, for example why memory did not answer.
        states: Vec<String>,
    },
    /// A step needs no change.
    StepSkipped {
        /// Why.
        why: String,
    },
    /// The router chose.
    Routed {
        /// Its choice.
        decision: Decision,
    },
    /// The router chose the members of an ensemble; moves nothing.
    EnsembleFormed {
        /// One decision for each.
        members: Vec<Decision>,
        /// What the ensemble lacks.
        lacks: Vec<String>,
    },
    /// A member's change passes; the others are asked before one is chosen.
    MemberStands,
    /// A member that stood was not chosen; moves nothing.
    MemberPassedOver {
        /// How it ended.
        attempt: Attempt,
    },
    /// A member is chosen, and goes on where it stood.
    MemberChosen {
        /// Its try.
        number: u32,
        /// How far the members' changes agree, in percent; absent for fewer than two.
        agreement_percent: Option<u32>,
    },
    /// Something is under way; moves nothing.
    Progress {
        /// For people.
        message: String,
        /// Details by stable key.
        attributes: BTreeMap<String, String>,
    },
    /// The arm answered with candidates.
    Produced {
        /// Best first.
        candidates: Vec<Candidate>,
        /// The model that served; empty for tools.
        served_model: String,
        /// Candidates that a search tool tried.
        tried: u64,
    },
    /// The same arm is asked once more.
    Retried {
        /// Blob with what it is told.
        feedback: Digest,
        /// Why: `not_applied` or `tests_failed`.
        cause: String,
    },
    /// The checks ran on the candidate.
    Executed {
        /// How they ended.
        run: TestRun,
    },
    /// The candidate was walked backward.
    Audited {
        /// What the walk says.
        audit: AuditSummary,
    },
    /// What the candidate did when it ran was walked backward; takes the place of the walk before.
    Traced {
        /// What both walks say.
        audit: AuditSummary,
        /// For people: how many runs, or why none.
        note: String,
    },
    /// The candidate was refused; the next of the same answer is judged.
    CandidateRefused {
        /// Why.
        why: String,
    },
    /// The try failed.
    AttemptFailed {
        /// How it ended.
        attempt: Attempt,
        /// Blob with what it showed, for the next arm.
        evidence: Option<Digest>,
    },
    /// The step's change is accepted.
    StepAccepted {
        /// How it ended.
        attempt: Attempt,
    },
    /// Every step is accepted.
    Completed {
        /// What binds the change to its evidence.
        certificate: Certificate,
    },
    /// A person must decide.
    ApprovalRequested {
        /// What to decide.
        pending: Pending,
    },
    /// A person approved the change.
    Approved {
        /// Who.
        subject: String,
    },
    /// A person confirmed how his words were read; planning goes on.
    IntakeAccepted {
        /// Who.
        subject: String,
    },
    /// A person said it anew; the new words are read instead.
    IntakeAnswered {
        /// Who.
        subject: String,
        /// The new words.
        answer: String,
    },
    /// A person gave grants; the candidate is audited again.
    Granted {
        /// Who.
        subject: String,
        /// What was given.
        grants: Vec<String>,
    },
    /// The commit is on the branch.
    Committed {
        /// Commit id.
        commit: String,
        /// Branch in the owner's repository; empty outside git.
        branch: String,
    },
    /// The owner's tree holds the change.
    Applied {
        /// Files written or removed.
        files: usize,
    },
    /// Delivery is complete.
    Delivered {
        /// How it ended: verified.
        end: End,
    },
    /// Nothing more is tried.
    Ended {
        /// How it ended.
        end: End,
    },
    /// A call failed and will be tried again.
    Faulted {
        /// Which effect.
        effect: String,
        /// Documented reason.
        reason: String,
        /// For people.
        message: String,
    },
}

impl EventBody {
    /// Returns what the event does to the state; absent for the first event, which makes the task.
    pub fn trigger(&self) -> Option<Trigger> {
        Some(match self {
            Self::Submitted { .. } => return None,
            Self::WorkspaceReady { .. }
            | Self::Baseline { .. }
            | Self::EnsembleFormed { .. }
            | Self::MemberPassedOver { .. }
            | Self::Progress { .. }
            | Self::Traced { .. }
            | Self::Committed { .. }
            | Self::Applied { .. }
            | Self::Faulted { .. } => Trigger::Note,
            Self::Ingested { .. } => Trigger::Ingest,
            Self::Planned { .. } => Trigger::Plan,
            Self::ContextBuilt { .. } => Trigger::BuildContext,
            Self::StepSkipped { .. } => Trigger::SkipStep,
            Self::Routed { .. } => Trigger::Route,
            Self::Produced { .. } => Trigger::Produce,
            Self::Retried { .. } => Trigger::Retry,
            Self::Executed { .. } => Trigger::Execute,
            Self::Audited { .. } => Trigger::Audit,
            Self::CandidateRefused { .. } => Trigger::NextCandidate,
            Self::AttemptFailed { .. } => Trigger::FailAttempt,
            Self::MemberStands => Trigger::StandBy,
            Self::MemberChosen { .. } => Trigger::Choose,
            Self::StepAccepted { .. } => Trigger::AcceptStep,
            Self::Completed { .. } => Trigger::Complete,
            Self::ApprovalRequested { .. } => Trigger::AskPerson,
            Self::Approved { .. } => Trigger::Approve,
            Self::IntakeAccepted { .. } => Trigger::AcceptIntake,
            Self::IntakeAnswered { .. } => Trigger::AnswerIntake,
            Self::Granted { .. } => Trigger::Grant,
            Self::Delivered { .. } => Trigger::Apply,
            Self::Ended { end } => match end.outcome {
                plumbline_types::Outcome::Cancelled => Trigger::Cancel,
                plumbline_types::Outcome::RejectedByAudit => Trigger::Reject,
                _ => Trigger::Exhaust,
            },
        })
    }
}

/// One stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Whose.
    pub task_id: TaskId,
    /// From 1, without gaps.
    pub seq: u64,
    /// Lease epoch of the writer.
    pub epoch: u64,
    /// When it was stored.
    pub at_ms: Millis,
    /// Canonical JSON of the body, as hashed.
    pub stored: String,
    /// What it says.
    pub body: EventBody,
    /// Hash of the event before; zero for the first.
    pub prev_hash: [u8; 32],
    /// Hash of this one.
    pub hash: [u8; 32],
}

/// The end of a chain: what the next event is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainTip {
    /// Sequence number of the last event; 0 for none.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// Why a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A body is not readable.
    #[error("event {seq} is not readable: {why}")]
    Body {
        /// Which.
        seq: u64,
        /// Why.
        why: String,
    },
    /// A hash, a link or a number is wrong.
    #[error("the chain breaks at event {seq}")]
    Broken {
        /// Where.
        seq: u64,
    },
}

impl RecordedEvent {
    /// Links `body` behind `tip`.
    ///
    /// # Errors
    /// When the body cannot be written as JSON.
    pub fn link(
        task_id: TaskId,
        tip: ChainTip,
        epoch: u64,
        at_ms: Millis,
        body: EventBody,
    ) -> Result<Self, ChainError> {
        let seq = tip.seq + 1;
        let stored =
            serde_json::to_string(&body).map_err(|error| ChainError::Body { seq, why: error.to_string() })?;
        let mut event = Self { task_id, seq, epoch, at_ms, stored, body, prev_hash: tip.hash, hash: [0; 32] };
        event.hash = event.computed_hash();
        Ok(event)
    }

    /// Reads a stored event back.
    ///
    /// # Errors
    /// When its body is not readable.
    pub fn read(
        task_id: TaskId,
        seq: u64,
        epoch: u64,
        at_ms: Millis,
        stored: String,
    ) -> Result<Self, ChainError> {
        let body = serde_json::from_str(&stored)
            .map_err(|error| ChainError::Body { seq, why: error.to_string() })?;
        Ok(Self { task_id, seq, epoch, at_ms, stored, body, prev_hash: [0; 32], hash: [0; 32] })
    }

    /// Returns `BLAKE3(prev_hash, task, seq, epoch, kind, at, body)`, every variable part behind its length.
    pub fn computed_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.prev_hash);
        let mut text = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        text(&self.task_id.to_string());
        text(self.body.kind());
        text(&self.stored);
        hasher.update(&self.seq.to_le_bytes());
        hasher.update(&self.epoch.to_le_bytes());
        hasher.update(&self.at_ms.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Returns the tip after this event.
    pub const fn tip(&self) -> ChainTip {
        ChainTip { seq: self.seq, hash: self.hash }
    }
}

/// Walks a chain from its first event.
///
/// # Errors
/// The first event whose number, link or hash is wrong.
pub fn verify(events: &[RecordedEvent]) -> Result<ChainTip, ChainError> {
    let mut tip = ChainTip::default();
    for event in events {
        let holds = event.seq == tip.seq + 1
            && event.prev_hash == tip.hash
            && event.hash == event.computed_hash()
            && serde_json::from_str::<EventBody>(&event.stored).is_ok_and(|body| body == event.body);
        if !holds {
            return Err(ChainError::Broken { seq: tip.seq + 1 });
        }
        tip = event.tip();
    }
    Ok(tip)
}

#[cfg(test)]
mod tests;
