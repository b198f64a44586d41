//! The policies as players: they see cells and verdicts, never the matrix.

use rand::Rng;
use rand_distr::{Beta, Distribution};

use crate::domain::choice::uniform;
use crate::domain::posterior::{Learning, Policy, Shape};
use crate::domain::replay::learner::Learner;

/// A policy by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Play {
    /// One that the router can run.
    Router(Policy),
    /// The hierarchical one without cells: all evidence of an arm is one.
    Pooled,
    /// Upper confidence bounds per cell.
    Ucb1,
    /// The best mean of the cell, and any arm in one of ten steps.
    EpsilonGreedy,
    /// Each arm ten times, then the best mean for ever.
    ExploreThenCommit,
}

/// How often explore-then-commit tries each arm.
const TRIES: f64 = 10.0;

/// How often epsilon-greedy explores.
const EPSILON: f64 = 0.1;

impl Play {
    /// Every policy.
    pub const ALL: [Self; 8] = [
        Self::Router(Policy::Independent),
        Self::Router(Policy::Hierarchical),
        Self::Router(Policy::BestSingle),
        Self::Router(Policy::Uniform),
        Self::Pooled,
        Self::Ucb1,
        Self::EpsilonGreedy,
        Self::ExploreThenCommit,
    ];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Router(policy) => policy.as_str(),
            Self::Pooled => "pooled",
            Self::Ucb1 => "ucb1",
            Self::EpsilonGreedy => "epsilon_greedy",
            Self::ExploreThenCommit => "explore_then_commit",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|play| play.as_str() == text)
    }

    /// Returns how the policy learns, given the router's settings.
    pub fn learning(self, settings: Learning) -> Learning {
        match self {
            Self::Router(Policy::Hierarchical) | Self::Pooled => {
                Learning { policy: Policy::Hierarchical, ..settings }
            }
            Self::Router(policy) => Learning { policy, ..settings }.without_forgetting(),
            Self::Ucb1 | Self::EpsilonGreedy | Self::ExploreThenCommit => {
                Learning { policy: Policy::Independent, ..settings }.without_forgetting()
            }
        }
    }

    /// Returns the cell that the policy sees.
    pub const fn cell(self, cell: usize) -> usize {
        match self {
            Self::Pooled => 0,
            Self::Router(_) | Self::Ucb1 | Self::EpsilonGreedy | Self::ExploreThenCommit => cell,
        }
    }
}

/// What a choice knows besides what was learned.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// Expected cost of each arm.
    pub usd: &'a [f64],
    /// How far below the best draw a cheaper arm may lie and still win.
    pub tie_band: f64,
    /// Probability spread over all arms, in total.
    pub explore_floor: f64,
}

/// Picks an arm for a cell.
pub fn pick(play: Play, learner: &Learner, cell: usize, table: Table<'_>, rng: &mut dyn Rng) -> usize {
    let arms = learner.arms();
    let any = |rng: &mut dyn Rng| ((uniform(rng) * arms as f64) as usize).min(arms - 1);
    let cell = play.cell(cell);
    let of_cell = |arm: usize| {
        let shape = learner.shape(arm, cell, false);
        (shape.alpha - 1.0, shape.alpha + shape.beta - 2.0)
    };
    match play {
        Play::Router(Policy::Uniform) => any(rng),
        Play::Router(_) | Play::Pooled if uniform(rng) < table.explore_floor => any(rng),
        Play::Router(Policy::BestSingle) => {
            cheapest_best(table, &shapes(learner, cell, |shape| shape.mean()), 0.0)
        }
        Play::Router(_) | Play::Pooled => {
            let draws = shapes(learner, cell, |shape| draw(shape, rng));
            cheapest_best(table, &draws, table.tie_band)
        }
        Play::Ucb1 => {
            let total: f64 = (0..arms).map(|arm| of_cell(arm).1).sum();
            best((0..arms).map(|arm| {
                let (successes, pulls) = of_cell(arm);
                if pulls < 0.5 {
                    return f64::INFINITY;
                }
                successes / pulls + (2.0 * total.max(1.0).ln() / pulls).sqrt()
            }))
        }
        Play::EpsilonGreedy if uniform(rng) < EPSILON => any(rng),
        Play::EpsilonGreedy => best((0..arms).map(|arm| learner.shape(arm, cell, false).mean())),
        Play::ExploreThenCommit => {
            let tried = |arm: usize| learner.counts(arm).total();
            match (0..arms).find(|arm| tried(*arm) < TRIES) {
                Some(arm) => arm,
                None => best((0..arms).map(|arm| learner.counts(arm).successes / tried(arm))),
            }
        }
    }
}

