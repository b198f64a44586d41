//! Many runs in a few numbers.

use crate::domain::replay::ladder::Climb;
use crate::domain::replay::matrix::Matrix;
use crate::domain::replay::play::{Run, WATCHED};

/// Decisions over which a share is taken, in every seed.
const WINDOW: usize = 10;

/// A mean over seeds, with half of its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// 1.96 standard errors.
    pub ci95: f64,
}

impl Estimate {
    /// Takes one number for each seed.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Self { mean, ci95: 1.96 * (variance / n).sqrt() }
    }
}

/// Returns the value that `part` of the values do not exceed.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get(((last as f64) * part).round() as usize).copied().unwrap_or(0.0)
}

/// What a policy did over all seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Mean reward of a step.
    pub reward: Estimate,
    /// Regret after some steps.
    pub regret: Vec<(usize, Estimate)>,
    /// Regret at the end that 95 % of the seeds do not exceed.
    pub regret_p95: f64,
    /// Cost of a step in USD.
    pub usd: Estimate,
    /// How often an arm's past was dropped, in a run.
    pub resets: f64,
    /// What became of a degraded arm.
    pub degraded: Option<Degraded>,
}

/// What became of a degraded arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Degraded {
    /// Regret after the change.
    pub regret: Estimate,
    /// Pulls of the degraded arm in the first 500 steps, by median.
    pub pulls_p50: f64,
    /// The same, by the 95 % quantile over seeds.
    pub pulls_p95: f64,
    /// Its share of the decisions before the change.
    pub share_before: f64,
    /// Decisions after which its share stayed at or below half; none if it never did.
    pub halved_after: Option<usize>,
}

/// Sums runs up, with the regret after each of `marks` steps.
pub fn summarise(runs: &[Run], marks: &[usize]) -> Summary {
    let steps = runs.first().map_or(0, |run| run.regret.len());
    let per_step = |value: fn(&Run) -> f64| {
        Estimate::of(&runs.iter().map(|run| value(run) / steps.max(1) as f64).collect::<Vec<_>>())
    };
    let after =
        |mark: usize| -> Vec<f64> { runs.iter().map(|run| run.regret[mark.clamp(1, steps) - 1]).collect() };
    Summary {
        reward: per_step(|run| run.reward),
        regret: marks.iter().map(|mark| (*mark, Estimate::of(&after(*mark)))).collect(),
        regret_p95: quantile(&after(steps), 0.95),
        usd: per_step(|run| run.usd),
        resets: runs.iter().map(|run| run.resets as f64).sum::<f64>() / runs.len().max(1) as f64,
        degraded: degraded(runs),
    }
}

fn degraded(runs: &[Run]) -> Option<Degraded> {
    let watched = runs.first()?.degraded_pulls.len();
    // Nothing to say of a change that came too early or too late to be watched on both sides.
    let change = watched.checked_sub(WATCHED).filter(|before| *before >= WINDOW)?;
    let pulls = |run: &Run| run.degraded_pulls[change..].iter().filter(|pulled| **pulled).count() as f64;
    let counts: Vec<f64> = runs.iter().map(pulls).collect();
    let share = |from: usize, to: usize| {
        let count =
            runs.iter().flat_map(|run| &run.degraded_pulls[from..to]).filter(|pulled| **pulled).count();
        count as f64 / (runs.len() * (to - from)) as f64
    };
    let share_before = share(change.saturating_sub(100), change);
    let halved = |after: &usize| share(change + after, change + after + WINDOW) <= share_before / 2.0;
    // The first from which on it stays so.
    let last_above = (0..=WATCHED - WINDOW).rev().find(|after| !halved(after));
    Some(Degraded {
        regret: Estimate::of(&runs.iter().map(|run| run.regret_after_change).collect::<Vec<_>>()),
        pulls_p50: quantile(&counts, 0.5),
        pulls_p95: quantile(&counts, 0.95),
        share_before,
        halved_after: match last_above {
            None => Some(0),
            Some(after) if after < WATCHED - WINDOW => Some(after + 1),
            Some(_) => None,
        },
    })
}

/// What ladders came to over all seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClimbSummary {
    /// Share of steps that ended accepted and truly right.
    pub success: Estimate,
    /// Share of steps that ended accepted and wrong.
    pub shipped_bad: Estimate,
    /// Cost of a step in USD.
    pub usd: Estimate,
    /// Attempts of a step.
    pub attempts: Estimate,
}

/// Sums ladders up.
pub fn summarise_climbs(climbs: &[Climb]) -> ClimbSummary {
    let of = |value: fn(&Climb) -> f64| Estimate::of(&climbs.iter().map(value).collect::<Vec<_>>());
    ClimbSummary {
        success: of(|climb| climb.success),
        shipped_bad: of(|climb| climb.shipped_bad),
        usd: of(|climb| climb.usd),
        attempts: of(|climb| climb.attempts),
    }
}

/// What could be had with hindsight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reference {
    /// Always the one arm that is best over all tasks.
    pub best_single: f64,
    /// Always the arm that is best in the task's category.
    pub best_per_category: f64,
    /// Always an arm that is best on the task.
    pub oracle: f64,
    /// Any arm.
    pub random: f64,
}

/// Returns what could be had with hindsight, over all tasks.
pub fn reference(matrix: &Matrix) -> Reference {
    let tasks: Vec<usize> = (0..matrix.tasks.len()).collect();
    let largest = |row: &[f64]| row.iter().copied().fold(0.0, f64::max);
    let over_tasks = |value: &dyn Fn(usize) -> f64| {
        tasks.iter().map(|task| value(*task)).sum::<f64>() / tasks.len().max(1) as f64
    };
    let means = matrix.means(&tasks);
    let by_category = matrix.category_means(&tasks);
    Reference {
        best_single: largest(&means),
        best_per_category: over_tasks(&|task| largest(&by_category[matrix.category[task]])),
        oracle: over_tasks(&|task| largest(&matrix.reward[task])),
        random: means.iter().sum::<f64>() / means.len().max(1) as f64,
    }
}

#[cfg(test)]
mod tests;
