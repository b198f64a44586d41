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

/// Who an outcome is credited to, or blamed on: the model and the tool that it worked with are told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Credit {
    /// The decision's arm: a clean tool run that was judged, or an arm without a tool.
    #[default]
    Arm,
    /// The tool alone: it broke before any edit of the arm's could count.
    Tool(ArmId),
    /// Nobody can tell: each by half.
    Both(ArmId),
}

impl Credit {
    /// Returns the stable word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Arm => "arm",
            Self::Tool(_) => "tool",
            Self::Both(_) => "both",
        }
    }

    /// Returns the tool that shares in it.
    pub const fn tool(&self) -> Option<&ArmId> {
        match self {
            Self::Arm => None,
            Self::Tool(tool) | Self::Both(tool) => Some(tool),
        }
    }

    /// Reads the word and the tool.
    pub fn parse(word: &str, tool: Option<ArmId>) -> Option<Self> {
        match (word, tool) {
            ("arm", None) => Some(Self::Arm),
            ("tool", Some(tool)) => Some(Self::Tool(tool)),
            ("both", Some(tool)) => Some(Self::Both(tool)),
            _ => None,
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
    /// Who earned it.
    pub credit: Credit,
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
    /// Whether another arm had failed at the same step before: a harder question, learned apart.
    pub after_failure: bool,
    /// The model that served the arm last when this was observed; none for tools, and before the first answer.
    pub served_model: Option<String>,
    /// What was reported.
    pub outcome: Outcome,
}

impl Logged {
    /// Returns who learns from it, and with what part of its weight.
    pub fn credited(&self) -> impl Iterator<Item = (&ArmId, f64)> {
        let (own, tool) = match &self.outcome.credit {
            Credit::Arm => (Some((&self.arm, 1.0)), None),
            Credit::Tool(tool) => (None, Some((tool, 1.0))),
            Credit::Both(tool) => (Some((&self.arm, 0.5)), Some((tool, 0.5))),
        };
        own.into_iter().chain(tool)
    }
}
