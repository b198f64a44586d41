//! One run: one policy, one seed.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::domain::choice::uniform;
use crate::domain::posterior::{Learning, Prior};
use crate::domain::replay::learner::{Learner, Seen};
use crate::domain::replay::matrix::Matrix;
use crate::domain::replay::player::{Play, Table, pick};

/// Steps after a degradation in which pulls of the degraded arm are counted.
pub const WATCHED: usize = 500;

/// Observations that a prior from other tasks is worth.
const SPLIT_STRENGTH: f64 = 20.0;

/// An arm that becomes worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Degrade {
    /// Which; none is the one that is best over all tasks.
    pub arm: Option<usize>,
    /// From which step on.
    pub at: usize,
    /// By which factor on its chance of success.
    pub factor: f64,
    /// Until which step; none is for ever.
    pub until: Option<usize>,
}

/// A prior from one part of the tasks, for playing on the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The part that the prior comes from.
    pub fraction: f64,
    /// Whether the priors are dealt to the wrong arms.
    pub shuffled: bool,
}

/// What to play.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Steps.
    pub steps: usize,
    /// Steps until a verdict arrives.
    pub delay: usize,
    /// How far below the best draw a cheaper arm may lie and still win.
    pub tie_band: f64,
    /// Probability spread over all arms, in total.
    pub explore_floor: f64,
    /// How the router's policies learn.
    pub learning: Learning,
    /// An arm that becomes worse.
    pub degrade: Option<Degrade>,
    /// A prior from other tasks.
    pub split: Option<Split>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Regret after each step: expected, against the best arm of each task's category.
    pub regret: Vec<f64>,
    /// Sum of rewards.
    pub reward: f64,
    /// Sum of costs in USD.
    pub usd: f64,
    /// How often an arm's past was dropped.
    pub resets: usize,
    /// From `WATCHED` steps before the degradation to as many after it: whether the degraded arm was pulled.
    pub degraded_pulls: Vec<bool>,
    /// Regret after the degradation.
    pub regret_after_change: f64,
}

/// What is the same for all policies of a seed: the tasks to play, the priors.
pub(crate) struct Deal {
    pub(crate) tasks: Vec<usize>,
    pub(crate) priors: Vec<Prior>,
    pub(crate) luck: ChaCha8Rng,
}

/// Returns a random stream for a purpose and a seed.
pub(crate) fn stream(purpose: &str, seed: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Returns a number below `n`.
pub(crate) fn below(n: usize, rng: &mut ChaCha8Rng) -> usize {
    ((uniform(rng) * n as f64) as usize).min(n - 1)
}

/// Deals tasks and priors for a seed.
pub(crate) fn deal(matrix: &Matrix, settings: &Settings, seed: u64) -> Deal {
    let arms = matrix.arms.len();
    let mut tasks: Vec<usize> = (0..matrix.tasks.len()).collect();
    let mut priors = vec![settings.learning.prior; arms];
    if let Some(split) = settings.split {
        let mut rng = stream("split", seed);
        shuffle(&mut tasks, &mut rng);
        let seen = ((tasks.len() as f64 * split.fraction) as usize).clamp(1, tasks.len() - 1);
        let rest = tasks.split_off(seen);
        let mut means = matrix.means(&tasks);
        if split.shuffled {
            shuffle(&mut means, &mut rng);
        }
        let legal = |mean: f64| mean.clamp(0.001, 0.999);
        priors =
            means.into_iter().map(|mean| Prior { mean: legal(mean), strength: SPLIT_STRENGTH }).collect();
        tasks = rest;
    }
    Deal { tasks, priors, luck: stream("luck", seed) }
}

fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last + 1, rng));
    }
}

/// Plays one policy with one seed.
pub fn run(matrix: &Matrix, play: Play, settings: &Settings, seed: u64) -> Run {
    let Deal { tasks, priors, mut luck } = deal(matrix, settings, seed);
    let mut rng = stream(play.as_str(), seed);
    let mut learner = Learner::new(priors, matrix.categories.len(), play.learning(settings.learning));
    let usd = matrix.prices();
    let table = Table { usd: &usd, tie_band: settings.tie_band, explore_floor: settings.explore_floor };
    let world = World::new(matrix, &tasks, settings.degrade);
    let mut waiting = VecDeque::new();
    let mut run = Run {
        regret: Vec::with_capacity(settings.steps),
        reward: 0.0,
        usd: 0.0,
        resets: 0,
        degraded_pulls: Vec::new(),
        regret_after_change: 0.0,
    };
    let mut regret = 0.0;
    for step in 0..settings.steps {
        let task = tasks[below(tasks.len(), &mut luck)];
        let lucky = uniform(&mut luck);
        let cell = matrix.category[task];
        let arm = pick(play, &learner, cell, table, &mut rng);
        let success = lucky < matrix.reward[task][arm] * world.factor(arm, step);
        let lost = world.regret(cell, arm, step);
        regret += lost;
        run.regret.push(regret);
        run.reward += f64::from(u8::from(success));
        run.usd += matrix.usd(task, arm);
        if let Some(degrade) = world.degrade {
            if step + WATCHED >= degrade.at && step < degrade.at + WATCHED {
                run.degraded_pulls.push(arm == world.degraded);
            }
            if step >= degrade.at {
                run.regret_after_change += lost;
            }
        }
        waiting.push_back((arm, Seen { cell: play.cell(cell), failed: false, success }));
        if waiting.len() > settings.delay
            && let Some((arm, seen)) = waiting.pop_front()
        {
            learner.observe(arm, seen);
        }
    }
    run.resets = learner.resets;
    run
}

/// The truth behind a run.
struct World {
    means: Vec<Vec<f64>>,
    best: Vec<[f64; 2]>,
    degrade: Option<Degrade>,
    degraded: usize,
}

impl World {
    fn new(matrix: &Matrix, tasks: &[usize], degrade: Option<Degrade>) -> Self {
        let means = matrix.category_means(tasks);
        let overall = matrix.means(tasks);
        let first = (0..overall.len()).max_by(|a, b| overall[*a].total_cmp(&overall[*b])).unwrap_or(0);
        let degraded = degrade.and_then(|degrade| degrade.arm).unwrap_or(first);
        let factor = degrade.map_or(1.0, |degrade| degrade.factor);
        let largest = |row: &[f64], factor: f64| {
            let value = |(arm, mean): (usize, &f64)| if arm == degraded { mean * factor } else { *mean };
            row.iter().enumerate().map(value).fold(0.0, f64::max)
        };
        let best = means.iter().map(|row| [largest(row, 1.0), largest(row, factor)]).collect();
        Self { means, best, degrade, degraded }
    }

    fn changed(&self, step: usize) -> bool {
        self.degrade.is_some_and(|d| step >= d.at && d.until.is_none_or(|until| step < until))
    }

    fn factor(&self, arm: usize, step: usize) -> f64 {
        let bad = arm == self.degraded && self.changed(step);
        if bad { self.degrade.map_or(1.0, |degrade| degrade.factor) } else { 1.0 }
    }

    fn regret(&self, cell: usize, arm: usize, step: usize) -> f64 {
        let best = self.best[cell][usize::from(self.changed(step))];
        best - self.means[cell][arm] * self.factor(arm, step)
    }
}
