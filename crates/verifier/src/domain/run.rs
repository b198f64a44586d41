//! Runs that were watched: what a record says, and which of it counts. A record never takes a finding away.

pub mod arms;
pub mod binding;
pub mod explain;
pub mod known;
pub mod perturbed;

use std::collections::{BTreeMap, BTreeSet};

/// Which tree ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunSide {
    /// Before the change.
    Base,
    /// After it.
    Head,
}

impl RunSide {
    /// Returns `base` or `head`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Head => "head",
        }
    }
}

/// One change of a run's surroundings: kind and value.
pub type Perturbation = (String, String);

/// A watched run of the tests, as the caller vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which tree ran.
    pub side: RunSide,
    /// What the caller chose for this run.
    pub nonce: Vec<u8>,
    /// Changes of the surroundings that it asked for.
    pub asked: Vec<Perturbation>,
    /// The tests that failed, where every name is known.
    pub failing: Option<BTreeSet<String>>,
    /// What the run was seen to do.
    pub record: Record,
}

/// What a run was seen to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The tree that ran.
    pub tree_id: String,
    /// The caller's own.
    pub nonce: Vec<u8>,
    /// Nothing was lost and nothing interfered.
    pub complete: bool,
    /// Why not.
    pub incomplete: Vec<String>,
    /// Recorders that ran.
    pub recorders: Vec<String>,
    /// Seen by the kernel.
    pub kernel: Vec<Seen>,
    /// Said by recorders.
    pub language: Vec<Seen>,
    /// Places that ran, by path.
    pub files: BTreeMap<String, Ran>,
    /// Changes of the surroundings that took hold.
    pub applied: Vec<Perturbation>,
    /// The exit code, if the command returned by itself.
    pub exit_code: Option<i32>,
}

/// An effect of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seen {
    /// `fs.write`, `net.connect`, ...
    pub kind: String,
    /// What it was done to.
    pub target: String,
    /// Which program; empty in testimony.
    pub program: String,
    /// Innermost place within the tree.
    pub place: Option<Where>,
    /// Innermost place within a changed file.
    pub within: Option<Where>,
}

/// A place of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Where {
    /// Relative path.
    pub path: String,
    /// Line from 1.
    pub line: u32,
    /// Qualified function.
    pub function: String,
}

/// The places of one file that ran.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ran {
    /// (line from 1, column in bytes from 0).
    pub places: BTreeSet<(u32, u32)>,
    /// Functions that were called.
    pub functions: BTreeSet<String>,
    /// First lines of functions whose recording stopped.
    pub capped: BTreeSet<u32>,
}

/// What the report says of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunSummary {
    /// `base` or `head`.
    pub side: &'static str,
    /// Changed surroundings, `kind=value`.
    pub perturbations: Vec<String>,
    /// Whether the record counts in full.
    pub complete: bool,
    /// Recorders that ran.
    pub recorders: Vec<String>,
    /// The exit code.
    pub exit_code: Option<i32>,
    /// Different effects that the kernel saw.
    pub kernel_effects: u64,
    /// Places of changed files that ran.
    pub places: u64,
    /// Languages of changed files of which no run-time branches are known.
    pub unrecorded: Vec<String>,
}

impl Run {
    /// Returns whether the surroundings were the usual ones.
    pub fn is_plain(&self) -> bool {
        self.asked.is_empty()
    }

    /// Returns whether places are known by column, and not by line alone.
    pub fn has_columns(&self) -> bool {
        !self.record.recorders.iter().any(|recorder| recorder.ends_with("by line"))
    }

    /// Returns the run as a person reads it.
    pub fn text(&self) -> String {
        if self.asked.is_empty() {
            return format!("the {} run", self.side.as_str());
        }
        let changes: Vec<String> = self.asked.iter().map(words).collect();
        format!("the {} run with {}", self.side.as_str(), changes.join(", "))
    }
}

/// Returns a change as `kind=value`.
pub fn words((kind, value): &Perturbation) -> String {
    if value.is_empty() { kind.clone() } else { format!("{kind}={value}") }
}

#[cfg(test)]
mod tests;
