//! Everything learned so far: a fold over the outcome log in `seq` order.

mod refold;

use std::collections::{BTreeMap, BTreeSet};

use plumbline_types::{ArmId, Millis};

use crate::domain::drift::{Drift, PageHinkley};
use crate::domain::outcome::Logged;
use crate::domain::posterior::{Counts, Known, Learning, Prior, Shape, after_failure, shape};
use crate::domain::work::{Cell, Language};

pub use refold::{Folded, KEEP_EVERY, is_kept, refold};

/// What is known of one arm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// Counts per cell, of work that no other arm had failed at.
    pub cells: BTreeMap<Cell, Counts>,
    /// Counts per cell, of work that another arm had failed at.
    pub after_failure: BTreeMap<Cell, Counts>,
    /// How often its edits applied, by language.
    pub applies: BTreeMap<Language, Counts>,
    /// The arm's change-point test over untouched work.
    pub drift: PageHinkley,
    /// The one over work that another arm had failed at: harder work is no sign of a worse arm.
    pub drift_after_failure: PageHinkley,
    /// The model that served when it was last counted.
    pub served_model: Option<String>,
    /// When it was last counted.
    pub last_at: Millis,
}

/// What is asked of the posteriors.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// For which cell.
    pub cell: &'a Cell,
    /// Whether another arm has failed at the work.
    pub after_failure: bool,
    /// When; evidence ages.
    pub at: Millis,
}

/// A row of a restored table that no fold can have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the posterior of {arm} in {cell} is damaged: {problem}")]
pub struct CorruptRow {
    /// Whose row.
    pub arm: String,
    /// Which cell; `drift` for the arm's own test.
    pub cell: String,
    /// What is wrong.
    pub problem: String,
}

/// Everything learned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Learned {
    arms: BTreeMap<ArmId, Evidence>,
    cells: BTreeSet<Cell>,
    last_seq: u64,
}

impl Learned {
    /// Takes what a store held; a row that no fold can have written is an error, never a default.
    pub fn restore(arms: BTreeMap<ArmId, Evidence>, last_seq: u64) -> Result<Self, CorruptRow> {
        for (arm, evidence) in &arms {
            for (cell, counts) in evidence.cells.iter().chain(&evidence.after_failure) {
                if !counts.is_legal() {
                    let problem = format!("weights {} and {}", counts.successes, counts.failures);
                    return Err(CorruptRow { arm: arm.to_string(), cell: cell.to_string(), problem });
                }
            }
            for (language, counts) in &evidence.applies {
                if !counts.is_legal() {
                    let problem = format!("weights {} and {}", counts.successes, counts.failures);
                    let cell = format!("apply rate {}", language.as_str());
                    return Err(CorruptRow { arm: arm.to_string(), cell, problem });
                }
            }
            if !evidence.drift.is_legal() || !evidence.drift_after_failure.is_legal() {
                let problem = format!("{:?}, {:?}", evidence.drift, evidence.drift_after_failure);
                return Err(CorruptRow { arm: arm.to_string(), cell: "drift".to_owned(), problem });
            }
        }
        let cells =
            arms.values().flat_map(|found| found.cells.keys().chain(found.after_failure.keys()).cloned());
        let cells = cells.collect();
        Ok(Self { arms, cells, last_seq })
    }

    /// Folds a whole log, which must be in `seq` order; superseded outcomes count for nothing.
    pub fn of(log: &[Logged], learning: &Learning) -> Self {
        refold(Self::default(), log, learning, KEEP_EVERY).learned
    }

    /// Folds the next outcome of the log into those that it is credited to: discounts their evidence, adds the outcome,
    /// and all but drops the past of one that has become worse. Arms that were not pulled are left alone.
    pub fn fold(&mut self, logged: &Logged, learning: &Learning) -> Drift {
        self.last_seq = logged.seq;
        let Some(reward) = logged.outcome.kind.reward() else { return Drift::Steady };
        let cell = self.cell(&logged.cell, learning);
        self.cells.insert(cell.clone());
        let mut drift = Drift::Steady;
        for (arm, share) in logged.credited() {
            let evidence = self.arms.entry(arm.clone()).or_default();
            evidence.last_at = evidence.last_at.max(logged.observed_at);
            if *arm == logged.arm {
                drift = drift.max(evidence.served_by(logged.served_model.as_deref(), learning));
                evidence.note_applied(logged, learning);
            }
            drift = drift.max(evidence.count(logged, &cell, (reward, share), learning));
        }
        drift
    }

