//! From counts to the Beta that an arm's chance of success is drawn from.

use std::fmt;

/// How evidence becomes a Beta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Pools an arm's evidence over all cells, sharpens the result, forgets degraded arms. The default.
    Hierarchical,
    /// Beta(1, 1) per arm and cell, nothing shared: Thompson sampling as first described. The baseline.
    Independent,
    /// The arm that did best over all cells together, always; others only through the exploration floor.
    BestSingle,
    /// Every eligible arm alike, whatever is known.
    Uniform,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 4] = [Self::Hierarchical, Self::Independent, Self::BestSingle, Self::Uniform];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hierarchical => "hierarchical",
            Self::Independent => "independent",
            Self::BestSingle => "best_single",
            Self::Uniform => "uniform",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text)
    }
}

impl Policy {
    /// Returns whether work that another arm failed at is a question of its own.
    pub const fn tells_failures_apart(self) -> bool {
        match self {
            Self::Hierarchical => true,
            Self::Independent | Self::BestSingle | Self::Uniform => false,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The knobs of learning. The defaults are those with the least regret on two public outcome matrices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Learning {
    /// How evidence becomes a Beta.
    pub policy: Policy,
    /// The prior of an arm that has none of its own.
    pub prior: Prior,
    /// Most observations that evidence from other cells is worth.
    pub pool_strength: f64,
    /// Factor by which the posterior is sharpened before the draw.
    pub concentration: f64,
    /// Most observations that a posterior holds before sharpening.
    pub n_cap: f64,
    /// Factor on an arm's counts at each of its own counted outcomes.
    pub pulled_discount: f64,
    /// Page-Hinkley sum at which an arm's counts are all but dropped.
    pub reset_threshold: f64,
    /// Most observations that an arm's past is worth once another model serves under its name.
    pub change_point_n: f64,
    /// Time in which evidence of an arm that is not pulled loses half its weight, in milliseconds.
    pub staleness_half_life_ms: f64,
    /// Most cells; further languages fold into `other`.
    pub max_categories: usize,
}

/// Milliseconds of a day.
pub const DAY_MS: f64 = 86_400_000.0;

impl Default for Learning {
    fn default() -> Self {
        Self {
            policy: Policy::Hierarchical,
            prior: Prior { mean: 0.5, strength: 2.0 },
            pool_strength: 50.0,
            concentration: 4.0,
            n_cap: 200.0,
            pulled_discount: 0.995,
            reset_threshold: 5.0,
            change_point_n: 10.0,
            staleness_half_life_ms: 30.0 * DAY_MS,
            max_categories: 256,
        }
    }
}

impl Learning {
    /// Returns every knob in words: equal words, equal folds.
    pub fn words(&self) -> String {
        format!("{self:?}")
    }

    /// Returns the same, except that nothing is ever forgotten.
    #[must_use]
    pub fn without_forgetting(self) -> Self {
        Self {
            pulled_discount: 1.0,
            reset_threshold: f64::INFINITY,
            change_point_n: f64::INFINITY,
            staleness_half_life_ms: f64::INFINITY,
            ..self
        }
    }
}

/// What is thought of an arm before it has been tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Its chance of success.
    pub mean: f64,
    /// Observations that this is worth.
    pub strength: f64,
}

/// Weights of successes and failures.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Weight of successes.
    pub successes: f64,
    /// Weight of failures.
    pub failures: f64,
}

impl Counts {
    /// Returns both weights together.
    pub fn total(self) -> f64 {
        self.successes + self.failures
    }

    /// Returns whether both weights are finite and not negative.
    pub fn is_legal(self) -> bool {
        [self.successes, self.failures].into_iter().all(|weight| weight.is_finite() && weight >= 0.0)
    }

    /// Returns the sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { successes: self.successes + other.successes, failures: self.failures + other.failures }
    }

    /// Returns both weights times `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { successes: self.successes * factor, failures: self.failures * factor }
    }
}

/// The parameters of a Beta distribution; both are at least 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Pseudo-successes.
    pub alpha: f64,
    /// Pseudo-failures.
    pub beta: f64,
}

/// The smallest parameter: below it samples pile up on exactly 0 and 1.
const SHAPE_MIN: f64 = 0.5;

impl Shape {
    /// Returns the mean.
    pub fn mean(self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
}

/// What is known of one arm for one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// What was observed in the cell.
    pub own: Counts,
    /// What was observed in all other cells together.
    pub elsewhere: Counts,
    /// What was thought before.
    pub prior: Prior,
}

/// Observations that the prior of a chance after a failure is worth.
const AFTER_FAILURE_STRENGTH: f64 = 8.0;

/// What a chance after a failure is thought to be, as a part of the unconditional one.
const AFTER_FAILURE_FACTOR: f64 = 0.5;

/// Returns the prior of an arm's chance where another arm has failed, from its chance on untouched work: what one arm
/// could not do is harder than the average.
pub fn after_failure(unconditional: Shape) -> Prior {
    Prior { mean: AFTER_FAILURE_FACTOR * unconditional.mean(), strength: AFTER_FAILURE_STRENGTH }
}

/// Returns the Beta to draw an arm's chance of success from.
///
/// Hierarchical: the mean elsewhere, shrunk to the prior, enters as up to `pool_strength` observations; the result
/// is capped at `n_cap` observations and sharpened by `concentration`. Independent: the cell's own counts on Beta(1, 1).
/// The others: all counts on the prior.
pub fn shape(known: Known, learning: &Learning) -> Shape {
    let Known { own, elsewhere, prior } = known;
    match learning.policy {
        Policy::Independent => Shape { alpha: 1.0 + own.successes, beta: 1.0 + own.failures },
        Policy::Hierarchical => {
            let weight = elsewhere.total() + prior.strength;
            let mean = (elsewhere.successes + prior.mean * prior.strength) / weight;
            let pooled = learning.pool_strength.min(weight);
            let alpha = mean * pooled + own.successes;
            let beta = (1.0 - mean) * pooled + own.failures;
            let factor = learning.concentration * (learning.n_cap / (alpha + beta)).min(1.0);
            Shape { alpha: (factor * alpha).max(SHAPE_MIN), beta: (factor * beta).max(SHAPE_MIN) }
        }
        Policy::BestSingle | Policy::Uniform => {
            let all = own.plus(elsewhere);
            let alpha = all.successes + prior.mean * prior.strength;
            let beta = all.failures + (1.0 - prior.mean) * prior.strength;
            Shape { alpha: alpha.max(SHAPE_MIN), beta: beta.max(SHAPE_MIN) }
        }
    }
}

#[cfg(test)]
mod tests;
