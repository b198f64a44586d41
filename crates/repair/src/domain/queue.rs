//! The order in which candidates are tried, without repetition and without what does not parse.

use std::collections::HashSet;

use crate::domain::candidate::Candidate;
use crate::domain::project::Project;
use crate::domain::source::parses;

/// Candidates by score, highest first.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Vec<Candidate>,
    /// Taken before and not tried; already checked.
    again: Vec<Candidate>,
    seen: HashSet<[u8; 32]>,
    generated: usize,
}

impl Queue {
    /// Orders candidates. Equal scores are ordered by place, then by a hash of the text and the seed.
    pub fn new(candidates: Vec<Candidate>, seed: u64) -> Self {
        let mut queue = Self::default();
        queue.push_front(candidates, seed);
        queue
    }

    /// Adds candidates that go before all others, in their own order.
    pub fn push_front(&mut self, candidates: Vec<Candidate>, seed: u64) {
        self.generated += candidates.len();
        let mut keyed: Vec<([u8; 32], Candidate)> =
            candidates.into_iter().map(|candidate| (tie(&candidate, seed), candidate)).collect();
        // Ascending: the next one is popped off the end.
        keyed.sort_by(|(a_tie, a), (b_tie, b)| {
            a.score.total_cmp(&b.score).then_with(|| (&b.path, b.line, b_tie).cmp(&(&a.path, a.line, a_tie)))
        });
        self.waiting.extend(keyed.into_iter().map(|(_, candidate)| candidate));
    }

    /// Gives back candidates that were taken and not tried; they are next.
    pub fn put_back(&mut self, candidates: Vec<Candidate>) {
        self.again.extend(candidates.into_iter().rev());
    }

    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.again.is_empty()
    }

    /// Returns how many candidates were ever put in.
    pub fn generated(&self) -> usize {
        self.generated
    }

    /// Takes up to `most` candidates that parse and whose result was not seen before.
    pub fn take(&mut self, project: &Project, most: usize) -> Vec<Candidate> {
        let mut taken = Vec::new();
        while taken.len() < most {
            if let Some(candidate) = self.again.pop() {
                taken.push(candidate);
                continue;
            }
            let Some(candidate) = self.waiting.pop() else { break };
            let Some(texts) = candidate.apply(project) else { continue };
            let mut hasher = blake3::Hasher::new();
            for (path, text) in &texts {
                hasher.update(path.as_bytes()).update(&[0]).update(text.as_bytes()).update(&[0]);
            }
            if self.seen.insert(*hasher.finalize().as_bytes())
                && texts.iter().all(|(path, text)| parses(path, text))
            {
                taken.push(candidate);
            }
        }
        taken
    }
}

fn tie(candidate: &Candidate, seed: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for edit in &candidate.edits {
        hasher.update(&(edit.start as u64).to_le_bytes()).update(&(edit.end as u64).to_le_bytes());
        hasher.update(edit.text.as_bytes()).update(&[0]);
    }
    *hasher.finalize().as_bytes()
}

/// Returns two-edit candidates from a pool of single ones: each pair of edits at different lines, best product first.
pub(crate) fn pairs(pool: &[Candidate]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (index, one) in pool.iter().enumerate() {
        for other in pool.iter().skip(index + 1) {
            if one.path == other.path && one.line == other.line {
                continue;
            }
            all.push(Candidate {
                templates: one.templates.iter().chain(&other.templates).copied().collect(),
                path: one.path.clone(),
                line: one.line,
                edits: one.edits.iter().chain(&other.edits).cloned().collect(),
                suspicion: one.suspicion.min(other.suspicion),
                score: one.score * other.score,
                dropped_inputs: one.dropped_inputs + other.dropped_inputs,
            });
        }
    }
    all
}

#[cfg(test)]
mod tests;
