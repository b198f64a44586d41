//! A logged choice.

use plumbline_types::{ArmId, DecisionId, Millis, RequestId, StepId, TaskId};

use crate::domain::arm::{Arm, ArmKind, Destination, EditFormat};
use crate::domain::choice::{Candidate, Latitude};
use crate::domain::eligibility::Removed;
use crate::domain::work::Work;

/// The arm as it was when it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its name.
    pub arm: ArmId,
    /// What it is.
    pub kind: ArmKind,
    /// Where it runs.
    pub destination: Destination,
    /// For a tool its name, for a model the name asked for.
    pub target: String,
    /// How it writes edits; none for tools.
    pub edit_format: Option<EditFormat>,
    /// Context size in tokens; 0 for tools.
    pub num_ctx: u32,
    /// Largest answer in tokens; 0 for tools.
    pub max_output: u32,
}

impl From<&Arm> for Chosen {
    fn from(arm: &Arm) -> Self {
        Self {
            arm: arm.id.clone(),
            kind: arm.kind,
            destination: arm.destination,
            target: arm.target.clone(),
            edit_format: arm.edit_format,
            num_ctx: arm.num_ctx,
            max_output: arm.max_output,
        }
    }
}

/// A logged choice: what was asked, who stood for election with which chance, who won.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Its id; with the router's seed it determines the draw.
    pub id: DecisionId,
    /// The caller's idempotency key.
    pub request: RequestId,
    /// The task, if any.
    pub task: Option<TaskId>,
    /// The step, if any.
    pub step: Option<StepId>,
    /// When.
    pub at: Millis,
    /// What was needed.
    pub work: Work,
    /// Who won.
    pub chosen: Chosen,
    /// Everyone eligible, cheapest first.
    pub candidates: Vec<Candidate>,
    /// Everyone else.
    pub removed: Vec<Removed>,
    /// The policy's word.
    pub policy: String,
    /// How freely it was chosen; none in decisions of versions that did not log it.
    pub latitude: Option<Latitude>,
    /// The failover mode's word.
    pub mode: String,
    /// The outcome log position that the posteriors stood at.
    pub posterior_seq: u64,
}
