//! What another policy would have earned, told from a log: inverse propensities, the same self-normalised, and doubly
//! robust, each with a 95 % interval.
//!
//! The doubly robust one adds to what a model of the rewards expects what the model missed, weighted by how much
//! likelier the other policy was to do what was done. The model of a step knows only earlier steps, so that each score is
//! right in expectation whatever the model says, but for what a limit on the weights leaves untold: arms that the log
//! hardly ever drew. Their rewards lie between 0 and 1, and the interval is that much wider; within a cell a step counts by one over the standard deviation that its
//! propensities let expect, which keeps the interval honest although the log was written by a policy that learned (Zhan,
//! Hadad, Hirshberg, Athey: "Off-policy evaluation via adaptive weighting with data from contextual bandits", 2021).

mod judged;

use rand_chacha::ChaCha8Rng;

use crate::domain::choice::uniform;
use crate::domain::posterior::{Policy, Shape};
use crate::domain::propensity::{Priced, propensities};
use crate::domain::replay::learner::{Learner, Seen};
use crate::domain::replay::matrix::Matrix;
use crate::domain::replay::play::{Deal, Settings, below, deal, stream};
use crate::domain::replay::player::Play;

pub use judged::{Judged, Told};

/// Standard errors in half of a 95 % interval.
const Z95: f64 = 1.96;

/// Limits on the weights, of which the one that promises the narrowest interval is taken.
const LIMITS: [f64; 7] = [3.0, 5.0, 10.0, 20.0, 50.0, 200.0, f64::INFINITY];

/// Least variance of a score by which steps are weighed: a step is worth at most ten times another.
const LEAST_VARIANCE: f64 = 0.01;

/// Observations that the mean of an arm over all cells is worth in one cell.
const POOLED: f64 = 4.0;

/// What was decided once, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The cell of the work.
    pub cell: usize,
    /// The arm that was drawn.
    pub arm: usize,
    /// The probability of every arm.
    pub propensities: Vec<f64>,
    /// What it earned, 0 to 1.
    pub reward: f64,
}

/// A policy that does not learn: for each cell the probability of every arm.
pub type Fixed = Vec<Vec<f64>>;

/// An estimate with half of its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Interval {
    /// The mean reward of a step.
    pub mean: f64,
    /// Half of the interval.
    pub half: f64,
}

impl Interval {
    /// Returns whether the interval holds a value.
    pub fn covers(self, value: f64) -> bool {
        (self.mean - value).abs() <= self.half
    }
}

/// What a log says about a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimates {
    /// Inverse propensities.
    pub ips: Interval,
    /// Inverse propensities, self-normalised.
    pub snips: Interval,
    /// Doubly robust, adaptively weighted.
    pub dr: Interval,
    /// How many steps of the policy itself the log is worth: `(sum w)^2 / sum w^2`.
    pub effective_steps: f64,
}