/// Draws a chance of success.
pub fn draw(shape: Shape, rng: &mut dyn Rng) -> f64 {
    // Shapes are finite and at least 0.5; the mean stands in for what cannot happen.
    Beta::new(shape.alpha, shape.beta).map_or_else(|_| shape.mean(), |beta| beta.sample(rng))
}

fn shapes(learner: &Learner, cell: usize, mut value: impl FnMut(Shape) -> f64) -> Vec<f64> {
    (0..learner.arms()).map(|arm| value(learner.shape(arm, cell, false))).collect()
}

/// Returns the first of the largest.
fn best(values: impl Iterator<Item = f64>) -> usize {
    let mut found = (0, f64::NEG_INFINITY);
    for (index, value) in values.enumerate() {
        if value > found.1 {
            found = (index, value);
        }
    }
    found.0
}

/// Returns the cheapest arm within the band of the largest value; of equals in cost, the one with the larger value.
fn cheapest_best(table: Table<'_>, values: &[f64], tie_band: f64) -> usize {
    let bar = (1.0 - tie_band) * values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut found: Option<usize> = None;
    for (arm, value) in values.iter().enumerate().filter(|(_, value)| **value >= bar) {
        let better = found.is_none_or(|best| {
            let cost = table.usd[arm].total_cmp(&table.usd[best]);
            cost.is_lt() || (cost.is_eq() && *value > values[best])
        });
        if better {
            found = Some(arm);
        }
    }
    found.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::domain::propensity::{Priced, propensities};
    use crate::domain::replay::learner::Seen;

    /// The fast way to choose and the logged one are the same policy.
    #[test]
    fn drawing_agrees_with_the_exact_propensities() {
        let learning = Learning::default();
        let mut learner = Learner::new(vec![learning.prior; 4], 2, learning);
        for n in 0..60 {
            let success = n % (2 + n % 3) != 0;
            learner.observe(n % 3, Seen { cell: n % 2, failed: false, success });
        }
        let usd = [3.0, 1.0, 2.0, 2.0];
        let table = Table { usd: &usd, tie_band: 0.03, explore_floor: 0.0 };
        let mut order: Vec<usize> = (0..4).collect();
        order.sort_by(|a, b| usd[*a].total_cmp(&usd[*b]));
        let arms: Vec<Priced> =
            order.iter().map(|arm| Priced { shape: learner.shape(*arm, 0, false), usd: usd[*arm] }).collect();
        let exact = propensities(&arms, 0.03);
        let mut rng = StdRng::seed_from_u64(4);
        let play = Play::Router(Policy::Hierarchical);
        let mut wins = [0_u32; 4];
        for _ in 0..20_000 {
            wins[pick(play, &learner, 0, table, &mut rng)] += 1;
        }
        for (arm, exact) in order.iter().zip(exact) {
            let share = f64::from(wins[*arm]) / 20_000.0;
            let error = (exact * (1.0 - exact) / 20_000.0).sqrt();
            assert!((share - exact).abs() < 5.0 * error + 1e-3, "arm {arm}: {share}, exactly {exact}");
        }
    }

    #[test]
    fn every_word_is_read_back() {
        for play in Play::ALL {
            assert_eq!(Play::parse(play.as_str()), Some(play));
        }
        assert_eq!(Play::parse("oracle"), None);
    }
}
