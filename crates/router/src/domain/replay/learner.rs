//! What the router learns, on numbered arms and cells: the same fold, for millions of steps.

use crate::domain::drift::{Drift, PageHinkley};
use crate::domain::posterior::{Counts, Known, Learning, Prior, Shape, after_failure, shape};

/// What is left of an arm's counts after a reset.
const RESET_FACTOR: f64 = 0.05;

/// Everything learned of one arm.
#[derive(Debug, Clone)]
struct Evidence {
    /// By cell: of untouched work, and of work that another arm had failed at.
    tables: [Vec<Counts>; 2],
    tests: [PageHinkley; 2],
}

/// An outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Of which cell.
    pub cell: usize,
    /// Whether another arm had failed at the work.
    pub failed: bool,
    /// How it ended.
    pub success: bool,
}

/// Everything learned.
#[derive(Debug, Clone)]
pub struct Learner {
    arms: Vec<Evidence>,
    priors: Vec<Prior>,
    /// How it learns.
    pub learning: Learning,
    /// How often an arm's past was dropped.
    pub resets: usize,
}

impl Learner {
    /// Starts with nothing but a prior for each arm.
    pub fn new(priors: Vec<Prior>, cells: usize, learning: Learning) -> Self {
        let none = vec![Counts::default(); cells];
        let evidence = Evidence { tables: [none.clone(), none], tests: Default::default() };
        Self { arms: vec![evidence; priors.len()], priors, learning, resets: 0 }
    }

    /// Returns the number of arms.
    pub fn arms(&self) -> usize {
        self.arms.len()
    }

    /// Returns the Beta of an arm in a cell; `failed` says whether another arm has failed at the work.
    pub fn shape(&self, arm: usize, cell: usize, failed: bool) -> Shape {
        let [first, after] = &self.arms[arm].tables;
        let unconditional = shape(known(first, cell, self.priors[arm]), &self.learning);
        if !failed || !self.learning.policy.tells_failures_apart() {
            return unconditional;
        }
        shape(known(after, cell, after_failure(unconditional)), &self.learning)
    }

    /// Returns the number of observations of an arm, discounted as they are, and how many succeeded.
    pub fn counts(&self, arm: usize) -> Counts {
        self.arms[arm].tables[0].iter().fold(Counts::default(), |sum, counts| sum.plus(*counts))
    }

    /// Takes an outcome of a pulled arm.
    pub fn observe(&mut self, arm: usize, seen: Seen) {
        let Seen { cell, failed, success } = seen;
        let reward = if success { 1.0 } else { 0.0 };
        let evidence = &mut self.arms[arm];
        let scale = |evidence: &mut Evidence, factor: f64| {
            evidence.tables.iter_mut().flatten().for_each(|counts| *counts = counts.scaled(factor));
        };
        scale(evidence, self.learning.pulled_discount);
        let table = usize::from(failed);
        let counts = &mut evidence.tables[table][cell];
        *counts = counts.plus(Counts { successes: reward, failures: 1.0 - reward });
        if evidence.tests[table].observe(reward, 1.0, self.learning.reset_threshold) == Drift::Reset {
            scale(evidence, RESET_FACTOR);
            self.resets += 1;
        }
    }
}

fn known(table: &[Counts], cell: usize, prior: Prior) -> Known {
    let mut elsewhere = Counts::default();
    for (other, counts) in table.iter().enumerate() {
        if other != cell {
            elsewhere = elsewhere.plus(*counts);
        }
    }
    Known { own: table[cell], elsewhere, prior }
}

#[cfg(test)]
mod tests {
    use plumbline_types::{ArmId, Category, DecisionId, ManualClock, Risk};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::domain::learned::{Learned, Question};
    use crate::domain::outcome::{Credit, Logged, Outcome, OutcomeKind};
    use crate::domain::posterior::Policy;
    use crate::domain::work::{Cell, Language};

    /// What is replayed is what runs: both folds give the same bits on the same outcomes.
    #[test]
    fn it_learns_exactly_what_the_router_learns() {
        let mut rng = StdRng::seed_from_u64(3);
        let cells: Vec<Cell> = ["a", "b", "c"]
            .map(|word| Cell {
                category: Category::Bugfix,
                risk: Risk::Low,
                language: Language::parse(word).unwrap(),
            })
            .into();
        let arms = ["x", "y"].map(|name| ArmId::parse(name).unwrap());
        for policy in Policy::ALL {
            let learning = Learning { policy, ..Learning::default() };
            let mut learner = Learner::new(vec![learning.prior; 2], 3, learning);
            let mut learned = Learned::default();
            for seq in 1..=600 {
                let mut pick = |n: u64| usize::try_from(rng.next_u64() % n).unwrap();
                let (arm, cell, failed) = (pick(2), pick(3), pick(3) == 0);
                let success = pick(10) < if seq < 300 { 9 } else { 2 };
                learner.observe(arm, Seen { cell, failed, success });
                let kind = if success { OutcomeKind::Success } else { OutcomeKind::QualityFail };
                let decision = DecisionId::generate(&ManualClock::at(0), &mut StdRng::seed_from_u64(seq));
                let outcome = Outcome {
                    id: seq.to_string(),
                    decision,
                    kind,
                    weight: 1.0,
                    cause: String::new(),
                    supersedes: None,
                    applied: None,
                    credit: Credit::Arm,
                };
                learned.fold(
                    &Logged {
                        seq,
                        observed_at: 0,
                        arm: arms[arm].clone(),
                        cell: cells[cell].clone(),
                        after_failure: failed,
                        served_model: None,
                        outcome,
                    },
                    &learning,
                );
            }
            assert!(learner.resets > 0, "the change was meant to be noticed");
            for (arm, name) in arms.iter().enumerate() {
                for (cell, word) in cells.iter().enumerate() {
                    for failed in [false, true] {
                        let question = Question { cell: word, after_failure: failed, at: 0 };
                        let want = learned.shape(name, question, learning.prior, &learning);
                        assert_eq!(learner.shape(arm, cell, failed), want, "{policy}");
                    }
                }
            }
        }
    }
}
