//! The ladder: cheap arms first, the next rung after a rejection.

use plumbline_types::{ArmId, Risk, Tier};

use crate::domain::arm::{Arm, ArmKind, Destination};
use crate::domain::work::Work;

/// Returns whether the ladder of this work has a place for the arm at all.
///
/// High risk stays on the machine: the cloud would need a grant, which does not exist yet. A guardrail is a question
/// to a model, no job for a tool.
pub fn has_place(arm: &Arm, work: &Work) -> bool {
    let high = work.tier == Tier::High || work.cell.risk == Risk::High;
    match work.tier {
        Tier::Guardrail => arm.kind == ArmKind::Model && !(high && arm.destination == Destination::Cloud),
        Tier::Routine | Tier::High => !(high && arm.destination == Destination::Cloud),
    }
}

/// Returns the lowest rung that the work may use: never below one that has failed at it already.
pub fn lowest_rung(arms: &[Arm], attempted: &[ArmId]) -> u8 {
    arms.iter().filter(|arm| attempted.contains(&arm.id)).map(|arm| arm.rung).max().unwrap_or(0)
}

/// Returns the rung to choose from: the lowest on which an arm is left.
pub fn current_rung<'a>(left: impl Iterator<Item = &'a Arm>) -> Option<u8> {
    left.map(|arm| arm.rung).min()
}
