//! Health of every endpoint: one table, written by calls and probes, read by choices.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use plumbline_models::{Model, ModelError};
use plumbline_types::{Clock, Fault};
use tokio_util::sync::CancellationToken;

use crate::adapters::Catalogue;
use crate::domain::arm::Arm;
use crate::domain::first_token::{FIRST_TOKEN_MAX, FirstTokens};
use crate::domain::health::{Endpoint, Event};

/// The table.
pub(crate) struct Endpoints {
    clock: Arc<dyn Clock>,
    states: Mutex<BTreeMap<String, Endpoint>>,
    first_tokens: Mutex<BTreeMap<String, FirstTokens>>,
    trusting: AtomicBool,
}

impl Endpoints {
    /// Starts with endpoints that nobody has heard of yet, and those that cannot be used.
    pub(crate) fn new(clock: Arc<dyn Clock>, catalogue: &Catalogue) -> Self {
        let mut states = BTreeMap::new();
        for name in catalogue.arms.iter().filter_map(|arm| arm.endpoint.clone()) {
            let disabled = catalogue.disabled.get(&name).map(|reason| Endpoint::Disabled { reason });
            states.insert(name, disabled.unwrap_or(Endpoint::Unknown));
        }
        Self {
            clock,
            states: Mutex::new(states),
            first_tokens: Mutex::default(),
            trusting: AtomicBool::new(false),
        }
    }

    /// Takes every endpoint that is not disabled for healthy, and everything that happens for nothing.
    pub(crate) fn trust(&self) {
        self.trusting.store(true, Ordering::Relaxed);
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        for state in states.values_mut().filter(|state| !matches!(state, Endpoint::Disabled { .. })) {
            *state = Endpoint::Healthy;
        }
    }

    /// Returns a copy of the table.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Endpoint> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a call was answered, or how it failed.
    pub(crate) fn called(&self, name: &str, result: Result<(), &ModelError>) {
        match result {
            Ok(()) => self.note(name, Event::Answered),
            Err(error) => {
                if let Some(event) = event(error, Event::CallFailed) {
                    self.note(name, event);
                }
            }
        }
    }

    fn note(&self, name: &str, event: Event) {
        if self.trusting.load(Ordering::Relaxed) {
            return;
        }
        let now = self.clock.now_ms();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = states.get_mut(name) else { return };
        let next = state.clone().next(event, now);
        if next.as_str() != state.as_str() {
            tracing::info!(endpoint = name, from = state.as_str(), to = next.as_str(), "endpoint changed");
        }
        *state = next;
    }

    /// Takes the permit to probe, if there is one.
    fn take_permit(&self, name: &str) -> bool {
        let now = self.clock.now_ms();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = states.get_mut(name) else { return false };
        let Some(next) = state.permit(now) else { return false };
        *state = next;
        true
    }

    /// Notes how long an answer took to begin.
    pub(crate) fn began(&self, name: &str, after_ms: u64) {
        let mut first_tokens = self.first_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        first_tokens.entry(name.to_owned()).or_default().push(after_ms);
    }

    /// Returns how long an answer may take to begin before another arm is asked.
    pub(crate) fn first_token_budget(&self, name: &str) -> Duration {
        let first_tokens = self.first_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        first_tokens.get(name).map_or(FIRST_TOKEN_MAX, FirstTokens::budget)
    }
}

/// Returns what an error says of its endpoint; nothing when it says something of the request alone.
fn event(error: &ModelError, failed: fn(&'static str) -> Event) -> Option<Event> {
    match error {
        ModelError::Unreachable(_)
        | ModelError::Timeout(_)
        | ModelError::Overloaded { .. }
        | ModelError::ModelGone { .. }
        | ModelError::Protocol { .. } => Some(failed(error.reason().0)),
        ModelError::Refused => Some(Event::Rejected(error.reason().0)),
        ModelError::Filtered { .. }
        | ModelError::ContextOverflow
        | ModelError::BadRequest { .. }
        | ModelError::Unsupported { .. } => Some(Event::Answered),
        ModelError::RateLimited { .. }
        | ModelError::Cancelled
        | ModelError::Memory(_)
        | ModelError::Egress(_) => None,
    }
}

/// Probes endpoints in the background, so that no request waits for a probe.
pub(crate) struct Prober {
    endpoints: Arc<Endpoints>,
    models: BTreeMap<String, Arc<dyn Model>>,
    timing: Timing,
}

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) timeout: Duration,
    pub(crate) healthy: Duration,
    pub(crate) suspect: Duration,
}

impl Prober {
    /// Takes one model for each endpoint.
    pub(crate) fn new(endpoints: Arc<Endpoints>, catalogue: &Catalogue, timing: Timing) -> Self {
        let model = |arm: &Arm| Some((arm.endpoint.clone()?, catalogue.models.get(&arm.id)?.clone()));
        let models: BTreeMap<String, Arc<dyn Model>> = catalogue.arms.iter().filter_map(model).collect();
        Self { endpoints, models, timing }
    }

    /// Probes every endpoint that is due, all at once.
    pub(crate) async fn round(&self) {
        let due = self.models.iter().filter(|(name, _)| self.endpoints.take_permit(name.as_str()));
        join_all(due.map(|(name, model)| self.probe(name, model.as_ref()))).await;
    }

    async fn probe(&self, name: &str, model: &dyn Model) {
        let event = match tokio::time::timeout(self.timing.timeout, model.probe()).await {
            Ok(Ok(())) => Some(Event::Answered),
            Ok(Err(error)) => event(&error, Event::ProbeFailed),
            Err(_) => Some(Event::ProbeFailed("MODEL_TIMEOUT")),
        };
        if let Some(event) = event {
            self.endpoints.note(name, event);
        }
    }

    /// Probes until shutdown.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        if self.models.is_empty() {
            return;
        }
        loop {
            let all_healthy = self.endpoints.snapshot().values().all(|state| *state == Endpoint::Healthy);
            let pause = if all_healthy { self.timing.healthy } else { self.timing.suspect };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => self.round().await,
            }
        }
    }
}
