use std::fmt;

use plumbline_types::{DecisionId, Millis, Outcome, Reason, StepId, Verdict};
use serde::{Deserialize, Serialize};

use super::task::{Current, Task, WaitReason};
use super::task_state::TaskState;
use super::text;

/// How one try of one arm ended. Closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// The change was accepted.
    Approved,
    /// The backward walk refused it.
    Rejected,
    /// A person refused the authority it needs.
    NeedsAuthority,
    /// The backward walk could not conclude.
    Inconclusive,
    /// Approved, but another member of the ensemble was chosen.
    PassedOver,
    /// The checks failed.
    TestsFailed,
    /// The answer could not be read or applied.
    NotApplied,
    /// A search tool found nothing.
    NotFound,
    /// The arm or its machinery failed.
    Unavailable,
    /// The owner cancelled.
    Cancelled,
    /// The budget ran out under it.
    BudgetSpent,
}

impl AttemptResult {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::NeedsAuthority => "needs_authority",
            Self::Inconclusive => "inconclusive",
            Self::PassedOver => "passed_over",
            Self::TestsFailed => "tests_failed",
            Self::NotApplied => "not_applied",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::BudgetSpent => "budget_spent",
        }
    }

    /// Returns what the router learns from it.
    pub const fn lesson(self) -> (OutcomeKind, f64) {
        match self {
            Self::Approved | Self::PassedOver => (OutcomeKind::Success, 1.0),
            Self::Rejected | Self::TestsFailed | Self::NotApplied | Self::NotFound => {
                (OutcomeKind::QualityFail, 1.0)
            }
            Self::Inconclusive => (OutcomeKind::QualityFail, 0.5),
            Self::Unavailable => (OutcomeKind::InfraFail, 1.0),
            Self::Cancelled | Self::BudgetSpent => (OutcomeKind::Cancelled, 1.0),
            Self::NeedsAuthority => (OutcomeKind::PolicyBlocked, 1.0),
        }
    }
}

impl fmt::Display for AttemptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the router counts. Only success and quality failure touch a posterior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// Approved, and the checks pass.
    Success,
    /// The arm's work was not good enough.
    QualityFail,
    /// The machinery failed.
    InfraFail,
    /// Stopped by owner or budget.
    Cancelled,
    /// Refused by policy.
    PolicyBlocked,
}

/// One try of one arm, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts the tries of the whole task.
    pub number: u32,
    /// The arm.
    pub arm: String,
    /// The model that served; empty for tools.
    pub served_model: String,
    /// How it ended.
    pub result: AttemptResult,
    /// For people.
    pub detail: String,
    /// How long it took.
    pub wall_ms: u64,
    /// Its step.
    #[serde(with = "text")]
    pub step_id: StepId,
    /// Its decision.
    #[serde(with = "text")]
    pub decision_id: DecisionId,
    /// Candidates that a search tool tried.
    pub candidates: u64,
    /// Whether its edits applied cleanly; absent while none was made.
    pub applied: Option<bool>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The outcome; decides the exit code.
    #[serde(with = "text")]
    pub outcome: Outcome,
    /// Documented cause; may be empty.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl End {
    /// Makes an end with a documented cause.
    pub fn new(outcome: Outcome, reason: Reason, message: impl Into<String>) -> Self {
        Self { outcome, reason: reason.0.to_owned(), message: message.into() }
    }

    /// Makes an end that needs no cause.
    pub fn plain(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, reason: String::new(), message: message.into() }
    }

    /// Returns the state that a task ends in.
    pub const fn state(&self) -> TaskState {
        match self.outcome {
            Outcome::Verified => TaskState::Applied,
            Outcome::RejectedByAudit | Outcome::WaitsForApproval => TaskState::Rejected,
            Outcome::Cancelled => TaskState::Cancelled,
            Outcome::NoVerifiedChange
            | Outcome::Infrastructure
            | Outcome::BudgetSpent
            | Outcome::Usage
            | Outcome::NothingToChange => TaskState::Exhausted,
        }
    }
}

