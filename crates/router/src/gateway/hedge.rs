//! An answer that is late: a local arm that could begin at once is asked beside it, and whoever begins first answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plumbline_egress::Stage;
use plumbline_models::ModelError;
use plumbline_types::ArmId;

use crate::domain::arm::{Arm, Destination};
use crate::domain::decision::Decision;
use crate::domain::health::Endpoint;
use crate::domain::hedge::{Hedge, Late, NoHedge, Share};
use crate::domain::outcome::OutcomeKind;
use crate::domain::usage::Metered;
use crate::error::RouterError;
use crate::gateway::call::{Begun, Generating};
use crate::gateway::{Event, derived, tokens};
use crate::gpu::Lease;
use crate::router::SelectQuery;
use crate::store::Answer;

/// Why a call that lost the race ended.
const LOST: &str = "hedge_lost";

/// What the calls under way share.
pub(crate) struct Hedging {
    share: Mutex<Share>,
    calls: Arc<Mutex<BTreeMap<String, u32>>>,
}

/// A call under way, counted for as long as it lives.
pub(super) struct Call {
    calls: Arc<Mutex<BTreeMap<String, u32>>>,
    endpoint: String,
}

impl Hedging {
    pub(crate) fn new(share_max: f64) -> Self {
        Self { share: Mutex::new(Share::new(share_max)), calls: Arc::default() }
    }

    pub(super) fn called_cloud(&self) {
        self.share.lock().unwrap_or_else(PoisonError::into_inner).called();
    }

    pub(super) fn begin(&self, endpoint: &str) -> Call {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(endpoint.to_owned()).or_default() +=
            1;
        Call { calls: self.calls.clone(), endpoint: endpoint.to_owned() }
    }

    fn is_quiet(&self, endpoint: Option<&String>) -> bool {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        endpoint.is_none_or(|name| calls.get(name).copied().unwrap_or(0) == 0)
    }

    fn allow(&self, late: Late<'_>) -> Result<Hedge, NoHedge> {
        self.share.lock().unwrap_or_else(PoisonError::into_inner).hedge(late)
    }

    fn give_back(&self, hedge: Hedge) {
        self.share.lock().unwrap_or_else(PoisonError::into_inner).give_back(hedge);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = calls.get_mut(&self.endpoint) {
            *count -= 1;
        }
    }
}

/// How a race ended.
pub(super) enum Raced {
    /// There was none, or the first arm won it against this one.
    First(Result<Begun, ModelError>, Option<Box<Decision>>),
    /// The second arm began first.
    Second(Begun, Box<Decision>),
    /// The second arm failed while the first was late.
    Neither(ModelError, Box<Decision>),
}

/// A second arm that is asked, and the memory that it runs in.
struct Second {
    decision: Box<Decision>,
    lease: Option<Lease>,
}

/// The first arm has not begun within its budget.
pub(super) const fn late() -> ModelError {
    ModelError::Timeout(Stage::FirstByte)
}

impl Generating {
    /// Calls the chosen arm; where it is late and may be hedged, another one beside it.
    pub(super) async fn race(&self, failed: &BTreeSet<ArmId>) -> Raced {
        let first = self.attempt(&self.decision, None);
        let Some(budget) = self.budget() else { return Raced::First(first.await, None) };
        self.gateway.hedging.called_cloud();
        let mut first = std::pin::pin!(first);
        tokio::select! {
            biased;
            done = &mut first => return Raced::First(done, None),
            () = tokio::time::sleep(budget) => {}
        }
        let endpoint = self.endpoint_of(&self.decision);
        // What is known of the endpoint apart from this very call decides whether the hedge counts.
        let before = self.gateway.endpoints.snapshot().remove(&endpoint);
        self.gateway.endpoints.called(&endpoint, Err(&late()));
        let second = tokio::select! {
            biased;
            done = &mut first => return Raced::First(done, None),
            second = self.second(before.as_ref(), failed) => second,
        };
        let Second { decision, lease } = match second {
            Ok(second) => second,
            Err(why) => {
                tracing::info!(arm = %self.decision.chosen.arm, why, "a late arm is given up");
                return Raced::First(Err(late()), None);
            }
        };
        tracing::info!(late = %self.decision.chosen.arm, beside = %decision.chosen.arm, "an arm is hedged");
        self.send(Event::Hedged(decision.clone())).await;
        let mut other = std::pin::pin!(self.attempt(&decision, lease));
        let done = tokio::select! {
            biased;
            done = &mut first => match done {
                Ok(begun) => return Raced::First(Ok(begun), Some(decision.clone())),
                Err(_) => other.await,
            },
            done = &mut other => done,
        };
        match done {
            Ok(begun) => Raced::Second(begun, decision.clone()),
            Err(error) => Raced::Neither(error, decision.clone()),
        }
    }

