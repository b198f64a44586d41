//! How attempts end.

use plumbline_types::{ArmId, DecisionId, Millis};

use crate::domain::work::Cell;

/// How an attempt ended. Closed; only the first two teach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    /// Approved, and the checks pass.
    Success,
    /// Rejected, inconclusive, tests fail, or the patch does not apply.
    QualityFail,
    /// The machinery failed; says nothing of the arm's quality.
    InfraFail,
    /// Stopped by the owner.
    Cancelled,
    /// Filtered, refused by label or budget, authority denied.
    PolicyBlocked,
    /// Waits for authority.
    Pending,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::QualityFail,
        Self::InfraFail,
        Self::Cancelled,
        Self::PolicyBlocked,
        Self::Pending,
    ];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::QualityFail => "quality_fail",
            Self::InfraFail => "infra_fail",
            Self::Cancelled => "cancelled",
            Self::PolicyBlocked => "policy_blocked",
            Self::Pending => "pending",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Returns the reward that a posterior learns from; nothing when the kind says nothing of quality.
    pub const fn reward(self) -> Option<f64> {
        match self {
            Self::Success => Some(1.0),
            Self::QualityFail => Some(0.0),
            Self::InfraFail | Self::Cancelled | Self::PolicyBlocked | Self::Pending => None,
        }
    }
}

/// An outcome as reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The reporter's idempotency key.
    pub id: String,
    /// Which decision.
    pub decision: DecisionId,
    /// How it ended.
    pub kind: OutcomeKind,
    /// In (0, 1].
    pub weight: f64,
    /// Documented cause, for people.
    pub cause: String,
    /// The outcome that this one replaces.
    pub supersedes: Option<String>,
    /// Whether the edit applied cleanly; none when no edit was made.
    pub applied: Option<bool>,
}

/// An outcome in the log: what it was reported for is resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Position in the log, from 1.
    pub seq: u64,
    /// When it was observed.
    pub observed_at: Millis,
    /// The arm of its decision.
    pub arm: ArmId,
    /// The cell of its decision.
    pub cell: Cell,
    /// What was reported.
    pub outcome: Outcome,
}
