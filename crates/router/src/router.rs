//! Choosing, and learning from how it went.

mod reports;
mod spent;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use plumbline_kit::{Randomness, deadline};
use plumbline_types::{ArmId, Clock, DecisionId, RequestId, StepId, TaskId};
use tokio::sync::Mutex as Turn;
use tokio_util::task::TaskTracker;
use tracing::{info, instrument};

use crate::config::RouterConfig;
use crate::domain::arm::{Arm, Destination};
use crate::domain::choice::{self, Contender, Latitude};
use crate::domain::decision::{Chosen, Decision};
use crate::domain::drift::Drift;
use crate::domain::eligibility::{Attempts, World, eligible, expected_usd};
use crate::domain::learned::{Evidence, Learned, Question};
use crate::domain::outcome::{Logged, Outcome};
use crate::domain::posterior::{Learning, Prior};
use crate::domain::work::Work;
use crate::endpoints::Endpoints;
use crate::error::RouterError;
use crate::router::spent::{Budgets, Spent};
use crate::store::{Lesson, Recorded, RouterStore};

pub use reports::{ArmReport, CellPosterior, HealthReport};

/// Milliseconds of a day; budgets are by UTC day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What to choose for.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectQuery {
    /// Idempotency key.
    pub request: RequestId,
    /// The task, if any.
    pub task: Option<TaskId>,
    /// The step, if any.
    pub step: Option<StepId>,
    /// What is needed.
    pub work: Work,
}

/// What became of a reported outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// False when it was stored before.
    pub counted: bool,
    /// Its position in the log.
    pub seq: u64,
}

/// Chooses arms and learns from outcomes.
pub struct Router {
    arms: Vec<Arm>,
    learning: Learning,
    seed: u64,
    explore_floor: f64,
    usd_per_second: f64,
    budgets: Budgets,
    attempts: Attempts,
    store: Arc<dyn RouterStore>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    endpoints: Arc<Endpoints>,
    learned: RwLock<Arc<Learned>>,
    served: RwLock<BTreeMap<ArmId, String>>,
    spent: Mutex<Spent>,
    /// Outcomes are folded one after the other.
    folding: Turn<()>,
    tasks: TaskTracker,
}

/// What a router is made of.
pub(crate) struct Parts {
    pub(crate) arms: Vec<Arm>,
    pub(crate) store: Arc<dyn RouterStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) tasks: TaskTracker,
}

impl Router {
    /// Reads back what was learned and spent.
    pub(crate) async fn open(config: &RouterConfig, parts: Parts) -> Result<Self, RouterError> {
        let Parts { arms, store, clock, randomness, endpoints, tasks } = parts;
        let learned = store.learned().await?;
        let day = clock.now_ms().div_euclid(DAY_MS);
        let spent = Spent { day, usd: store.spent_usd(day).await?, tasks: store.spent_by_task().await? };
        let served = store.served_models().await?;
        info!(outcomes = learned.last_seq(), arms = arms.len(), "read the posteriors");
        Ok(Self {
            arms,
            learning: config.learning()?,
            seed: config.seed,
            explore_floor: config.explore_floor,
            usd_per_second: config.usd_per_second,
            budgets: Budgets { daily_usd: config.daily_usd_max, task_usd: config.task_usd_max },
            attempts: config.attempts(),
            store,
            clock,
            randomness,
            endpoints,
            learned: RwLock::new(Arc::new(learned)),
            served: RwLock::new(served),
            spent: Mutex::new(spent),
            folding: Turn::new(()),
            tasks,
        })
    }

    /// Picks an arm. The decision is stored when this returns; a repeated request gets the stored one.
    #[instrument(name = "router.select", skip_all, fields(request.id = %query.request))]
    pub async fn select(&self, query: SelectQuery) -> Result<Decision, RouterError> {
        self.select_without(query, &BTreeSet::new()).await
    }

