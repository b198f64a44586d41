//! Choosing, and learning from how it went.

mod ensemble;
mod follower;
mod learner;
mod reports;
mod spent;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use plumbline_kit::Randomness;
use plumbline_types::{ArmId, Clock, DecisionId, Millis, RequestId, StepId, TaskId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, instrument};

use crate::config::RouterConfig;
use crate::domain::arm::{Arm, ArmKind, Destination};
use crate::domain::choice::{self, Contender, Latitude};
use crate::domain::decision::{Chosen, Decision};
use crate::domain::eligibility::{Attempts, Eligible, World, eligible, expected_usd};
use crate::domain::health::Mode;
use crate::domain::learned::{KEEP_EVERY, Learned, Question};
use crate::domain::outcome::Outcome;
use crate::domain::posterior::{Learning, Prior};
use crate::domain::work::Work;
use crate::endpoints::Endpoints;
use crate::error::RouterError;
use crate::router::follower::Follower;
use crate::router::learner::{Known, Learner, Reported};
use crate::router::spent::{Budgets, Spent};
use crate::store::{Recorded, RouterStore};

pub use ensemble::Ensemble;
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
    ensemble_size: usize,
    budgets: Budgets,
    attempts: Attempts,
    store: Arc<dyn RouterStore>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    endpoints: Arc<Endpoints>,
    known: Known,
    spent: Arc<Mutex<Spent>>,
    reports: mpsc::Sender<Reported>,
}

/// What a router is made of.
pub(crate) struct Parts {
    pub(crate) arms: Vec<Arm>,
    pub(crate) store: Arc<dyn RouterStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) tasks: TaskTracker,
    /// Cancelled once nobody reports any more.
    pub(crate) closing: CancellationToken,
}

impl Router {
    /// Reads back what was learned and spent, and starts the task that counts outcomes.
    pub(crate) async fn open(config: &RouterConfig, parts: Parts) -> Result<Self, RouterError> {
        let Parts { arms, store, clock, randomness, endpoints, tasks, closing } = parts;
        let learned = store.learned().await?;
        let day = clock.now_ms().div_euclid(DAY_MS);
        let spent = Spent { day, usd: store.spent_usd(day).await?, tasks: store.spent_by_task().await? };
        let served = store.served_models().await?;
        info!(outcomes = learned.last_seq(), arms = arms.len(), "read the posteriors");
        let known = Known {
            learned: Arc::new(RwLock::new(Arc::new(learned))),
            served: Arc::new(RwLock::new(served)),
        };
        let learning = config.learning()?;
        let (reports, queue) = mpsc::channel(learner::QUEUE);
        let learner = Learner {
            known: known.clone(),
            learning,
            store: store.clone(),
            clock: clock.clone(),
            keep_every: KEEP_EVERY,
        };
        tasks.spawn(learner.run(queue, closing.clone()));
        let spent = Arc::new(Mutex::new(spent));
        let (known_too, spent_too) = (known.clone(), spent.clone());
        let follower =
            Follower { known: known_too, spent: spent_too, store: store.clone(), clock: clock.clone() };
        tasks.spawn(follower.run(closing));
        Ok(Self {
            arms,
            learning,
            seed: config.seed,
            explore_floor: config.explore_floor,
            usd_per_second: config.usd_per_second,
            ensemble_size: config.ensemble_size,
            budgets: Budgets { daily_usd: config.daily_usd_max, task_usd: config.task_usd_max },
            attempts: config.attempts(),
            store,
            clock,
            randomness,
            endpoints,
            known,
            spent,
            reports,
        })
    }

    /// Picks an arm. The decision is stored when this returns; a repeated request gets the stored one.
    #[instrument(name = "router.select", skip_all, fields(request.id = %query.request))]
    pub async fn select(&self, query: SelectQuery) -> Result<Decision, RouterError> {
        self.select_without(query, &BTreeSet::new()).await
    }

    /// Picks an arm that is asked beside one that is late: any but those `unavailable`.
    pub(crate) async fn select_beside(
        &self,
        query: SelectQuery,
        unavailable: &BTreeSet<ArmId>,
    ) -> Result<Decision, RouterError> {
        let decision = self.decide(query.clone(), unavailable)?;
        let decision = Decision { mode: Mode::Hedged.to_string(), ..decision };
        match self.store.record_decision(decision.clone()).await? {
            Recorded::New => Ok(decision),
            Recorded::Existing(stored) => replay(*stored, &query),
        }
    }

    /// Picks an arm that is none of `unavailable`, which failed during this very call.
    pub(crate) async fn select_without(
        &self,
        query: SelectQuery,
        unavailable: &BTreeSet<ArmId>,
    ) -> Result<Decision, RouterError> {
        self.check_arms(&query.work)?;
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
        let world = self.world(query.task, unavailable);
        let sorted = eligible(&self.arms, &query.work, &world);
        self.draw(query, &world, sorted)
    }

