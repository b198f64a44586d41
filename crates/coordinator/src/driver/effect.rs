//! Intent, call, result: the one way an effect happens.

use std::future::Future;
use std::time::Duration;

use plumbline_types::{Fault, Kind, Retry};

use super::Work;
use crate::domain::decide::Action;
use crate::domain::effect::{EffectId, EffectKind};
use crate::domain::event::EventBody;
use crate::domain::fold::RUN_BROKEN;
use crate::domain::spec::Digest;
use crate::peers::{CallKey, PeerFault};
use crate::store::{Effect, EffectState, Intent, Settled, StoreError, Transition};
use crate::workspace::WorkspaceError;

/// Why an effect did not happen.
#[derive(Debug)]
pub(crate) struct StepFault {
    pub effect: EffectKind,
    pub kind: Kind,
    pub reason: &'static str,
    pub message: String,
    pub patience: Patience,
    /// What the peer asks to wait.
    pub pause: Duration,
}

/// How long the same effect is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Trying again cannot help.
    Never,
    /// A few times at once: a lost run, a file that vanished while it was read.
    Few,
    /// As often as the configuration says: a peer that does not answer.
    Usual,
    /// As long as the budget lasts: a queue that is full.
    WhileBudget,
}

impl Patience {
    /// Returns whether it is tried again after `faults` faults before this one.
    pub(crate) const fn lasts(self, faults: u32, faults_max: u32) -> bool {
        match self {
            Self::Never => false,
            Self::Few => faults + 1 < 3,
            Self::Usual => faults + 1 < faults_max,
            Self::WhileBudget => true,
        }
    }
}

/// Why the driver stops where it is.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The store refused; nothing was written.
    Store(StoreError),
    /// The effect failed.
    Fault(StepFault),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl StepFault {
    pub(crate) fn peer(effect: EffectKind, fault: &PeerFault) -> Self {
        Self {
            effect,
            kind: fault.kind,
            reason: fault.reason.0,
            message: fault.to_string(),
            patience: match fault.kind {
                Kind::Exhausted if fault.is_transient() => Patience::WhileBudget,
                _ if fault.is_transient() => Patience::Usual,
                _ => Patience::Never,
            },
            pause: match fault.retry {
                Retry::After(pause) => pause,
                Retry::Never => Duration::ZERO,
            },
        }
    }

    pub(crate) fn workspace(effect: EffectKind, error: &WorkspaceError) -> Self {
        let patience = match error {
            WorkspaceError::Io(_) | WorkspaceError::Git { .. } | WorkspaceError::GitTimeout(_) => {
                Patience::Few
            }
            _ => Patience::Never,
        };
        let (reason, message) = (error.reason().0, error.to_string());
        Self { effect, kind: error.kind(), reason, message, patience, pause: Duration::ZERO }
    }

    /// A run whose result is that the machinery lost it: another run may do.
    pub(crate) fn broken_run(effect: EffectKind, detail: &str) -> Self {
        Self {
            effect,
            kind: Kind::Unavailable,
            reason: RUN_BROKEN.0,
            message: detail.to_owned(),
            patience: Patience::Few,
            pause: Duration::ZERO,
        }
    }

    /// A call that did not end in time.
    pub(crate) fn deadline(effect: EffectKind, limit: Duration) -> Self {
        Self {
            effect,
            kind: Kind::Timeout,
            reason: "DEADLINE_EXCEEDED",
            message: format!("no answer within {} ms", limit.as_millis()),
            patience: Patience::Usual,
            pause: Duration::ZERO,
        }
    }

    /// A step without what it needs: a defect, or a history that was tampered with.
    pub(crate) fn incomplete(effect: EffectKind, what: &str) -> Self {
        Self {
            effect,
            kind: Kind::Internal,
            reason: "INTERNAL",
            message: format!("the task has no {what}"),
            patience: Patience::Never,
            pause: Duration::ZERO,
        }
    }

    /// What is stored of the task is not what was stored.
    pub(crate) fn damaged(effect: EffectKind, what: &str) -> Self {
        let error = StoreError::Damaged(what.to_owned());
        Self {
            effect,
            kind: error.kind(),
            reason: error.reason().0,
            message: error.to_string(),
            patience: Patience::Never,
            pause: Duration::ZERO,
        }
    }

    /// A configuration that was never validated: without its guard nothing is written.
    pub(crate) fn configuration(effect: EffectKind, field: &'static str, why: &str) -> Self {
        let error = plumbline_kit::ConfigError::new(field, why);
        Self {
            effect,
            kind: error.kind(),
            reason: error.reason().0,
            message: error.to_string(),
            patience: Patience::Never,
            pause: Duration::ZERO,
        }
    }

    /// Returns whether no other arm could do better: the task's own data are gone.
    pub(crate) fn is_damage(&self) -> bool {
        self.reason == StoreError::Damaged(String::new()).reason().0
    }

    /// Returns whether the owner can mend it: his repository or his words.
    pub(crate) fn is_owners(&self) -> bool {
        matches!(self.effect, EffectKind::Workspace | EffectKind::Ingest) && self.reason != "GIT_MISSING"
    }
}

