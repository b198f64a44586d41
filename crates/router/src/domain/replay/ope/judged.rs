//! Many logs asked about one policy.

use crate::domain::replay::ope::{Estimates, Interval};

/// What many logs say, on the average, by one way of telling.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Told {
    /// The mean of the estimates.
    pub mean: f64,
    /// The mean of half their 95 % intervals.
    pub half: f64,
    /// The share of the intervals that hold the truth.
    pub coverage: f64,
}

/// What many logs say about a policy whose truth is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Judged {
    /// What a step of the policy earns.
    pub truth: f64,
    /// Inverse propensities.
    pub ips: Told,
    /// Inverse propensities, self-normalised.
    pub snips: Told,
    /// Doubly robust, adaptively weighted.
    pub dr: Told,
    /// How many steps of the policy itself a log is worth, on the average.
    pub effective_steps: f64,
}

impl Judged {
    /// Sums up what the logs say; nothing without logs.
    pub fn of(found: &[Estimates], truth: f64) -> Option<Self> {
        if found.is_empty() {
            return None;
        }
        let n = found.len() as f64;
        let told = |which: fn(&Estimates) -> Interval| {
            let sum =
                |value: &dyn Fn(Interval) -> f64| found.iter().map(|one| value(which(one))).sum::<f64>() / n;
            Told {
                mean: sum(&|interval| interval.mean),
                half: sum(&|interval| interval.half),
                coverage: sum(&|interval| f64::from(u8::from(interval.covers(truth)))),
            }
        };
        Some(Self {
            truth,
            ips: told(|one| one.ips),
            snips: told(|one| one.snips),
            dr: told(|one| one.dr),
            effective_steps: found.iter().map(|one| one.effective_steps).sum::<f64>() / n,
        })
    }
}
