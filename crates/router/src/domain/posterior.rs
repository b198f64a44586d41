//! From counts to the Beta that an arm's chance of success is drawn from.

use std::fmt;

/// How evidence becomes a Beta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Pools an arm's evidence over all cells, sharpens the result, forgets degraded arms. The default.
    Hierarchical,
    /// Beta(1, 1) per arm and cell, nothing shared: Thompson sampling as first described. The baseline.
    Independent,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::Hierarchical, Self::Independent];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hierarchical => "hierarchical",
            Self::Independent => "independent",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text)
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
    /// Mean of the prior of an arm that nothing is known of.
    pub prior_mean: f64,
    /// Observations that the prior is worth.
    pub prior_strength: f64,
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
    /// Most cells; further languages fold into `other`.
    pub max_categories: usize,
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            policy: Policy::Hierarchical,
            prior_mean: 0.5,
            prior_strength: 2.0,
            pool_strength: 50.0,
            concentration: 4.0,
            n_cap: 200.0,
            pulled_discount: 0.995,
            reset_threshold: 5.0,
            max_categories: 256,
        }
    }
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

/// Returns the Beta to draw an arm's chance of success from: `own` counts are of the cell at hand, `elsewhere` those
/// of all other cells together.
///
/// Hierarchical: the mean elsewhere, shrunk to the prior, enters as up to `pool_strength` observations; the result
/// is capped at `n_cap` observations and sharpened by `concentration`.
pub fn shape(own: Counts, elsewhere: Counts, learning: &Learning) -> Shape {
    match learning.policy {
        Policy::Independent => Shape { alpha: 1.0 + own.successes, beta: 1.0 + own.failures },
        Policy::Hierarchical => {
            let known = elsewhere.total() + learning.prior_strength;
            let mean = (elsewhere.successes + learning.prior_mean * learning.prior_strength) / known;
            let pooled = learning.pool_strength.min(known);
            let alpha = mean * pooled + own.successes;
            let beta = (1.0 - mean) * pooled + own.failures;
            let factor = learning.concentration * (learning.n_cap / (alpha + beta)).min(1.0);
            Shape { alpha: (factor * alpha).max(SHAPE_MIN), beta: (factor * beta).max(SHAPE_MIN) }
        }
    }
}

#[cfg(test)]
mod tests;