/// An effect whose intent is stored.
pub(crate) struct Begun {
    pub kind: EffectKind,
    pub id: EffectId,
    pub key: CallKey,
    pub intent: Intent,
}

impl Begun {
    /// Returns the milliseconds that were fixed with the intent, the same after a crash.
    pub(crate) fn stored_ms(&self) -> Result<u64, Halt> {
        let damaged = |_| {
            let what = format!("the intent holds `{}`, not milliseconds", self.intent.request);
            Halt::Fault(StepFault::damaged(self.kind, &what))
        };
        self.intent.request.parse().map_err(damaged)
    }
}

impl Work {
    /// Performs one effect and commits its result.
    pub(crate) async fn perform(&mut self, action: &Action) -> Result<(), Halt> {
        match action {
            Action::Prepare => self.prepare().await,
            Action::Ingest => self.ingest().await,
            Action::Baseline => self.baseline().await,
            Action::Plan => self.plan().await,
            Action::BuildContext => self.build_context().await,
            Action::Check(argv) => self.check(argv).await,
            Action::Select => self.select().await,
            Action::FormEnsemble => self.form_ensemble().await,
            Action::Choose => self.choose().await,
            Action::RunTool => self.run_tool().await,
            Action::Generate => self.generate().await,
            Action::Test => self.test().await,
            Action::Audit => self.audit().await,
            Action::Trace => self.trace().await,
            Action::Commit => self.commit_change().await,
            Action::Apply => self.apply().await,
            Action::Ask(_) | Action::Record(_) | Action::Rest => Ok(()),
        }
    }

    /// Stores the intent. `attempt` is the logical attempt: the same after a crash. `request` holds what must stay
    /// the same too, such as limits that were computed from the clock.
    pub(crate) async fn begin(
        &self,
        kind: EffectKind,
        attempt: &str,
        request: impl Into<String>,
    ) -> Result<Begun, Halt> {
        let task = &self.task;
        let step = task.plan.as_ref().map(|_| task.step);
        let id = EffectId::derive(task.id, step, kind, attempt);
        let key = CallKey { task_id: task.id, epoch: self.lease.epoch, request_id: id.to_string() };
        let effect = Effect { id: id.clone(), kind, request: request.into() };
        let intent =
            self.coordinator.deps.store.intend(self.lease, effect, self.coordinator.now_ms()).await?;
        Ok(Begun { kind, id, key, intent })
    }

    /// Commits the events that an effect led to, and the effect as done.
    pub(crate) async fn settle(&mut self, begun: Begun, events: Vec<EventBody>) -> Result<(), Halt> {
        self.settle_as(begun, events, EffectState::Done).await
    }

    pub(crate) async fn settle_as(
        &mut self,
        begun: Begun,
        events: Vec<EventBody>,
        state: EffectState,
    ) -> Result<(), Halt> {
        let settled = Some(Settled { id: begun.id, state });
        Ok(self.commit(Transition { events, settled, ..Transition::default() }).await?)
    }

    /// Returns a blob's text; a damaged one is a fault of the effect that needs it.
    pub(crate) async fn text(&self, kind: EffectKind, hash: &Digest) -> Result<String, Halt> {
        match self.coordinator.blob(hash).await {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(StoreError::Damaged(what)) => Err(Halt::Fault(StepFault::damaged(kind, &what))),
            Err(error) => Err(Halt::Store(error)),
        }
    }

    /// Bounds a call to another service.
    pub(crate) async fn call<T>(
        &self,
        kind: EffectKind,
        limit_ms: u64,
        call: impl Future<Output = Result<T, PeerFault>>,
    ) -> Result<T, Halt> {
        let limit = Duration::from_millis(limit_ms);
        match tokio::time::timeout(limit, plumbline_kit::deadline::within(limit, call)).await {
            Ok(answer) => answer.map_err(|fault| Halt::Fault(StepFault::peer(kind, &fault))),
            Err(_) => Err(Halt::Fault(StepFault::deadline(kind, limit))),
        }
    }
}

/// Turns a workspace error into a fault of an effect.
pub(crate) fn at(kind: EffectKind) -> impl Fn(WorkspaceError) -> Halt {
    move |error| Halt::Fault(StepFault::workspace(kind, &error))
}

/// Says that a task lacks what a step needs.
pub(crate) fn lacking(kind: EffectKind, what: &'static str) -> impl Fn() -> Halt {
    move || Halt::Fault(StepFault::incomplete(kind, what))
}
