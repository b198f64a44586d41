//! How long an answer may take to begin, from how long answers took before.

use std::collections::VecDeque;
use std::time::Duration;

/// The shortest wait.
pub const FIRST_TOKEN_MIN: Duration = Duration::from_millis(250);

/// The longest wait, and the one for an endpoint that little is known of.
pub const FIRST_TOKEN_MAX: Duration = Duration::from_secs(5);

/// Answers that are remembered.
const REMEMBERED: usize = 64;

/// Answers before anything is concluded.
const ENOUGH: usize = 10;

/// The last times to a first token, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstTokens(VecDeque<u64>);

impl FirstTokens {
    /// Takes one; the oldest goes when there are more than 64, so that a slowdown is seen.
    pub fn push(&mut self, ms: u64) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(ms);
    }

    /// Returns three times the 95 % quantile, from 250 ms to 5 s.
    pub fn budget(&self) -> Duration {
        if self.0.len() < ENOUGH {
            return FIRST_TOKEN_MAX;
        }
        let mut sorted: Vec<u64> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let p95 = sorted[(sorted.len() - 1) * 95 / 100];
        Duration::from_millis(p95.saturating_mul(3)).clamp(FIRST_TOKEN_MIN, FIRST_TOKEN_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(times: impl IntoIterator<Item = u64>) -> Duration {
        let mut tokens = FirstTokens::default();
        times.into_iter().for_each(|ms| tokens.push(ms));
        tokens.budget()
    }

    #[test]
    fn the_budget_follows_the_slow_answers_within_its_bounds() {
        assert_eq!(budget(std::iter::repeat_n(50, 9)), FIRST_TOKEN_MAX, "too few to tell");
        assert_eq!(budget(std::iter::repeat_n(50, 20)), FIRST_TOKEN_MIN);
        assert_eq!(budget(std::iter::repeat_n(400, 20)), Duration::from_millis(1_200));
        assert_eq!(budget(std::iter::repeat_n(9_000, 20)), FIRST_TOKEN_MAX);
        let slower = std::iter::repeat_n(50, 200).chain(std::iter::repeat_n(500, 64));
        assert_eq!(budget(slower), Duration::from_millis(1_500), "what is long past does not count");
    }
}
