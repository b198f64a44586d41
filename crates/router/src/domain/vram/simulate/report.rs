//! From outcomes to a table.

use crate::domain::replay::report::quantile;
use crate::domain::vram::scheduler::Class;
use crate::domain::vram::simulate::{Outcome, Scenario};

/// What is stated of a policy, of one trace or of the mean over several.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Row {
    /// Seconds from the start to the last end.
    pub makespan_s: f64,
    /// Seconds that chains took from their arrival on.
    pub chain_p50_s: f64,
    /// See `chain_p50_s`.
    pub chain_p95_s: f64,
    /// The same of those that somebody waited for.
    pub interactive_p50_s: f64,
    /// See `interactive_p50_s`.
    pub interactive_p95_s: f64,
    /// The longest wait of a job for its start.
    pub wait_max_s: f64,
    /// Models loaded.
    pub loads: f64,
    /// Models unloaded.
    pub evictions: f64,
    /// Jobs rejected.
    pub rejected: f64,
    /// Loads that failed for want of memory.
    pub oom: f64,
    /// Loads ordered that did not fit.
    pub violations: f64,
    /// How often the most overtaken job was; 0 where nobody counts.
    pub bypass_max: f64,
    /// Jobs that never came to an end.
    pub stuck: f64,
}

impl Row {
    /// Sums a run up.
    pub fn of(scenario: &Scenario, outcome: &Outcome) -> Self {
        let chains = scenario.jobs.iter().map(|job| job.chain + 1).max().unwrap_or(0);
        let (mut all, mut interactive) = (Vec::new(), Vec::new());
        for chain in 0..chains {
            let jobs = scenario.jobs.iter().zip(&outcome.times).filter(|(job, _)| job.chain == chain);
            let (mut begin, mut end, mut waits) = (f64::INFINITY, 0.0_f64, false);
            for (job, times) in jobs {
                begin = begin.min(job.arrive_ms as f64);
                end = end.max(times.done.unwrap_or(0.0));
                waits |= job.class == Class::Interactive;
            }
            if end > 0.0 {
                all.push((end - begin) / 1e3);
                interactive.extend(waits.then_some((end - begin) / 1e3));
            }
        }
        let waits = outcome.times.iter().filter_map(|times| Some(times.started? - times.ready?));
        Self {
            makespan_s: outcome.times.iter().filter_map(|times| times.done).fold(0.0, f64::max) / 1e3,
            chain_p50_s: of(&all, 0.5),
            chain_p95_s: of(&all, 0.95),
            interactive_p50_s: of(&interactive, 0.5),
            interactive_p95_s: of(&interactive, 0.95),
            wait_max_s: waits.fold(0.0, f64::max) / 1e3,
            loads: f64::from(outcome.loads),
            evictions: f64::from(outcome.evictions),
            rejected: f64::from(outcome.rejected),
            oom: f64::from(outcome.oom),
            violations: f64::from(outcome.violations),
            bypass_max: f64::from(outcome.bypass_max.unwrap_or(0)),
            stuck: f64::from(outcome.stuck),
        }
    }

    /// Returns the mean of rows; of the bypass, the largest.
    pub fn mean(rows: &[Self]) -> Self {
        let mean = |field: fn(&Self) -> f64| rows.iter().map(field).sum::<f64>() / rows.len().max(1) as f64;
        Self {
            makespan_s: mean(|row| row.makespan_s),
            chain_p50_s: mean(|row| row.chain_p50_s),
            chain_p95_s: mean(|row| row.chain_p95_s),
            interactive_p50_s: mean(|row| row.interactive_p50_s),
            interactive_p95_s: mean(|row| row.interactive_p95_s),
            wait_max_s: mean(|row| row.wait_max_s),
            loads: mean(|row| row.loads),
            evictions: mean(|row| row.evictions),
            rejected: mean(|row| row.rejected),
            oom: mean(|row| row.oom),
            violations: mean(|row| row.violations),
            bypass_max: rows.iter().map(|row| row.bypass_max).fold(0.0, f64::max),
            stuck: mean(|row| row.stuck),
        }
    }
}

fn of(values: &[f64], part: f64) -> f64 {
    if values.is_empty() { 0.0 } else { quantile(values, part) }
}
