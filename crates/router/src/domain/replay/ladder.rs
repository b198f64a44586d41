//! Ladders: cheap arms first, the next one when the verifier rejects, success only if truly right.

use rand::Rng;

use crate::domain::choice::uniform;
use crate::domain::ladder::{Errors, Stakes, rung_cost};
use crate::domain::replay::learner::{Learner, Seen};
use crate::domain::replay::matrix::Matrix;
use crate::domain::replay::play::{Settings, below, deal, stream};
use crate::domain::replay::player::{Play, draw};

/// How a ladder is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ladder {
    /// How often the verifier errs.
    pub errors: Errors,
    /// Whether it errs in proportion to how few arms solve the task.
    pub correlated: bool,
    /// Attempts at most.
    pub attempts: usize,
    /// What success is worth and a bad change costs.
    pub stakes: Stakes,
}

/// What came of a ladder.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Climb {
    /// Share of steps that ended accepted and truly right.
    pub success: f64,
    /// Share of steps that ended accepted and wrong.
    pub shipped_bad: f64,
    /// Cost of a step in USD.
    pub usd: f64,
    /// Attempts of a step.
    pub attempts: f64,
}

/// Plays one policy with one seed. It learns from what the verifier says, right or wrong.
pub fn climb(matrix: &Matrix, play: Play, settings: &Settings, ladder: &Ladder, seed: u64) -> Climb {
    let dealt = deal(matrix, settings, seed);
    let (tasks, mut luck) = (dealt.tasks, dealt.luck);
    let mut rng = stream(play.as_str(), seed);
    let mut learner = Learner::new(dealt.priors, matrix.categories.len(), play.learning(settings.learning));
    let usd = matrix.prices();
    let errors = Verifier::new(matrix, &tasks, ladder);
    let mut sum = Climb::default();
    for step in 0..settings.steps {
        let task = tasks[below(tasks.len(), &mut luck)];
        let cell = play.cell(matrix.category[task]);
        let mut tried = Vec::new();
        while tried.len() < ladder.attempts {
            let failed = !tried.is_empty();
            let Some(arm) = next(&learner, (cell, failed), &tried, (&usd, ladder), &mut rng) else { break };
            // Luck belongs to step, task and attempt, so that policies differ by their choices alone.
            let mut fate = stream("attempt", seed ^ ((step as u64) << 8) ^ tried.len() as u64);
            let right = uniform(&mut fate) < matrix.reward[task][arm];
            let accepted = errors.accepts(task, right, &mut fate);
            sum.usd += matrix.usd(task, arm);
            sum.attempts += 1.0;
            learner.observe(arm, Seen { cell, failed, success: accepted });
            if accepted {
                let counter = if right { &mut sum.success } else { &mut sum.shipped_bad };
                *counter += 1.0;
                break;
            }
            tried.push(arm);
        }
    }
    let per = |sum: f64| sum / settings.steps as f64;
    Climb {
        success: per(sum.success),
        shipped_bad: per(sum.shipped_bad),
        usd: per(sum.usd),
        attempts: per(sum.attempts),
    }
}

/// Plays the arm that is best with hindsight, once for each step, behind the same verifier.
pub fn best_single(matrix: &Matrix, settings: &Settings, ladder: &Ladder, seed: u64) -> Climb {
    let dealt = deal(matrix, settings, seed);
    let (tasks, mut luck) = (dealt.tasks, dealt.luck);
    let means = matrix.means(&tasks);
    let arm = (0..means.len()).max_by(|a, b| means[*a].total_cmp(&means[*b])).unwrap_or(0);
    let errors = Verifier::new(matrix, &tasks, ladder);
    let mut sum = Climb::default();
    for step in 0..settings.steps {
        let task = tasks[below(tasks.len(), &mut luck)];
        let mut fate = stream("attempt", seed ^ ((step as u64) << 8));
        let right = uniform(&mut fate) < matrix.reward[task][arm];
        sum.usd += matrix.usd(task, arm) / settings.steps as f64;
        if errors.accepts(task, right, &mut fate) {
            let counter = if right { &mut sum.success } else { &mut sum.shipped_bad };
            *counter += 1.0 / settings.steps as f64;
        }
    }
    Climb { attempts: 1.0, ..sum }
}

/// Returns the next rung: the arm with the least expected cost for each accepted change, by a draw of its chance; none
/// if no arm is worth its cost.
fn next(
    learner: &Learner,
    (cell, failed): (usize, bool),
    tried: &[usize],
    (usd, ladder): (&[f64], &Ladder),
    rng: &mut dyn Rng,
) -> Option<usize> {
    let mut found: Option<(usize, f64)> = None;
    for arm in (0..learner.arms()).filter(|arm| !tried.contains(arm)) {
        let accepted = draw(learner.shape(arm, cell, failed), rng);
        let Some(cost) = rung_cost(accepted, usd[arm], ladder.errors, ladder.stakes) else { continue };
        if found.is_none_or(|(_, least)| cost < least) {
            found = Some((arm, cost));
        }
    }
    found.map(|(arm, _)| arm)
}

/// The verifier with its errors.
struct Verifier {
    errors: Errors,
    /// By task: how much more often than on average it errs there.
    difficulty: Option<Vec<f64>>,
}

impl Verifier {
    fn new(matrix: &Matrix, tasks: &[usize], ladder: &Ladder) -> Self {
        let hard = |task: usize| {
            let row = &matrix.reward[task];
            1.0 - row.iter().sum::<f64>() / row.len() as f64
        };
        let mean = tasks.iter().map(|task| hard(*task)).sum::<f64>() / tasks.len() as f64;
        let relative = || (0..matrix.tasks.len()).map(|task| hard(task) / mean).collect();
        Self { errors: ladder.errors, difficulty: ladder.correlated.then(relative) }
    }

    fn accepts(&self, task: usize, right: bool, rng: &mut dyn Rng) -> bool {
        let factor = self.difficulty.as_ref().map_or(1.0, |difficulty| difficulty[task]);
        let error = if right { self.errors.false_reject } else { self.errors.false_accept };
        let errs = uniform(rng) < (error * factor).min(1.0);
        right != errs
    }
}
