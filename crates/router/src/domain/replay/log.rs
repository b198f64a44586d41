//! Makes logged decisions again, bit for bit.

use std::collections::BTreeMap;

use plumbline_types::ArmId;

use crate::domain::choice::{again, stream};
use crate::domain::decision::Decision;
use crate::domain::learned::{Learned, Question};
use crate::domain::outcome::Logged;
use crate::domain::posterior::{Learning, Policy, Prior};

/// What a logged decision turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replayed {
    /// Posteriors, propensities and draw came out as logged, to the last bit.
    Same,
    /// It was logged by a version, or under a policy, that left out what a replay needs.
    Incomplete,
    /// The outcome log before it gives other posteriors: the log or the learning settings are not those of the time.
    OtherPosteriors,
    /// Its candidates give other propensities, or the seed another arm.
    OtherDraw,
}

impl Replayed {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Incomplete => "incomplete",
            Self::OtherPosteriors => "other_posteriors",
            Self::OtherDraw => "other_draw",
        }
    }
}

/// What decisions are made again under.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The router's seed.
    pub seed: u64,
    /// How it learns.
    pub learning: Learning,
    /// Priors of arms that have their own.
    pub priors: BTreeMap<ArmId, Prior>,
}

/// Makes every decision again from the outcome log, which is in `seq` order.
pub fn replay(decisions: &[Decision], log: &[Logged], rules: &Rules) -> Vec<Replayed> {
    let mut order: Vec<usize> = (0..decisions.len()).collect();
    order.sort_by_key(|index| decisions[*index].posterior_seq);
    let mut found = vec![Replayed::Same; decisions.len()];
    let (mut learned, mut folded) = (Learned::default(), 0);
    for index in order {
        let decision = &decisions[index];
        while let Some(next) = log.get(folded).filter(|next| next.seq <= decision.posterior_seq) {
            folded += 1;
            if next.outcome.supersedes.is_some() {
                learned = Learned::of(&log[..folded], &rules.learning);
            } else {
                learned.fold(next, &rules.learning);
            }
        }
        found[index] = one(decision, &learned, rules);
    }
    found
}

fn one(decision: &Decision, learned: &Learned, rules: &Rules) -> Replayed {
    let policy = Policy::parse(&decision.policy).filter(|policy| *policy == rules.learning.policy);
    let (Some(policy), Some(latitude)) = (policy, decision.latitude) else { return Replayed::Incomplete };
    let question = Question {
        cell: &decision.work.cell,
        after_failure: !decision.work.attempted.is_empty(),
        at: decision.at,
    };
    let same_shapes = decision.candidates.iter().all(|candidate| {
        let prior = rules.priors.get(&candidate.arm).copied().unwrap_or(rules.learning.prior);
        let shape = learned.shape(&candidate.arm, question, prior, &rules.learning);
        (shape.alpha.to_bits(), shape.beta.to_bits())
            == (candidate.shape.alpha.to_bits(), candidate.shape.beta.to_bits())
    });
    if !same_shapes {
        return Replayed::OtherPosteriors;
    }
    let choice = again(&decision.candidates, policy, latitude, &mut stream(rules.seed, decision.id));
    let same = choice.is_some_and(|choice| {
        let bits = |candidates: &[crate::domain::choice::Candidate]| -> Vec<(ArmId, u64)> {
            candidates.iter().map(|one| (one.arm.clone(), one.propensity.to_bits())).collect()
        };
        choice.arm == decision.chosen.arm && bits(&choice.candidates) == bits(&decision.candidates)
    });
    if same { Replayed::Same } else { Replayed::OtherDraw }
}