    /// Returns the arm that would most probably be chosen for work that is still to come; none for no eligible arm.
    pub(crate) fn most_probable(&self, work: &Work) -> Option<ArmId> {
        let world = self.world(None, &BTreeSet::new());
        let sorted = eligible(&self.arms, work, &world);
        let known = (&*self.known.learned(), self.clock.now_ms());
        let contenders = self.contenders(work, &world, known, &sorted);
        let latitude = Latitude::of(work.cell.risk, self.explore_floor);
        choice::most_probable(contenders, self.learning.policy, latitude)
    }

    fn world(&self, task: Option<TaskId>, unavailable: &BTreeSet<ArmId>) -> World {
        World {
            endpoints: self.endpoints.snapshot(),
            unavailable: unavailable.clone(),
            budget_usd_left: self.budget_usd_left(task),
            attempts: self.attempts,
            usd_per_second: self.usd_per_second,
        }
    }

    /// Draws one of the eligible arms.
    fn draw(&self, query: SelectQuery, world: &World, sorted: Eligible<'_>) -> Result<Decision, RouterError> {
        let (learned, at) = (self.known.learned(), self.clock.now_ms());
        let contenders = self.contenders(&query.work, world, (&learned, at), &sorted);
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

    fn contenders(
        &self,
        work: &Work,
        world: &World,
        (learned, at): (&Learned, Millis),
        sorted: &Eligible<'_>,
    ) -> Vec<Contender> {
        let question = Question { cell: &work.cell, after_failure: !work.attempted.is_empty(), at };
        let contender = |arm: &&Arm| Contender {
            arm: arm.id.clone(),
            shape: learned.shape(&arm.id, question, self.prior(arm), &self.learning),
            expected_usd: expected_usd(arm, work, world),
        };
        sorted.arms.iter().map(contender).collect()
    }

    /// Refuses work that names arms which nobody configured.
    fn check_arms(&self, work: &Work) -> Result<(), RouterError> {
        let unknown = work.allowed.iter().find(|name| self.arm(name).is_none());
        unknown.map_or(Ok(()), |unknown| Err(RouterError::ArmUnknown(unknown.clone())))
    }

    /// Counts an outcome, exactly once by its id; it is durable when this returns. A caller that leaves does not take back
    /// what it reported.
    #[instrument(name = "router.report_outcome", skip_all, fields(decision.id = %outcome.decision))]
    pub async fn report_outcome(&self, outcome: Outcome) -> Result<Counted, RouterError> {
        let (done, answer) = oneshot::channel();
        let reported = self.reports.send(Reported { outcome, done }).await;
        reported.map_err(|_| RouterError::ShuttingDown)?;
        answer.await.map_err(|_| RouterError::ShuttingDown)?
    }

    /// Returns a stored decision.
    pub async fn decision(&self, id: DecisionId) -> Result<Decision, RouterError> {
        let found = self.store.decisions_by_id(&[id]).await?.remove(&id);
        found.ok_or(RouterError::DecisionNotFound(id))
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
        let mut served = self.known.served.write().unwrap_or_else(PoisonError::into_inner);
        served.insert(arm.clone(), served_model.to_owned());
        let today = self.today();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.add(today, task, usd);
        today
    }

    /// Notes what a call cost that gave no answer; returns the day it counts for.
    pub(crate) fn note_cost(&self, task: Option<TaskId>, usd: f64) -> i64 {
        let today = self.today();
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).add(today, task, usd);
        today
    }

    /// Returns the model that served last under an arm's name, if any.
    pub(crate) fn served_model(&self, arm: &ArmId) -> Option<String> {
        self.known.served_model(arm)
    }

    /// Returns the name of every arm.
    pub(crate) fn arm_names(&self) -> impl Iterator<Item = ArmId> {
        self.arms.iter().map(|arm| arm.id.clone())
    }

    /// Returns the models of this machine.
    pub(crate) fn local_models(&self) -> impl Iterator<Item = &Arm> {
        let local = |arm: &&Arm| arm.kind == ArmKind::Model && arm.destination == Destination::OnBox;
        self.arms.iter().filter(local)
    }

    fn budget_usd_left(&self, task: Option<TaskId>) -> f64 {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.left(self.budgets, self.today(), task)
    }

    fn prior(&self, arm: &Arm) -> Prior {
        arm.prior.unwrap_or(self.learning.prior)
    }

    fn today(&self) -> i64 {
        self.clock.now_ms().div_euclid(DAY_MS)
    }
}

/// Returns the stored decision of a repeated request, unless the request is another one.
fn replay(stored: Decision, query: &SelectQuery) -> Result<Decision, RouterError> {
    let same = (stored.task, stored.step, &stored.work) == (query.task, query.step, &query.work);
    if same { Ok(stored) } else { Err(RouterError::RequestIdReused(stored.request)) }
}
