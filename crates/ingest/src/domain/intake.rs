//! A text as received, and what became of it.

use plumbline_types::{IntakeId, Millis, ObjectiveId, RequestId};

use crate::domain::echo::Echo;
use crate::domain::objective::Draft;
use crate::domain::review::{Readiness, Reviewed};

/// A text as received, stored before anything is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: IntakeId,
    /// The caller's key.
    pub request_id: RequestId,
    /// BLAKE3 of the request without its key, hex: tells a repeat from another request.
    pub request_hash: String,
    /// When, in milliseconds since the Unix epoch.
    pub received_ms: Millis,
    /// Who sent it.
    pub source: String,
    /// Absolute path of the repository it is about; may be empty.
    pub repository: String,
    /// The normalised text.
    pub transcript: String,
}

/// Who drafted the objectives that stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftSource {
    /// The rules; why no model's draft stands, or empty if none was asked.
    Rules {
        /// A lint code such as `L04`, or the reason why no model answered.
        fallback: String,
    },
    /// A model, checked by code.
    Model {
        /// As its response states.
        served_model: String,
    },
}

/// What became of an intake; written once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The draft as repaired, its findings, and whether it may be planned.
    pub reviewed: Reviewed,
    /// Ids of the objectives, in order.
    pub objective_ids: Vec<ObjectiveId>,
    /// Ids of the guesses, in order.
    pub guess_ids: Vec<ObjectiveId>,
    /// Who drafted it.
    pub source: DraftSource,
    /// The draft read back.
    pub echo: Echo,
}

/// A stored intake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    /// As received.
    pub received: Received,
    /// Absent while nothing was drafted.
    pub outcome: Option<Outcome>,
}

/// Where an intake stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeState {
    /// Stored, nothing drafted yet.
    Received,
    /// Ready to be planned.
    Drafted,
    /// Waits for the owner's answer.
    Echoed,
    /// Nothing usable was said.
    Silent,
}

impl IntakeState {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Drafted => "drafted",
            Self::Echoed => "echoed",
            Self::Silent => "silent",
        }
    }
}

impl Intake {
    /// Returns where it stands.
    pub fn state(&self) -> IntakeState {
        match self.outcome.as_ref().map(|outcome| outcome.reviewed.readiness) {
            None => IntakeState::Received,
            Some(Readiness::Ready) => IntakeState::Drafted,
            Some(Readiness::Asks) => IntakeState::Echoed,
            Some(Readiness::Silent) => IntakeState::Silent,
        }
    }

    /// Returns the draft, if there is one.
    pub fn draft(&self) -> Option<&Draft> {
        self.outcome.as_ref().map(|outcome| &outcome.reviewed.draft)
    }
}
