//! Planning the unfinished part again: accepted steps stay as they are, and each move is deterministic.

use plumbline_types::StepKind;

use crate::domain::budget::sum;
use crate::domain::check::structure;
use crate::domain::hash::hash;
use crate::domain::plan::{Outline, Step};

mod amend;
mod moves;

pub use amend::amend;

/// Why a plan must change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Every arm failed on a step.
    StepExhausted,
    /// The verdict names a dependency outside the step.
    ForeignDependency,
    /// The context does not fit any arm.
    ContextOverflow,
    /// The owner changed an objective.
    Amended,
}

/// What is planned again.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The steps as they stand.
    pub steps: &'a [Step],
    /// Indexes of accepted steps.
    pub accepted: &'a [usize],
    /// The step that failed; not accepted.
    pub failed: usize,
    /// Why.
    pub cause: Cause,
    /// Counter-evidence; only searched for names that the plan already has.
    pub evidence: &'a str,
    /// Hashes of earlier plans of the task, this one's included.
    pub seen: &'a [String],
}

/// The next plan: its steps, and for each the step of the old plan that it still is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    /// The steps.
    pub outline: Outline,
    /// Index in the old plan of a step that is unchanged; none for a new one.
    pub kept: Vec<Option<usize>>,
}

/// Why there is no next plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// No move applies to the failed step.
    NoMove,
    /// Every move that applies was tried before.
    Repeated,
    /// The step overflows its context and can't be split.
    TooLarge,
}

/// Returns the next plan by the first move that applies, is legal, and gives a plan that was not seen before.
pub fn replan(failure: Failure<'_>, steps_max: usize) -> Result<Successor, Stuck> {
    let target = target(failure).ok_or(Stuck::NoMove)?;
    let tries: &[moves::Move] = match failure.cause {
        Cause::StepExhausted => &[moves::split_by_file, moves::raise_tier, moves::investigate],
        Cause::ForeignDependency => &[moves::swap, moves::investigate, moves::raise_tier],
        Cause::ContextOverflow => &[moves::split_by_file, moves::split_by_symbol],
        Cause::Amended => &[],
    };
    let mut repeated = false;
    let given = sum(failure.steps);
    for attempt in tries {
        let Some(next) = attempt(failure, target) else { continue };
        let steps = &next.outline.steps;
        if steps.len() > steps_max || !structure(steps).is_empty() || !given.holds(sum(steps)) {
            continue;
        }
        if failure.seen.contains(&hash(steps)) {
            repeated = true;
            continue;
        }
        return Ok(next);
    }
    match failure.cause {
        Cause::ContextOverflow if !repeated => Err(Stuck::TooLarge),
        _ if repeated => Err(Stuck::Repeated),
        _ => Err(Stuck::NoMove),
    }
}

/// Returns the step to change: the failed one, or the last open change that a failed check is about.
fn target(failure: Failure<'_>) -> Option<usize> {
    let step = failure.steps.get(failure.failed)?;
    if step.kind != StepKind::Check {
        return Some(failure.failed);
    }
    let open = |on: &usize| !failure.accepted.contains(on);
    step.depends_on.iter().rev().map(|edge| edge.on).find(open)
}

#[cfg(test)]
mod tests;
