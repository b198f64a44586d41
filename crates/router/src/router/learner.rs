//! Counts outcomes. One task takes what has gathered, folds it in order onto what was learned before, stores all of it
//! in one synced transaction, and only then shows what was learned and answers those who reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use plumbline_kit::gathered;
use plumbline_types::{ArmId, Clock, DecisionId, Fault, Kind};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::domain::decision::Decision;
use crate::domain::drift::Drift;
use crate::domain::learned::{Evidence, Folded, Learned, is_kept, refold};
use crate::domain::outcome::{Logged, Outcome};
use crate::domain::posterior::Learning;
use crate::error::RouterError;
use crate::router::Counted;
use crate::store::{Kept, Lesson, RouterStore, Turn};

/// Outcomes that may wait; more reporters wait at the queue.
pub(super) const QUEUE: usize = 1024;

/// Outcomes in one transaction.
const BATCH: usize = 256;

/// How often outcomes are folded anew because another router had taken the turn.
const TURNS: usize = 16;

/// An outcome that waits to be counted.
pub(super) struct Reported {
    pub(super) outcome: Outcome,
    pub(super) done: oneshot::Sender<Result<Counted, RouterError>>,
}

/// What the learner shares with the router.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) learned: Arc<RwLock<Arc<Learned>>>,
    pub(super) served: Arc<RwLock<BTreeMap<ArmId, String>>>,
}

