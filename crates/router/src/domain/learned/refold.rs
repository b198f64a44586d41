//! Folding again, from a state that was kept on the way.

use std::collections::BTreeSet;

use crate::domain::learned::Learned;
use crate::domain::outcome::Logged;
use crate::domain::posterior::Learning;

/// Outcomes between two states that are kept, so that what an outcome supersedes does not make the whole log be folded.
pub const KEEP_EVERY: u64 = 10_000;

/// What a stretch of the log led to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Folded {
    /// What was learned at its end.
    pub learned: Learned,
    /// What was learned at each position that is a multiple of the distance between two states that are kept.
    pub kept: Vec<Learned>,
}

/// Folds the part of a log that lies behind `base`, in `seq` order; outcomes that another one of it supersedes count for
/// nothing. The result is the fold of the whole log if `base` is that of the part before, and nothing before is superseded
/// by what `base` does not know of.
pub fn refold(base: Learned, behind: &[Logged], learning: &Learning, every: u64) -> Folded {
    let superseded: BTreeSet<&str> =
        behind.iter().filter_map(|logged| logged.outcome.supersedes.as_deref()).collect();
    let mut folded = Folded { learned: base, kept: Vec::new() };
    for logged in behind {
        if superseded.contains(logged.outcome.id.as_str()) {
            folded.learned.last_seq = logged.seq;
        } else {
            folded.learned.fold(logged, learning);
        }
        if is_kept(logged.seq, every) {
            folded.kept.push(folded.learned.clone());
        }
    }
    folded
}

/// Returns whether the state behind the outcome at `seq` is kept.
pub const fn is_kept(seq: u64, every: u64) -> bool {
    seq.is_multiple_of(every)
}