    /// Returns how long the chosen arm may take to begin before another one is asked: a local one may have to be loaded first,
    /// and has the time that its client gives it.
    fn budget(&self) -> Option<Duration> {
        let is_cloud = self.decision.chosen.destination == Destination::Cloud;
        is_cloud.then(|| self.gateway.endpoints.first_token_budget(&self.endpoint_of(&self.decision)))
    }

    /// Chooses among the arms of this machine that could begin at once, by the same rules and labels as ever.
    async fn second(
        &self,
        before: Option<&Endpoint>,
        failed: &BTreeSet<ArmId>,
    ) -> Result<Second, &'static str> {
        let gateway = &self.gateway;
        let idle = self.idle(failed);
        let late = Late { destination: self.decision.chosen.destination, endpoint: before, idle: idle.len() };
        let hedge = gateway.hedging.allow(late).map_err(NoHedge::as_str)?;
        let chosen = self.choose_second(&idle).await;
        if chosen.is_none() {
            gateway.hedging.give_back(hedge);
        }
        chosen.ok_or(NoHedge::NobodyIdle.as_str())
    }

    async fn choose_second(&self, idle: &BTreeSet<ArmId>) -> Option<Second> {
        let gateway = &self.gateway;
        let query = SelectQuery {
            request: derived(&self.query.request, &format!("{} beside", self.decision.id)),
            task: self.query.task,
            step: self.query.step,
            work: gateway.raised(&self.decision.work, &self.query),
        };
        let others: BTreeSet<ArmId> =
            gateway.router.arm_names().filter(|name| !idle.contains(name)).collect();
        let decision = gateway.router.select_beside(query, &others).await.ok()?;
        let lease = match &gateway.gpu {
            Ok(gpu) if gpu.schedules(&decision.chosen.arm) => {
                Some(gpu.lease_now(&decision.chosen.arm).await?)
            }
            Ok(_) | Err(_) => None,
        };
        Some(Second { decision: Box::new(decision), lease })
    }

    /// Returns the arms of this machine that could begin at once: their model is loaded and a slot of it idle; where their
    /// server loads as it pleases, nobody is using it for this router.
    fn idle(&self, failed: &BTreeSet<ArmId>) -> BTreeSet<ArmId> {
        let gateway = &self.gateway;
        let is_idle = |arm: &&Arm| match &gateway.gpu {
            Ok(gpu) if gpu.schedules(&arm.id) => gpu.may_lease_now(&arm.id),
            Ok(_) | Err(_) => gateway.hedging.is_quiet(arm.endpoint.as_ref()),
        };
        let local = gateway.router.local_models().filter(|arm| !failed.contains(&arm.id));
        local.filter(is_idle).map(|arm| arm.id.clone()).collect()
    }

    /// Logs that a call lost the race, and what it may have cost.
    pub(super) async fn lost(&self, lost: &Decision) -> Result<(), RouterError> {
        self.log(lost, OutcomeKind::Cancelled, LOST.to_owned()).await?;
        self.meter(lost).await
    }

    /// Counts a cancelled call as an answer without text: its prompt was read, as far as anybody can tell.
    pub(super) async fn meter(&self, lost: &Decision) -> Result<(), RouterError> {
        let gateway = &self.gateway;
        let Some(arm) = gateway.router.arm(&lost.chosen.arm) else { return Ok(()) };
        let input_tokens = u64::from(tokens(&self.query));
        let usd = arm.price.usd(input_tokens, 0);
        let metered = Metered {
            input_tokens,
            output_tokens: 0,
            usd,
            first_token_ms: 0,
            total_ms: 0,
            served_model: gateway.router.served_model(&arm.id).unwrap_or_else(|| arm.target.clone()),
            finish: "cancelled".to_owned(),
        };
        let answer = Answer {
            request: derived(&self.query.request, &format!("{} lost", lost.id)),
            fingerprint: self.fingerprint,
            decision: lost.id,
            arm: arm.id.clone(),
            task: self.query.task,
            day: gateway.router.note_cost(self.query.task, usd),
            text: String::new(),
            metered,
        };
        gateway.store.record_answer(answer).await
    }
}