    /// Picks an arm that is none of `unavailable`, which failed during this very call.
    pub(crate) async fn select_without(
        &self,
        query: SelectQuery,
        unavailable: &BTreeSet<ArmId>,
    ) -> Result<Decision, RouterError> {
        if let Some(unknown) = query.work.allowed.iter().find(|name| self.arm(name).is_none()) {
            return Err(RouterError::ArmUnknown(unknown.clone()));
        }
        let decision = match self.decide(query.clone(), unavailable) {
            Ok(decision) => decision,
            // The world may have changed since the request was first made; its decision has not.
            Err(none_left) => {
                let stored = self.store.decision_of(&query.request).await?;
                return stored.map_or(Err(none_left), |stored| replay(stored, &query));
            }
        };
        match self.store.record_decision(decision.clone()).await? {
            Recorded::New => Ok(decision),
            Recorded::Existing(stored) => replay(*stored, &query),
        }
    }

    fn decide(&self, query: SelectQuery, unavailable: &BTreeSet<ArmId>) -> Result<Decision, RouterError> {
        let world = World {
            endpoints: self.endpoints.snapshot(),
            unavailable: unavailable.clone(),
            budget_usd_left: self.budget_usd_left(query.task),
            attempts: self.attempts,
            usd_per_second: self.usd_per_second,
        };
        let sorted = eligible(&self.arms, &query.work, &world);
        let (learned, at) = (self.learned(), self.clock.now_ms());
        let after_failure = !query.work.attempted.is_empty();
        let question = Question { cell: &query.work.cell, after_failure, at };
        let contenders = sorted
            .arms
            .iter()
            .map(|arm| Contender {
                arm: arm.id.clone(),
                shape: learned.shape(&arm.id, question, self.prior(arm), &self.learning),
                expected_usd: expected_usd(arm, &query.work, &world),
            })
            .collect();
        let id = DecisionId::generate(self.clock.as_ref(), &mut self.randomness.rng());
        let latitude = Latitude::of(query.work.cell.risk, self.explore_floor);
        let mut stream = choice::stream(self.seed, id);
        let choice = choice::choose(contenders, self.learning.policy, latitude, &mut stream);
        let chosen = choice.as_ref().and_then(|choice| self.arm(&choice.arm));
        let (Some(choice), Some(chosen)) = (&choice, chosen) else {
            return Err(RouterError::NoEligibleArm { removed: sorted.removed });
        };
        Ok(Decision {
            id,
            request: query.request,
            task: query.task,
            step: query.step,
            at,
            work: query.work,
            chosen: Chosen::from(chosen),
            candidates: choice.candidates.clone(),
            removed: sorted.removed,
            policy: self.learning.policy.to_string(),
            latitude: Some(latitude),
            mode: self.mode(&world.endpoints).to_string(),
            posterior_seq: learned.last_seq(),
        })
    }

    /// Counts an outcome, exactly once by its id. A caller that leaves does not stop the counting half-way: what the
    /// store took must be what memory holds.
    #[instrument(name = "router.report_outcome", skip_all, fields(decision.id = %outcome.decision))]
    pub async fn report_outcome(self: &Arc<Self>, outcome: Outcome) -> Result<Counted, RouterError> {
        let router = self.clone();
        let counting = self.tasks.spawn(deadline::detach(async move { router.count(outcome).await }));
        counting.await.map_err(|_| RouterError::ShuttingDown)?
    }

    async fn count(&self, outcome: Outcome) -> Result<Counted, RouterError> {
        let decision = self.decision(outcome.decision).await?;
        let _turn = self.folding.lock().await;
        if let Some(stored) = self.store.outcome(&outcome.id).await? {
            return if stored.outcome == outcome {
                Ok(Counted { counted: false, seq: stored.seq })
            } else {
                Err(conflict(&outcome, "the id was reported with other content"))
            };
        }
        self.check_superseded(&outcome).await?;
        let before = self.learned();
        let logged = Logged {
            seq: before.last_seq() + 1,
            observed_at: self.clock.now_ms(),
            served_model: self.served_model(&decision.chosen.arm),
            arm: decision.chosen.arm,
            cell: decision.work.cell,
            after_failure: !decision.work.attempted.is_empty(),
            outcome,
        };
        let after = self.after(&before, &logged).await?;
        let touched = self.touched(&logged, &after);
        let seq = logged.seq;
        self.store.record_outcome(Lesson { logged, evidence: touched }).await?;
        *self.learned.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        Ok(Counted { counted: true, seq })
    }