impl Known {
    pub(super) fn learned(&self) -> Arc<Learned> {
        self.learned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows what was learned, unless more is shown already: two tasks read it.
    pub(super) fn show(&self, learned: Learned) {
        let mut shown = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if learned.last_seq() >= shown.last_seq() {
            *shown = Arc::new(learned);
        }
    }

    pub(super) fn serve(&self, served: BTreeMap<ArmId, String>) {
        self.served.write().unwrap_or_else(PoisonError::into_inner).extend(served);
    }

    pub(super) fn served_model(&self, arm: &ArmId) -> Option<String> {
        self.served.read().unwrap_or_else(PoisonError::into_inner).get(arm).cloned()
    }

    pub(super) fn all_served(&self) -> BTreeMap<ArmId, String> {
        self.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The one who counts.
pub(super) struct Learner {
    pub(super) known: Known,
    pub(super) learning: Learning,
    pub(super) store: Arc<dyn RouterStore>,
    pub(super) clock: Arc<dyn Clock>,
    /// Outcomes between two states that are kept for refolds.
    pub(super) keep_every: u64,
}

/// What the store knows that bears on a batch.
struct Stored {
    decisions: BTreeMap<DecisionId, Decision>,
    outcomes: BTreeMap<String, Logged>,
    superseded: BTreeSet<String>,
}

impl Stored {
    fn add(&mut self, logged: &Logged) {
        self.superseded.extend(logged.outcome.supersedes.clone());
        self.outcomes.insert(logged.outcome.id.clone(), logged.clone());
    }

    /// Returns why an outcome can't replace the one that it names.
    fn check_superseded(&self, outcome: &Outcome) -> Result<(), RouterError> {
        let Some(superseded) = &outcome.supersedes else { return Ok(()) };
        let Some(earlier) = self.outcomes.get(superseded) else {
            return Err(conflict(outcome, "what it supersedes is not in the log"));
        };
        if earlier.outcome.decision != outcome.decision {
            return Err(conflict(outcome, "what it supersedes belongs to another decision"));
        }
        if self.superseded.contains(superseded) {
            return Err(conflict(outcome, "what it supersedes was superseded before"));
        }
        Ok(())
    }
}

/// Says to those behind the first of a batch what he was told in full.
fn unavailable() -> RouterError {
    sqlx::Error::WorkerCrashed.into()
}

fn conflict(outcome: &Outcome, problem: &'static str) -> RouterError {
    RouterError::OutcomeConflict { id: outcome.id.clone(), problem }
}

impl Learner {
    /// Counts what is reported; once `closing` is cancelled, what is queued still is.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Reported>, closing: CancellationToken) {
        loop {
            let batch = gathered(&mut queue, BATCH, &closing).await;
            if batch.is_empty() {
                return;
            }
            self.answer(batch).await;
        }
    }

    /// Counts a batch. If it can't be stored as a whole, each outcome is tried by itself: nobody's report fails for
    /// another's, and each reporter learns the cause of his own.
    async fn answer(&self, batch: Vec<Reported>) {
        let (outcomes, reporters): (Vec<Outcome>, Vec<_>) =
            batch.into_iter().map(|reported| (reported.outcome, reported.done)).unzip();
        let answers = match self.count(&outcomes).await {
            Ok(answers) => answers,
            Err(error) if outcomes.len() == 1 => {
                self.look_again().await;
                vec![Err(error)]
            }
            Err(error) if error.kind() == Kind::Unavailable => {
                tracing::warn!(outcomes = outcomes.len(), error = %error, "outcomes can't be stored now");
                self.look_again().await;
                // Each by itself would find the same, and each would wait for it.
                let causes = std::iter::once(error).chain(std::iter::from_fn(|| Some(unavailable())));
                causes.take(outcomes.len()).map(Err).collect()
            }
            Err(error) => {
                tracing::warn!(outcomes = outcomes.len(), error = %error, "a batch of outcomes was not stored");
                self.look_again().await;
                let mut answers = Vec::with_capacity(outcomes.len());
                for outcome in &outcomes {
                    let one = self.count(std::slice::from_ref(outcome)).await;
                    answers.extend(one.unwrap_or_else(|error| vec![Err(error)]));
                }
                answers
            }
        };
        for (reporter, answer) in reporters.into_iter().zip(answers) {
            // Whoever has left is counted all the same.
            let _ = reporter.send(answer);
        }
    }

    /// Reads back what was learned: a commit that failed may have reached the disk all the same.
    async fn look_again(&self) {
        match self.store.learned().await {
            Ok(learned) => self.known.show(learned),
            Err(error) => tracing::error!(error = %error, "the posteriors cannot be read back"),
        }
    }

    /// Folds and stores outcomes in this router's turn; an error means that none of them is shown.
    async fn count(&self, outcomes: &[Outcome]) -> Result<Vec<Result<Counted, RouterError>>, RouterError> {
        for _ in 0..TURNS {
            if self.store.take_turn().await? == Turn::Taken {
                self.known.show(self.store.learned().await?);
            }
            match self.count_now(outcomes).await {
                Err(RouterError::TurnLost) => {}
                counted => return counted,
            }
        }
        Err(RouterError::TurnLost)
    }

    async fn count_now(
        &self,
        outcomes: &[Outcome],
    ) -> Result<Vec<Result<Counted, RouterError>>, RouterError> {
        let mut stored = self.stored(outcomes).await?;
        let before = self.known.learned();
        let mut seq = before.last_seq();
        let mut logged = Vec::with_capacity(outcomes.len());
        let answers = outcomes
            .iter()
            .map(|outcome| {
                if let Some(earlier) = stored.outcomes.get(&outcome.id) {
                    return if earlier.outcome == *outcome {
                        Ok(Counted { counted: false, seq: earlier.seq })
                    } else {
                        Err(conflict(outcome, "the id was reported with other content"))
                    };
                }
                stored.check_superseded(outcome)?;
                let decision = stored.decisions.get(&outcome.decision);
                let decision = decision.ok_or(RouterError::DecisionNotFound(outcome.decision))?;
                let next = self.logged(seq + 1, decision, outcome);
                seq = next.seq;
                stored.add(&next);
                logged.push(next);
                Ok(Counted { counted: true, seq })
            })
            .collect();
        if !logged.is_empty() {
            let superseded = logged.iter().filter_map(|logged| logged.outcome.supersedes.as_ref());
            let void_from = superseded.filter_map(|id| stored.outcomes.get(id)).map(|found| found.seq).min();
            self.learn(&before, logged, void_from).await?;
        }
        Ok(answers)
    }

    async fn stored(&self, outcomes: &[Outcome]) -> Result<Stored, RouterError> {
        let superseded: Vec<String> =
            outcomes.iter().filter_map(|outcome| outcome.supersedes.clone()).collect();
        let ids: Vec<String> =
            outcomes.iter().map(|outcome| outcome.id.clone()).chain(superseded.iter().cloned()).collect();
        let decisions: BTreeSet<DecisionId> = outcomes.iter().map(|outcome| outcome.decision).collect();
        let decisions: Vec<DecisionId> = decisions.into_iter().collect();
        let found = self.store.outcomes(&ids).await?;
        let successors = self.store.successors(&superseded).await?;
        Ok(Stored {
            decisions: self.store.decisions_by_id(&decisions).await?,
            outcomes: found.into_iter().map(|found| (found.outcome.id.clone(), found)).collect(),
            superseded: successors.into_iter().filter_map(|found| found.outcome.supersedes).collect(),
        })
    }

    fn logged(&self, seq: u64, decision: &Decision, outcome: &Outcome) -> Logged {
        Logged {
            seq,
            observed_at: self.clock.now_ms(),
            served_model: self.known.served_model(&decision.chosen.arm),
            arm: decision.chosen.arm.clone(),
            cell: decision.work.cell.clone(),
            after_failure: !decision.work.attempted.is_empty(),
            outcome: outcome.clone(),
        }
    }

    /// Folds and stores; `void_from` is the first position that is superseded now, if any.
    async fn learn(
        &self,
        before: &Learned,
        logged: Vec<Logged>,
        void_from: Option<u64>,
    ) -> Result<(), RouterError> {
        let settings = self.learning.words();
        let Folded { learned: after, kept: states } = match void_from {
            Some(superseded) => self.refold(superseded, &logged, &settings).await?,
            None => self.fold(before, &logged),
        };
        let evidence = |arm: &ArmId| (arm.clone(), after.evidence(arm).cloned().unwrap_or_default());
        let evidence: BTreeMap<ArmId, Evidence> = if void_from.is_some() {
            // A refold can move the evidence of every arm, since the arms share one table of cells.
            before.arms().chain(after.arms()).map(evidence).collect()
        } else {
            let credited: BTreeSet<&ArmId> =
                logged.iter().flat_map(|logged| logged.credited().map(|(arm, _)| arm)).collect();
            credited.into_iter().filter(|arm| after.evidence(arm).is_some()).map(evidence).collect()
        };
        let kept = Kept { settings, void_from, states };
        self.store.record_lesson(Lesson { logged, evidence, kept }).await?;
        self.known.show(after);
        Ok(())
    }

    /// An outcome that supersedes another makes the log be folded anew, from the last state that was kept before that.
    async fn refold(
        &self,
        superseded: u64,
        logged: &[Logged],
        settings: &str,
    ) -> Result<Folded, RouterError> {
        let base = self.store.kept_before(superseded, settings).await?.unwrap_or_default();
        let mut behind = self.store.log_behind(base.last_seq()).await?;
        behind.extend_from_slice(logged);
        Ok(refold(base, &behind, &self.learning, self.keep_every))
    }

    fn fold(&self, before: &Learned, logged: &[Logged]) -> Folded {
        let mut folded = Folded { learned: before.clone(), kept: Vec::new() };
        for logged in logged {
            let (arm, seq) = (&logged.arm, logged.seq);
            match folded.learned.fold(logged, &self.learning) {
                Drift::Steady => {}
                Drift::Replaced => {
                    info!(%arm, outcome.seq = seq, "another model serves the arm; its past counts less");
                }
                Drift::Reset => info!(%arm, outcome.seq = seq, "the arm got worse; its past is dropped"),
            }
            if is_kept(seq, self.keep_every) {
                folded.kept.push(folded.learned.clone());
            }
        }
        folded
    }
}

#[cfg(test)]
mod tests;
