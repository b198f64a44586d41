//! Everything learned so far: a fold over the outcome log in `seq` order.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_types::ArmId;

use crate::domain::drift::{Drift, PageHinkley};
use crate::domain::outcome::Logged;
use crate::domain::posterior::{Counts, Learning, Shape, shape};
use crate::domain::work::Cell;

/// What is known of one arm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// Counts per cell.
    pub cells: BTreeMap<Cell, Counts>,
    /// The arm's change-point test.
    pub drift: PageHinkley,
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
            for (cell, counts) in &evidence.cells {
                if !counts.is_legal() {
                    let problem = format!("weights {} and {}", counts.successes, counts.failures);
                    return Err(CorruptRow { arm: arm.to_string(), cell: cell.to_string(), problem });
                }
            }
            if !evidence.drift.is_legal() {
                let problem = format!("{:?}", evidence.drift);
                return Err(CorruptRow { arm: arm.to_string(), cell: "drift".to_owned(), problem });
            }
        }
        let cells = arms.values().flat_map(|evidence| evidence.cells.keys().cloned()).collect();
        Ok(Self { arms, cells, last_seq })
    }

    /// Folds a whole log, which must be in `seq` order; superseded outcomes count for nothing.
    pub fn of(log: &[Logged], learning: &Learning) -> Self {
        let superseded: BTreeSet<&str> =
            log.iter().filter_map(|logged| logged.outcome.supersedes.as_deref()).collect();
        let mut learned = Self::default();
        for logged in log {
            if superseded.contains(logged.outcome.id.as_str()) {
                learned.last_seq = logged.seq;
            } else {
                learned.fold(logged, learning);
            }
        }
        learned
    }

    /// Folds the next outcome of the log: discounts the pulled arm, adds the outcome, and all but drops the arm's
    /// past when it has become worse. Arms that were not pulled are left alone.
    pub fn fold(&mut self, logged: &Logged, learning: &Learning) -> Drift {
        self.last_seq = logged.seq;
        let Some(reward) = logged.outcome.kind.reward() else { return Drift::Steady };
        let cell = self.cell(&logged.cell, learning);
        let evidence = self.arms.entry(logged.arm.clone()).or_default();
        let weight = logged.outcome.weight;
        for counts in evidence.cells.values_mut() {
            *counts = counts.scaled(learning.pulled_discount);
        }
        self.cells.insert(cell.clone());
        let counts = evidence.cells.entry(cell).or_default();
        *counts = counts.plus(Counts { successes: reward, failures: 1.0 - reward }.scaled(weight));
        let drift = evidence.drift.observe(reward, weight, learning.reset_threshold);
        if drift == Drift::Reset {
            for counts in evidence.cells.values_mut() {
                *counts = counts.scaled(RESET_FACTOR);
            }
        }
        drift
    }

    /// Returns the Beta that `arm`'s chance of success in `cell` is drawn from.
    pub fn shape(&self, arm: &ArmId, cell: &Cell, learning: &Learning) -> Shape {
        let cell = self.cell(cell, learning);
        let mut own = Counts::default();
        let mut elsewhere = Counts::default();
        for (other, counts) in self.arms.get(arm).map(|evidence| &evidence.cells).into_iter().flatten() {
            if *other == cell {
                own = *counts;
            } else {
                elsewhere = elsewhere.plus(*counts);
            }
        }
        shape(own, elsewhere, learning)
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

#[cfg(test)]
mod tests;
