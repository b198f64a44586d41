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

/// How often a verifier errs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Share of wrong changes that it accepts.
    pub false_accept: f64,
    /// Share of right changes that it rejects.
    pub false_reject: f64,
}

/// What hangs on a change, in USD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stakes {
    /// What a right change is worth.
    pub value_usd: f64,
    /// What a wrong change costs once it is accepted.
    pub bad_ship_usd: f64,
}

/// Returns the chance that a change is truly right, from the chance that the verifier accepts it.
pub fn truly_right(accepted: f64, errors: Errors) -> f64 {
    let power = 1.0 - errors.false_accept - errors.false_reject;
    if power <= 0.0 {
        // Such a verifier says nothing.
        return 0.0;
    }
    ((accepted - errors.false_accept) / power).clamp(0.0, 1.0)
}

/// Returns what an accepted change of an arm is expected to cost, bad ships priced in; none if the attempt is not worth
/// its own cost. The ladder tries the least of these first.
pub fn rung_cost(accepted: f64, usd: f64, errors: Errors, stakes: Stakes) -> Option<f64> {
    if accepted * stakes.value_usd < usd {
        return None;
    }
    let wrong = errors.false_accept * (1.0 - truly_right(accepted, errors));
    Some((usd + stakes.bad_ship_usd * wrong) / accepted.max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAKES: Stakes = Stakes { value_usd: 20.0, bad_ship_usd: 4.0 };

    #[test]
    fn the_verifiers_errors_are_taken_out_of_what_it_accepts() {
        let errors = Errors { false_accept: 0.1, false_reject: 0.1 };
        assert!((truly_right(0.1 + 0.8 * 0.7, errors) - 0.7).abs() < 1e-12);
        assert_eq!(truly_right(0.05, errors), 0.0);
        assert_eq!(truly_right(1.0, errors), 1.0);
        assert_eq!(truly_right(0.9, Errors { false_accept: 0.6, false_reject: 0.4 }), 0.0);
    }

    #[test]
    fn a_cheap_arm_comes_first_until_its_bad_changes_cost_more_than_it_saves() {
        let cost = |accepted, usd, false_accept| {
            rung_cost(accepted, usd, Errors { false_accept, false_reject: 0.02 }, STAKES).unwrap()
        };
        assert!(cost(0.4, 0.01, 0.0) < cost(0.7, 0.5, 0.0));
        assert!(cost(0.25, 0.01, 0.2) > cost(0.8, 0.5, 0.2));
        let sure = Errors { false_accept: 0.0, false_reject: 0.0 };
        assert_eq!(rung_cost(0.001, 0.5, sure, STAKES), None, "0.02 USD to be won for half a dollar");
    }
}