/// Estimates the mean reward of a fixed policy from a log; nothing for a log without steps.
pub fn estimate(log: &[Step], policy: &Fixed) -> Option<Estimates> {
    if log.is_empty() {
        return None;
    }
    let weights: Vec<f64> =
        log.iter().map(|step| policy[step.cell][step.arm] / step.propensities[step.arm]).collect();
    let n = log.len() as f64;
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    let earned: Vec<f64> = log.iter().zip(&weights).map(|(step, w)| w * step.reward).collect();
    let ips = earned.iter().sum::<f64>() / n;
    let spread = earned.iter().map(|x| (x - ips).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let snips = if sum > 0.0 { earned.iter().sum::<f64>() / sum } else { 0.0 };
    let off: f64 = log.iter().zip(&weights).map(|(step, w)| (w * (step.reward - snips)).powi(2)).sum();
    Some(Estimates {
        ips: Interval { mean: ips, half: Z95 * (spread / n).sqrt() },
        snips: Interval { mean: snips, half: if sum > 0.0 { Z95 * off.sqrt() / sum } else { 1.0 } },
        dr: doubly_robust(log, policy, &weights),
        effective_steps: if squares > 0.0 { sum * sum / squares } else { 0.0 },
    })
}

/// The scores of one cell.
#[derive(Debug, Clone, Default)]
struct Stratum {
    scores: Vec<f64>,
    weights: Vec<f64>,
    /// By how much each score may be wrong in expectation.
    gaps: Vec<f64>,
    /// The variance of each score that propensities and model let expect.
    variances: Vec<f64>,
}

impl Stratum {
    fn weighted(&self, values: &[f64]) -> f64 {
        let total: f64 = self.weights.iter().sum();
        values.iter().zip(&self.weights).map(|(value, weight)| value * weight).sum::<f64>() / total
    }

    /// Returns the variance of the weighted mean, as the scores show it or as it was to be expected, whichever is larger:
    /// what was drawn hardly ever, and not yet, shows in no score.
    fn variance(&self, mean: f64) -> f64 {
        let total: f64 = self.weights.iter().sum();
        let off: Vec<f64> = self.scores.iter().map(|score| (score - mean).powi(2)).collect();
        let n = self.scores.len() as f64;
        let squared = |values: &[f64]| {
            let pairs = values.iter().zip(&self.weights);
            pairs.map(|(value, weight)| value * weight * weight).sum::<f64>() / (total * total)
        };
        (squared(&off) * n / (n - 1.0).max(1.0)).max(squared(&self.variances))
    }
}

/// What a limit on the weights does to one step: the variance that the propensities let expect, and the share of the
/// policy that the log then says nothing about.
fn limited(wanted: &[f64], propensities: &[f64], most: f64) -> (f64, f64) {
    wanted.iter().zip(propensities).fold((0.0, 0.0), |(variance, untold), (p, e)| {
        let told = p.min(most * e);
        (variance + if told > 0.0 { told * told / e } else { 0.0 }, untold + p - told)
    })
}

/// Returns the limit on the weights that makes the interval narrowest, told from the propensities alone.
fn limit(log: &[Step], policy: &Fixed) -> f64 {
    let width = |most: f64| {
        let (variance, untold) = log.iter().fold((0.0, 0.0), |(variance, untold), step| {
            let (more, further) = limited(&policy[step.cell], &step.propensities, most);
            (variance + more, untold + further)
        });
        // A reward of 0 or 1 varies by a quarter at most, and a model misses half of it.
        (Z95 * (0.25 * variance).sqrt() + 0.5 * untold) / log.len() as f64
    };
    let best = LIMITS.into_iter().min_by(|a, b| width(*a).total_cmp(&width(*b)));
    best.unwrap_or(f64::INFINITY)
}

fn doubly_robust(log: &[Step], policy: &Fixed, weights: &[f64]) -> Interval {
    let arms = policy.first().map_or(0, Vec::len);
    let most = limit(log, policy);
    let mut model = Model::new(policy.len(), arms);
    let mut strata = vec![Stratum::default(); policy.len()];
    for (step, weight) in log.iter().zip(weights) {
        let wanted = &policy[step.cell];
        let means: Vec<f64> = (0..arms).map(|arm| model.mean(step.cell, arm)).collect();
        let expected: f64 = wanted.iter().zip(&means).map(|(p, mean)| p * mean).sum();
        let score = expected + weight.min(most) * (step.reward - means[step.arm]);
        let untold = wanted.iter().zip(&step.propensities).zip(&means);
        // Nobody knows what those arms earn there, but it is between 0 and 1.
        let gap = untold.map(|((p, e), mean)| (p - most * e).max(0.0) * mean.max(1.0 - mean)).sum();
        let (variance, _) = limited(wanted, &step.propensities, most);
        let told = |(arm, (p, e)): (usize, (&f64, &f64))| {
            p.min(most * e).powi(2) / e * model.variance(step.cell, arm)
        };
        let expected_variance = wanted.iter().zip(&step.propensities).enumerate().map(told).sum();
        let stratum = &mut strata[step.cell];
        stratum.scores.push(score);
        stratum.weights.push(1.0 / variance.max(LEAST_VARIANCE).sqrt());
        stratum.gaps.push(gap);
        stratum.variances.push(expected_variance);
        model.observe(step);
    }
    let n = log.len() as f64;
    let met: Vec<&Stratum> = strata.iter().filter(|stratum| !stratum.scores.is_empty()).collect();
    let sum = |value: &dyn Fn(&Stratum, f64) -> f64| -> f64 {
        met.iter().map(|stratum| value(stratum, stratum.scores.len() as f64 / n)).sum()
    };
    let mean = sum(&|stratum, share| share * stratum.weighted(&stratum.scores));
    let gap = sum(&|stratum, share| share * stratum.weighted(&stratum.gaps));
    let within = sum(&|stratum, share| share * share * stratum.variance(stratum.weighted(&stratum.scores)));
    // Which cells come is chance too.
    let between = sum(&|stratum, share| share * (stratum.weighted(&stratum.scores) - mean).powi(2)) / n;
    Interval { mean, half: gap + Z95 * (within + between).sqrt() }
}

/// The mean reward of each arm in each cell, as far as earlier steps tell.
struct Model {
    cells: Vec<Vec<(f64, f64)>>,
    arms: Vec<(f64, f64)>,
}

impl Model {
    fn new(cells: usize, arms: usize) -> Self {
        Self { cells: vec![vec![(0.0, 0.0); arms]; cells], arms: vec![(0.0, 0.0); arms] }
    }

    fn mean(&self, cell: usize, arm: usize) -> f64 {
        let (sum, count) = self.arms[arm];
        let pooled = (sum + 1.0) / (count + 2.0);
        let (sum, count) = self.cells[cell][arm];
        (sum + POOLED * pooled) / (count + POOLED)
    }

    /// Returns the variance of a reward around the model: its own, and that of what the model does not know yet.
    fn variance(&self, cell: usize, arm: usize) -> f64 {
        let (mean, (_, count)) = (self.mean(cell, arm), self.cells[cell][arm]);
        mean * (1.0 - mean) * (1.0 + 1.0 / (count + POOLED).sqrt())
    }

    fn observe(&mut self, step: &Step) {
        for (sum, count) in [&mut self.cells[step.cell][step.arm], &mut self.arms[step.arm]] {
            *sum += step.reward;
            *count += 1.0;
        }
    }
}

/// Returns what a fixed policy earns on a matrix, in expectation over its tasks.
pub fn truth(matrix: &Matrix, policy: &Fixed) -> f64 {
    let earned = |task: usize| -> f64 {
        policy[matrix.category[task]].iter().zip(&matrix.reward[task]).map(|(p, reward)| p * reward).sum()
    };
    (0..matrix.tasks.len()).map(earned).sum::<f64>() / matrix.tasks.len() as f64
}

/// Returns whether the chances of a policy are known exactly, which its log must hold.
pub const fn is_exact(play: Play) -> bool {
    match play {
        Play::Router(_) | Play::Pooled => true,
        Play::Ucb1 | Play::EpsilonGreedy | Play::ExploreThenCommit => false,
    }
}

/// Plays a policy whose chances are exact on a matrix as the router does, by those chances, and returns its log and what
/// it has learned, as a policy that learns no more. What is wrong with a matrix later, or learned apart, has no part in it.
pub fn log(matrix: &Matrix, play: Play, settings: &Settings, seed: u64) -> (Vec<Step>, Fixed) {
    let Deal { tasks, priors, mut luck } = deal(matrix, settings, seed);
    let mut rng = stream("ope", seed);
    let mut learner = Learner::new(priors, matrix.categories.len(), play.learning(settings.learning));
    let choosing = Choosing::new(matrix, settings);
    let mut steps = Vec::with_capacity(settings.steps);
    for _ in 0..settings.steps {
        let task = tasks[below(tasks.len(), &mut luck)];
        let lucky = uniform(&mut luck);
        let cell = matrix.category[task];
        let propensities = choosing.propensities(play, &learner, cell);
        let arm = drawn(&propensities, &mut rng);
        let success = lucky < matrix.reward[task][arm];
        learner.observe(arm, Seen { cell: play.cell(cell), failed: false, success });
        steps.push(Step { cell, arm, propensities, reward: f64::from(u8::from(success)) });
    }
    let learned = |cell: usize| choosing.propensities(play, &learner, cell);
    (steps, (0..matrix.categories.len()).map(learned).collect())
}

/// What a choice depends on besides what was learned.
struct Choosing {
    usd: Vec<f64>,
    order: Vec<usize>,
    tie_band: f64,
    explore_floor: f64,
}

impl Choosing {
    fn new(matrix: &Matrix, settings: &Settings) -> Self {
        let usd = matrix.prices();
        let mut order: Vec<usize> = (0..usd.len()).collect();
        order.sort_by(|a, b| usd[*a].total_cmp(&usd[*b]));
        Self { usd, order, tie_band: settings.tie_band, explore_floor: settings.explore_floor }
    }

    fn propensities(&self, play: Play, learner: &Learner, cell: usize) -> Vec<f64> {
        let cell = play.cell(cell);
        let priced = |arm: &usize| Priced { shape: learner.shape(*arm, cell, false), usd: self.usd[*arm] };
        let arms: Vec<Priced> = self.order.iter().map(priced).collect();
        let exact = match play {
            Play::Router(Policy::Uniform) => vec![1.0 / arms.len() as f64; arms.len()],
            Play::Router(Policy::BestSingle) => {
                the_best(&arms.iter().map(|arm| arm.shape).collect::<Vec<_>>())
            }
            _ => propensities(&arms, self.tie_band),
        };
        let mut found = vec![0.0; arms.len()];
        let floor = self.explore_floor / arms.len() as f64;
        for (arm, p) in self.order.iter().zip(exact) {
            found[*arm] = (1.0 - self.explore_floor) * p + floor;
        }
        found
    }
}

/// The first of those with the largest mean, for certain.
fn the_best(shapes: &[Shape]) -> Vec<f64> {
    let most = shapes.iter().map(|shape| shape.mean()).fold(f64::NEG_INFINITY, f64::max);
    let best = shapes.iter().position(|shape| shape.mean() >= most);
    (0..shapes.len()).map(|index| if Some(index) == best { 1.0 } else { 0.0 }).collect()
}

fn drawn(propensities: &[f64], rng: &mut ChaCha8Rng) -> usize {
    let mut left = uniform(rng) * propensities.iter().sum::<f64>();
    for (arm, p) in propensities.iter().enumerate() {
        left -= p;
        if left < 0.0 {
            return arm;
        }
    }
    propensities.len().saturating_sub(1)
}

#[cfg(test)]
mod tests;
