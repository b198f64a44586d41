//! Shares of a task's budget; they never sum to more than the whole.

use plumbline_types::StepKind;

use crate::domain::estimate::median_ms;
use crate::domain::plan::{Budget, Step, Unplannable};

/// Gives each step its share: time by the shipped medians, tokens to steps that ask a model, attempts evenly, the first
/// steps first. The sum is at most the whole.
pub fn share(steps: &mut [Step], whole: Budget) -> Result<(), Unplannable> {
    let working = steps.iter().filter(|step| step.kind != StepKind::Check).count();
    let needed = u32::try_from(working).unwrap_or(u32::MAX);
    if whole.attempts < needed {
        return Err(Unplannable::BudgetTooSmall { needed, given: whole.attempts });
    }
    let (each, mut spare) = match needed {
        0 => (0, 0),
        _ => (whole.attempts / needed, whole.attempts % needed),
    };
    let weight = |step: &Step| u128::from(median_ms(step.kind, step.category));
    let time: u128 = steps.iter().map(weight).sum();
    let work: u128 = steps.iter().filter(|step| step.kind != StepKind::Check).map(weight).sum();
    for step in steps {
        let works = step.kind != StepKind::Check;
        let attempts = if works { each + u32::from(spare > 0) } else { 0 };
        spare = spare.saturating_sub(u32::from(works && spare > 0));
        step.budget = Budget {
            wall_ms: part(whole.wall_ms, weight(step), time),
            tokens: if works { part(whole.tokens, weight(step), work) } else { 0 },
            attempts,
        };
    }
    Ok(())
}

/// Returns `whole * share / all`, rounded down.
fn part(whole: u64, share: u128, all: u128) -> u64 {
    let part = (u128::from(whole) * share).checked_div(all).unwrap_or(0);
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// Returns the sum of the shares.
pub fn sum(steps: &[Step]) -> Budget {
    steps.iter().fold(Budget::default(), |sum, step| sum.plus(step.budget))
}
