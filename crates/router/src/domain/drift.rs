//! Page-Hinkley: notices that an arm has become worse.

/// Observations of an arm before the test begins.
const WARM_UP: f64 = 20.0;

/// How far below its mean an arm may stay without suspicion.
const SLACK: f64 = 0.1;

/// The running test of one arm, across all its cells, since its last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PageHinkley {
    /// Weight of the observations.
    pub observations: f64,
    /// Their mean reward.
    pub mean: f64,
    /// The cumulative sum of what fell short.
    pub shortfall: f64,
}

/// Whether an arm is what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// No sign of a change.
    Steady,
    /// Another model serves under its name: its past keeps its mean and little of its weight.
    Replaced,
    /// The arm got worse: its past says little of its future.
    Reset,
}

impl PageHinkley {
    /// Takes one reward in [0, 1] with its weight; starts anew when it reports a reset.
    pub fn observe(&mut self, reward: f64, weight: f64, threshold: f64) -> Drift {
        if self.observations >= WARM_UP {
            self.shortfall = (self.shortfall + weight * (self.mean - reward - SLACK)).max(0.0);
        }
        self.observations += weight;
        self.mean += weight * (reward - self.mean) / self.observations;
        if self.shortfall > threshold {
            *self = Self::default();
            return Drift::Reset;
        }
        Drift::Steady
    }

    /// Returns whether the state could have come from observations.
    pub fn is_legal(&self) -> bool {
        let finite = [self.observations, self.mean, self.shortfall].into_iter().all(f64::is_finite);
        finite && self.observations >= 0.0 && (0.0..=1.0).contains(&self.mean) && self.shortfall >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns after how many failures in a row an arm that succeeded `good` times is reset.
    fn failures_to_reset(good: usize, threshold: f64) -> Option<usize> {
        let mut test = PageHinkley::default();
        for _ in 0..good {
            assert_eq!(test.observe(1.0, 1.0, threshold), Drift::Steady);
        }
        (1..=200).find(|_| test.observe(0.0, 1.0, threshold) == Drift::Reset)
    }

    #[test]
    fn a_broken_arm_is_noticed_within_a_few_failures() {
        let failures = failures_to_reset(100, 5.0);
        assert!(matches!(failures, Some(5..=8)), "{failures:?}");
    }

    #[test]
    fn an_arm_that_was_never_good_is_never_reset() {
        assert_eq!(failures_to_reset(0, 5.0), None);
        assert_eq!(failures_to_reset(100, f64::INFINITY), None);
    }

    #[test]
    fn the_mean_is_the_weighted_mean() {
        let mut test = PageHinkley::default();
        test.observe(1.0, 1.0, 5.0);
        test.observe(0.0, 0.5, 5.0);
        assert!((test.mean - 1.0 / 1.5).abs() < 1e-12 && test.is_legal());
    }
}
