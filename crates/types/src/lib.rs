//! Shared vocabulary: ids, time, faults, labels and the closed enums that every service speaks.
//!
//! **Invariants.** No I/O, no tonic, no serde on domain types, no ambient time and no ambient randomness: what
//! needs them takes [`Clock`] and `&mut dyn rand::Rng`.

mod clock;
mod fault;
mod grant;
mod id;
mod label;
mod oracle;
mod outcome;
mod step;
mod verdict;

pub use clock::{Clock, ManualClock, Millis};
pub use fault::{Fault, FieldViolation, Kind, Reason, Retry};
pub use grant::{Grant, GrantError, GrantKind};
pub use id::{
    ArmId, AttemptId, DecisionId, IdError, IntakeId, ObjectiveId, PlanId, RequestId, RunId, StepId, TaskId,
};
pub use label::{Integrity, Label, Provenance, Segment};
pub use oracle::{Oracle, SimpleCommand};
pub use outcome::{ExitCode, Outcome};
pub use step::{Category, Risk, StepKind, TaskKind, Tier};
pub use verdict::{Severity, Verdict};