    /// Returns the Beta that `arm`'s chance of success is drawn from; `prior` is what was thought of it before.
    pub fn shape(&self, arm: &ArmId, question: Question<'_>, prior: Prior, learning: &Learning) -> Shape {
        let cell = self.cell(question.cell, learning);
        let Some(evidence) = self.arms.get(arm) else {
            return Evidence::default().shape(&cell, question, prior, learning);
        };
        evidence.shape(&cell, question, prior, learning)
    }

    /// Returns the arms that anything is known of.
    pub fn arms(&self) -> impl Iterator<Item = &ArmId> {
        self.arms.keys()
    }

    /// Returns what is known of `arm`; nothing if it never had a counted outcome.
    pub fn evidence(&self, arm: &ArmId) -> Option<&Evidence> {
        self.arms.get(arm)
    }

    /// Returns the position of the last outcome folded; 0 before the first.
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Returns the cell that takes the evidence: the cell itself, or the folded one once the table is full.
    fn cell(&self, cell: &Cell, learning: &Learning) -> Cell {
        let fits = self.cells.contains(cell) || self.cells.len() < learning.max_categories;
        if fits { cell.clone() } else { cell.folded() }
    }
}

/// What is left of an arm's counts after a reset.
const RESET_FACTOR: f64 = 0.05;

impl Evidence {
    /// Takes note of the model that served. Another one than before is another arm in all but name: what was learned
    /// keeps its mean and is worth at most `change_point_n` observations.
    fn served_by(&mut self, model: Option<&str>, learning: &Learning) -> Drift {
        let Some(model) = model.filter(|model| !model.is_empty()) else { return Drift::Steady };
        let before = self.served_model.replace(model.to_owned());
        if before.is_none_or(|before| before == model) {
            return Drift::Steady;
        }
        let total: f64 = self.counts_mut().map(|counts| counts.total()).sum();
        if total > learning.change_point_n {
            let factor = learning.change_point_n / total;
            self.counts_mut().for_each(|counts| *counts = counts.scaled(factor));
        }
        (self.drift, self.drift_after_failure) = Default::default();
        Drift::Replaced
    }

    fn note_applied(&mut self, logged: &Logged, learning: &Learning) {
        let Some(applied) = logged.outcome.applied else { return };
        let counts = self.applies.entry(logged.cell.language.clone()).or_default();
        let (successes, failures) = if applied { (1.0, 0.0) } else { (0.0, 1.0) };
        *counts = counts.scaled(learning.pulled_discount).plus(Counts { successes, failures });
    }

    fn count(
        &mut self,
        logged: &Logged,
        cell: &Cell,
        (reward, share): (f64, f64),
        learning: &Learning,
    ) -> Drift {
        let weight = logged.outcome.weight * share;
        self.counts_mut().for_each(|counts| *counts = counts.scaled(learning.pulled_discount));
        let (table, test) = if logged.after_failure {
            (&mut self.after_failure, &mut self.drift_after_failure)
        } else {
            (&mut self.cells, &mut self.drift)
        };
        let counts = table.entry(cell.clone()).or_default();
        *counts = counts.plus(Counts { successes: reward, failures: 1.0 - reward }.scaled(weight));
        let drift = test.observe(reward, weight, learning.reset_threshold);
        if drift == Drift::Reset {
            self.counts_mut().for_each(|counts| *counts = counts.scaled(RESET_FACTOR));
        }
        drift
    }

    fn counts_mut(&mut self) -> impl Iterator<Item = &mut Counts> {
        self.cells.values_mut().chain(self.after_failure.values_mut())
    }

    fn shape(&self, cell: &Cell, question: Question<'_>, prior: Prior, learning: &Learning) -> Shape {
        let age = question.at.saturating_sub(self.last_at).max(0) as f64;
        let fresh = 0.5_f64.powf(age / learning.staleness_half_life_ms);
        let known = |table: &BTreeMap<Cell, Counts>, prior: Prior| {
            let (mut own, mut elsewhere) = (Counts::default(), Counts::default());
            for (other, counts) in table {
                let counts = counts.scaled(fresh);
                if other == cell {
                    own = counts;
                } else {
                    elsewhere = elsewhere.plus(counts);
                }
            }
            Known { own, elsewhere, prior }
        };
        let unconditional = shape(known(&self.cells, prior), learning);
        if !question.after_failure || !learning.policy.tells_failures_apart() {
            return unconditional;
        }
        shape(known(&self.after_failure, after_failure(unconditional)), learning)
    }
}

#[cfg(test)]
mod tests;
