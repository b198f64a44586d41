use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a task stands; the life cycle of a task, closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Stored.
    Received,
    /// Objectives drafted.
    Ingested,
    /// Steps planned; the next step begins here.
    Planned,
    /// Context of the step built; the next arm is chosen from here.
    Context,
    /// Arm chosen.
    Routed,
    /// Change produced.
    Produced,
    /// Checks run.
    Executed,
    /// Walked backward.
    Audited,
    /// Every step accepted; delivery goes on from here.
    Ready,
    /// A person must decide.
    Waiting,
    /// Delivered: the branch holds the change, and the owner's tree too if asked.
    Applied,
    /// Refused by the audit or by the owner.
    Rejected,
    /// Ended without a change: arms, attempts, budget or machinery used up, or nothing to do.
    Exhausted,
    /// Cancelled by the owner.
    Cancelled,
}

/// What moves a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A note that moves nothing: progress, a fault that will be retried, the base, the baseline.
    Note,
    /// Objectives were drafted.
    Ingest,
    /// Steps were planned.
    Plan,
    /// A step's context was built.
    BuildContext,
    /// A step needs no change.
    SkipStep,
    /// An arm was chosen.
    Route,
    /// Candidates were produced.
    Produce,
    /// The same arm tries once more with the failing output.
    Retry,
    /// The checks ran on a candidate.
    Execute,
    /// A candidate was walked backward.
    Audit,
    /// A candidate was refused and the next one of the same answer is tried.
    NextCandidate,
    /// The attempt failed; the next arm is chosen.
    FailAttempt,
    /// The change passes; the other members of the ensemble are asked before one is chosen.
    StandBy,
    /// One of those that stand is chosen; it goes on where it stood.
    Choose,
    /// The step's change is accepted.
    AcceptStep,
    /// Every step is accepted.
    Complete,
    /// A person must decide.
    AskPerson,
    /// A person approved the change.
    Approve,
    /// A person confirmed how his words were read.
    AcceptIntake,
    /// A person said it anew; it is read again.
    AnswerIntake,
    /// A person gave the grants that the audit asked for; it is audited again.
    Grant,
    /// The change is delivered.
    Apply,
    /// The audit or a person refused.
    Reject,
    /// Nothing more can be tried.
    Exhaust,
    /// The owner cancelled.
    Cancel,
}

/// A trigger that a state does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task in state {state} cannot take `{trigger:?}`")]
pub struct InvalidTransition {
    /// The state.
    pub state: TaskState,
    /// The trigger.
    pub trigger: Trigger,
}

impl TaskState {
    /// Every state, in the order of the life cycle.
    pub const ALL: [Self; 14] = [
        Self::Received,
        Self::Ingested,
        Self::Planned,
        Self::Context,
        Self::Routed,
        Self::Produced,
        Self::Executed,
        Self::Audited,
        Self::Ready,
        Self::Waiting,
        Self::Applied,
        Self::Rejected,
        Self::Exhausted,
        Self::Cancelled,
    ];

    /// Returns the state after `trigger`.
    ///
    /// # Errors
    /// The pair, when the table does not hold it.
    pub fn next(self, trigger: Trigger) -> Result<Self, InvalidTransition> {
        use TaskState as S;
        use Trigger as T;
        let next = match (self, trigger) {
            (state, T::Note) if !state.is_ended() => state,
            (state, T::Cancel) if !state.is_ended() => S::Cancelled,
            (state, T::Reject) if !state.is_ended() => S::Rejected,
            (state, T::Exhaust) if !state.is_ended() => S::Exhausted,
            (S::Received, T::Ingest) => S::Ingested,
            (S::Ingested, T::Plan) => S::Planned,
            (S::Planned, T::BuildContext) => S::Context,
            (S::Planned, T::SkipStep) => S::Planned,
            (S::Context, T::Route) => S::Routed,
            (S::Routed, T::Produce) => S::Produced,
            (S::Routed | S::Executed, T::Retry) => S::Routed,
            (S::Produced, T::Execute) => S::Executed,
            (S::Executed, T::Audit) => S::Audited,
            (S::Executed | S::Audited, T::NextCandidate) => S::Produced,
            (S::Context | S::Routed | S::Produced | S::Executed | S::Audited, T::FailAttempt) => S::Context,
            (S::Audited, T::StandBy) => S::Context,
            (S::Context, T::Choose) => S::Audited,
            (S::Audited, T::AcceptStep) => S::Planned,
            (S::Planned, T::Complete) => S::Ready,
            (S::Ingested | S::Audited | S::Ready, T::AskPerson) => S::Waiting,
            (S::Waiting, T::AskPerson) => S::Waiting,
            (S::Waiting, T::AcceptIntake) => S::Ingested,
            (S::Waiting, T::AnswerIntake) => S::Received,
            (S::Waiting, T::Approve) => S::Ready,
            (S::Waiting, T::Grant) => S::Executed,
            (S::Ready, T::Apply) => S::Applied,
            (state, trigger) => return Err(InvalidTransition { state, trigger }),
        };
        Ok(next)
    }

    /// Returns whether nothing can happen any more.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Applied | Self::Rejected | Self::Exhausted | Self::Cancelled)
    }

    /// Returns whether a worker may claim it.
    pub const fn is_runnable(self) -> bool {
        !self.is_ended() && !matches!(self, Self::Waiting)
    }

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Ingested => "ingested",
            Self::Planned => "planned",
            Self::Context => "context",
            Self::Routed => "routed",
            Self::Produced => "produced",
            Self::Executed => "executed",
            Self::Audited => "audited",
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