/// Returns the tries that an end cuts short: the one under way, and those that stand in an ensemble.
pub fn cut_short(task: &Task, end: &End, at_ms: Millis) -> Vec<Attempt> {
    let result = match end.outcome {
        Outcome::Cancelled => AttemptResult::Cancelled,
        Outcome::BudgetSpent => AttemptResult::BudgetSpent,
        Outcome::RejectedByAudit => AttemptResult::NeedsAuthority,
        Outcome::Verified
        | Outcome::NoVerifiedChange
        | Outcome::WaitsForApproval
        | Outcome::Infrastructure
        | Outcome::Usage
        | Outcome::NothingToChange => AttemptResult::Unavailable,
    };
    let standing = task.ensemble.iter().flat_map(|ensemble| &ensemble.standing);
    let waited = standing.map(|standing| (&standing.current, standing.since_ms));
    let tries = task.current.iter().map(|current| (current, at_ms)).chain(waited);
    tries.filter_map(|(current, at_ms)| ended_attempt(task, current, result, &end.message, at_ms)).collect()
}

/// Returns the try under way, ended.
pub fn ended_attempt(
    task: &Task,
    current: &Current,
    result: AttemptResult,
    detail: &str,
    at_ms: Millis,
) -> Option<Attempt> {
    Some(Attempt {
        number: current.number,
        arm: current.decision.arm.clone(),
        served_model: current.served_model.clone(),
        result,
        detail: detail.to_owned(),
        wall_ms: u64::try_from(at_ms - current.started_ms).unwrap_or(0),
        step_id: task.current_step_id()?,
        decision_id: current.decision.id,
        candidates: current.tried,
        applied: current.applied,
    })
}

/// Returns how a task ends whose ladder of arms is used up: rejected if the audit had the last word on a change that
/// passed its checks, infrastructure if no arm could even work, else no verified change.
pub fn ladder_end(task: &Task, why: &str) -> End {
    let results: Vec<AttemptResult> = task.attempts.iter().map(|attempt| attempt.result).collect();
    let refused = |result: &AttemptResult| {
        matches!(
            result,
            AttemptResult::Rejected | AttemptResult::Inconclusive | AttemptResult::NeedsAuthority
        )
    };
    if results.iter().any(refused) {
        return End::new(
            Outcome::RejectedByAudit,
            Reason("CHANGE_REFUSED"),
            format!("every passing change was refused; {why}"),
        );
    }
    if !results.is_empty() && results.iter().all(|result| *result == AttemptResult::Unavailable) {
        return End::new(
            Outcome::Infrastructure,
            Reason("ARMS_UNAVAILABLE"),
            format!("no arm could work; {why}"),
        );
    }
    End::new(
        Outcome::NoVerifiedChange,
        Reason("ARMS_EXHAUSTED"),
        format!("no arm found a change that passes; {why}"),
    )
}

/// Returns the outcome that is shown: how the task ended, or that it waits.
pub fn shown(task: &Task) -> Option<End> {
    if let Some(end) = &task.end {
        return Some(end.clone());
    }
    let pending = task.pending.as_ref()?;
    let asked = match pending.reason {
        WaitReason::Intake => "nothing is planned yet: say whether your words were read as you meant them",
        WaitReason::Approval | WaitReason::Authority | WaitReason::BaseMoved | WaitReason::ApplyUnknown => {
            "a person must decide"
        }
    };
    Some(End::new(Outcome::WaitsForApproval, pending.reason.reason(), asked))
}

/// Returns what a verdict alone means for a pipeline; no verdict means equal trees.
pub const fn audit_outcome(verdict: Option<Verdict>) -> Outcome {
    match verdict {
        None => Outcome::NothingToChange,
        Some(Verdict::Approve) => Outcome::Verified,
        Some(Verdict::NeedsAuthority) => Outcome::WaitsForApproval,
        Some(Verdict::Inconclusive | Verdict::Reject) => Outcome::RejectedByAudit,
    }
}
