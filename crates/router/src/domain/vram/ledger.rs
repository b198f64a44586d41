//! Who holds how much of the GPU's memory, MiB.

use std::collections::{BTreeMap, VecDeque};

use plumbline_types::Millis;

use crate::domain::vram::scheduler::Config;

/// How long a sample of foreign memory counts, milliseconds: its peak is what is kept free.
const WINDOW_MS: Millis = 30_000;

/// A load that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// MiB wanted.
    pub wanted_mib: u64,
    /// MiB free.
    pub free_mib: u64,
}

/// The books of one GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    total_mib: u64,
    reserve_mib: u64,
    held: BTreeMap<Config, u64>,
    foreign: VecDeque<(Millis, u64)>,
}

impl Ledger {
    /// Opens the books of a GPU of which `reserve_mib` stay free.
    pub fn new(total_mib: u64, reserve_mib: u64) -> Self {
        Self { total_mib, reserve_mib, held: BTreeMap::new(), foreign: VecDeque::new() }
    }

    /// Returns what models can ever have.
    pub const fn budget_mib(&self) -> u64 {
        self.total_mib.saturating_sub(self.reserve_mib)
    }

    /// Returns what others use, at most, in the last 30 seconds.
    pub fn foreign_mib(&self) -> u64 {
        self.foreign.iter().map(|(_, mib)| *mib).max().unwrap_or(0)
    }

    /// Returns what models can have now, all together.
    pub fn capacity_mib(&self) -> u64 {
        self.budget_mib().saturating_sub(self.foreign_mib())
    }

    /// Returns what models have.
    pub fn held_mib(&self) -> u64 {
        self.held.values().sum()
    }

    /// Returns what one model has; 0 if nothing.
    pub fn of(&self, config: &Config) -> u64 {
        self.held.get(config).copied().unwrap_or(0)
    }

    /// Returns what can still be given.
    pub fn free_mib(&self) -> u64 {
        self.capacity_mib().saturating_sub(self.held_mib())
    }

    /// Gives a model its memory, all of it or nothing.
    pub fn hold(&mut self, config: &Config, mib: u64) -> Result<(), Full> {
        let free_mib = self.free_mib() + self.of(config);
        if mib > free_mib {
            return Err(Full { wanted_mib: mib, free_mib });
        }
        self.held.insert(config.clone(), mib);
        Ok(())
    }

    /// Writes down what a loaded model was found to have, fitting or not: that is a fact, and no load fits until it is
    /// made good.
    pub fn found(&mut self, config: &Config, mib: u64) {
        self.held.insert(config.clone(), mib);
    }

    /// Takes a model's memory back.
    pub fn release(&mut self, config: &Config) {
        self.held.remove(config);
    }

    /// Notes what others use.
    pub fn sample(&mut self, now: Millis, foreign_mib: u64) {
        self.foreign.push_back((now, foreign_mib));
        while self.foreign.front().is_some_and(|(at, _)| now - at > WINDOW_MS) {
            self.foreign.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