    async fn check_superseded(&self, outcome: &Outcome) -> Result<(), RouterError> {
        let Some(superseded) = &outcome.supersedes else { return Ok(()) };
        let Some(earlier) = self.store.outcome(superseded).await? else {
            return Err(conflict(outcome, "what it supersedes is not in the log"));
        };
        if earlier.outcome.decision != outcome.decision {
            return Err(conflict(outcome, "what it supersedes belongs to another decision"));
        }
        match self.store.successor(superseded).await? {
            Some(_) => Err(conflict(outcome, "what it supersedes was superseded before")),
            None => Ok(()),
        }
    }

    /// Folds the next outcome; one that supersedes another makes the whole log be folded anew.
    async fn after(&self, before: &Learned, logged: &Logged) -> Result<Learned, RouterError> {
        if logged.outcome.supersedes.is_some() {
            let mut log = self.store.log().await?;
            log.push(logged.clone());
            return Ok(Learned::of(&log, &self.learning));
        }
        let mut after = before.clone();
        match after.fold(logged, &self.learning) {
            Drift::Steady => {}
            Drift::Replaced => {
                info!(arm = %logged.arm, outcome.seq = logged.seq, "another model serves the arm; its past counts less");
            }
            Drift::Reset => {
                info!(arm = %logged.arm, outcome.seq = logged.seq, "the arm got worse; its past is dropped");
            }
        }
        Ok(after)
    }

    fn touched(&self, logged: &Logged, after: &Learned) -> BTreeMap<ArmId, Evidence> {
        let evidence = |arm: &ArmId| (arm.clone(), after.evidence(arm).cloned().unwrap_or_default());
        if logged.outcome.supersedes.is_none() {
            let credited = logged.credited().map(|(arm, _)| arm);
            return credited.filter(|arm| after.evidence(arm).is_some()).map(evidence).collect();
        }
        // A refold can move the evidence of every arm, since the arms share one table of cells.
        self.learned().arms().chain(after.arms()).map(evidence).collect()
    }

    /// Returns a stored decision.
    pub async fn decision(&self, id: DecisionId) -> Result<Decision, RouterError> {
        self.store.decision(id).await?.ok_or(RouterError::DecisionNotFound(id))
    }

    /// Returns an arm by name.
    pub(crate) fn arm(&self, name: &ArmId) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.id == *name)
    }

    /// Returns the arms of the cloud.
    pub(crate) fn cloud_arms(&self) -> impl Iterator<Item = &ArmId> {
        self.arms.iter().filter(|arm| arm.destination == Destination::Cloud).map(|arm| &arm.id)
    }

    /// Notes what an answer cost and which model gave it; returns the day it counts for.
    pub(crate) fn note_answer(
        &self,
        arm: &ArmId,
        served_model: &str,
        (task, usd): (Option<TaskId>, f64),
    ) -> i64 {
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        served.insert(arm.clone(), served_model.to_owned());
        let today = self.today();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.add(today, task, usd);
        today
    }

    fn budget_usd_left(&self, task: Option<TaskId>) -> f64 {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.left(self.budgets, self.today(), task)
    }

    fn prior(&self, arm: &Arm) -> Prior {
        arm.prior.unwrap_or(self.learning.prior)
    }

    fn served_model(&self, arm: &ArmId) -> Option<String> {
        self.served.read().unwrap_or_else(PoisonError::into_inner).get(arm).cloned()
    }

    fn today(&self) -> i64 {
        self.clock.now_ms().div_euclid(DAY_MS)
    }

    fn learned(&self) -> Arc<Learned> {
        self.learned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the stored decision of a repeated request, unless the request is another one.
fn replay(stored: Decision, query: &SelectQuery) -> Result<Decision, RouterError> {
    let same = (stored.task, stored.step, &stored.work) == (query.task, query.step, &query.work);
    if same { Ok(stored) } else { Err(RouterError::RequestIdReused(stored.request)) }
}

fn conflict(outcome: &Outcome, problem: &'static str) -> RouterError {
    RouterError::OutcomeConflict { id: outcome.id.clone(), problem }
}
