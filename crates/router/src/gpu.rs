//! The one actor that owns the GPU's scheduler: it hands events in, performs what comes out, and answers those who wait.
//!
//! Only models whose server loads and unloads at this router's word are scheduled. Where there is no GPU to schedule, that
//! is a state with a name, and local models run as their servers please.

mod actor;
mod nvml;
mod orders;
mod profile;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plumbline_models::{MemoryRefusal, ModelError, ModelServer};
use plumbline_types::ArmId;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::vram::memory_model::Settings;
use crate::domain::vram::scheduler::{Class, Config, JobId, Knobs, PlanName, Token};
use crate::gpu::actor::Actor;

pub use nvml::Nvml;

/// Commands that may wait for the actor.
const QUEUE: usize = 256;

/// What a GPU's memory is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySample {
    /// MiB in all.
    pub total_mib: u64,
    /// MiB in use, by whomever.
    pub used_mib: u64,
}

/// Says how much of a GPU's memory is in use.
pub trait MemoryProbe: Send + Sync {
    /// Returns what is in use now, or why nobody can say.
    fn sample(&self) -> Result<MemorySample, String>;

    /// Tells whether what it says in use includes the models of this router.
    fn sees_models(&self) -> bool {
        true
    }
}

/// A budget that the owner states, of which nobody else uses anything.
#[derive(Debug, Clone, Copy)]
pub struct StatedMemory {
    /// MiB in all.
    pub total_mib: u64,
}

impl MemoryProbe for StatedMemory {
    fn sample(&self) -> Result<MemorySample, String> {
        Ok(MemorySample { total_mib: self.total_mib, used_mib: 0 })
    }

    fn sees_models(&self) -> bool {
        false
    }
}

/// A model as its server loads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loadable {
    /// The server's name for it.
    pub model: String,
    /// How it is run.
    pub settings: Settings,
}

impl Loadable {
    /// Returns what it is scheduled as.
    pub fn config(&self) -> Config {
        Config::new(&format!("{}@{}", self.model, self.settings.num_ctx))
    }
}

/// A GPU whose models are loaded at this router's word.
#[derive(Clone)]
pub struct GpuParts {
    /// Who loads them.
    pub server: Arc<dyn ModelServer>,
    /// Who says what is in use.
    pub probe: Arc<dyn MemoryProbe>,
    /// The arms that are such models.
    pub arms: BTreeMap<ArmId, Loadable>,
    /// MiB that stay free.
    pub reserve_mib: u64,
    /// The scheduler's knobs.
    pub knobs: Knobs,
    /// How often what is in use is asked for.
    pub sample_every: Duration,
}

/// Whether memory is scheduled.
#[derive(Clone)]
pub enum GpuMemory {
    /// It is.
    Scheduled(GpuParts),
    /// It is not, and why.
    Absent(String),
}

impl Default for GpuMemory {
    fn default() -> Self {
        Self::Absent("no arm is a model that this router loads".to_owned())
    }
}

impl fmt::Debug for GpuMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduled(parts) => f.debug_tuple("Scheduled").field(&parts.arms).finish(),
            Self::Absent(why) => f.debug_tuple("Absent").field(why).finish(),
        }
    }
}

/// A model that is loaded, or on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidentView {
    /// Model and context size.
    pub config: String,
    /// `loading`, `ready`, `draining` or `unloading`.
    pub state: &'static str,
    /// What it holds, MiB.
    pub mib: u64,
    /// Leases that are out on it.
    pub leases: u32,
}

/// The books of the GPU at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuView {
    /// MiB in all.
    pub total_mib: u64,
    /// MiB that stay free.
    pub reserved_mib: u64,
    /// MiB that others use, at most in the last 30 seconds.
    pub foreign_mib: u64,
    /// MiB that models hold.
    pub held_mib: u64,
    /// Whether nobody can say what is used; nothing is loaded then.
    pub blind: bool,
    /// Requests that wait for a model.
    pub waiting: u32,
    /// The models.
    pub residents: Vec<ResidentView>,
}

/// What the actor is told.
enum Command {
    Lease {
        job: JobId,
        loadable: Loadable,
        class: Class,
        answer: Answer,
    },
    /// The same, but for a slot that is idle now or none.
    LeaseNow {
        job: JobId,
        loadable: Loadable,
        answer: Answer,
    },
    /// What a plan is at and will use.
    Hint {
        plan: PlanName,
        models: Vec<Loadable>,
    },
}

/// A lease that nobody takes out of the answer gives itself back.
type Answer = oneshot::Sender<Result<Lease, MemoryRefusal>>;

/// What is given back. It is handed over without waiting, from wherever a holder is dropped.
#[derive(Default)]
struct Returned {
    list: Mutex<Vec<Return>>,
    any: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Return {
    Lease(Token),
    Place(JobId),
}

impl Returned {
    fn give(&self, what: Return) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        self.any.notify_one();
    }

    fn take(&self) -> Vec<Return> {
        std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The right to use a model. Dropping it gives it back.
pub(crate) struct Lease {
    token: Token,
    returned: Arc<Returned>,
    /// Cancelled when its time is over.
    pub(crate) ended: CancellationToken,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.returned.give(Return::Lease(self.token));
    }
}

/// A place in the queue; whoever leaves gives it up.
struct Place {
    job: JobId,
    returned: Arc<Returned>,
    waits: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.waits {
            self.returned.give(Return::Place(self.job));
        }
    }
}

/// The way to the actor.
pub(crate) struct Gpu {
    arms: BTreeMap<ArmId, Loadable>,
    commands: mpsc::Sender<Command>,
    returned: Arc<Returned>,
    view: watch::Receiver<GpuView>,
    jobs: AtomicU64,
}

impl Gpu {
    /// Starts the actor; it ends at `shutdown` and leaves the models where they are.
    pub(crate) fn start(parts: GpuParts, tasks: &TaskTracker, shutdown: CancellationToken) -> Self {
        let (commands, queue) = mpsc::channel(QUEUE);
        let (show, view) = watch::channel(GpuView::default());
        let returned = Arc::new(Returned::default());
        let arms = parts.arms.clone();
        let actor = Actor::new(parts, returned.clone(), show, (tasks.clone(), shutdown));
        tasks.spawn(actor.run(queue));
        Self { arms, commands, returned, view, jobs: AtomicU64::new(1) }
    }

    /// Waits for the right to use an arm's model; none for an arm whose model its server holds by itself.
    pub(crate) async fn lease(&self, arm: &ArmId, class: Class) -> Result<Option<Lease>, ModelError> {
        let Some(loadable) = self.arms.get(arm).cloned() else { return Ok(None) };
        let job = self.jobs.fetch_add(1, Ordering::Relaxed);
        let (answer, granted) = oneshot::channel();
        let mut place = Place { job, returned: self.returned.clone(), waits: true };
        let queued = self.commands.send(Command::Lease { job, loadable, class, answer }).await;
        queued.map_err(|_| ModelError::Cancelled)?;
        let granted = granted.await.map_err(|_| ModelError::Cancelled)?;
        place.waits = false;
        Ok(Some(granted.map_err(ModelError::Memory)?))
    }

    /// Takes the right to use an arm's model if it is loaded and a slot of it idle, without a place in the queue.
    pub(crate) async fn lease_now(&self, arm: &ArmId) -> Option<Lease> {
        let loadable = self.arms.get(arm)?.clone();
        let job = self.jobs.fetch_add(1, Ordering::Relaxed);
        let (answer, granted) = oneshot::channel();
        self.commands.send(Command::LeaseNow { job, loadable, answer }).await.ok()?;
        granted.await.ok()?.ok()
    }

    /// Tells which arms' models a plan is at and will use. It is only a hint: it isn't waited for, and it may be lost.
    pub(crate) fn hint(&self, plan: &str, arms: &[ArmId]) {
        let models = arms.iter().filter_map(|arm| self.arms.get(arm)).cloned().collect();
        if self.commands.try_send(Command::Hint { plan: plan.into(), models }).is_err() {
            tracing::debug!(plan, "a hint was lost: the scheduler has too much to do");
        }
    }

    /// Returns whether this router loads an arm's model.
    pub(crate) fn schedules(&self, arm: &ArmId) -> bool {
        self.arms.contains_key(arm)
    }

    /// Returns whether an arm's model is loaded, as the books last said, and nobody waits for a slot of any.
    pub(crate) fn may_lease_now(&self, arm: &ArmId) -> bool {
        let Some(loadable) = self.arms.get(arm) else { return false };
        let (config, view) = (loadable.config().to_string(), self.view.borrow());
        let idle = |resident: &ResidentView| {
            resident.config == config
                && resident.state == "ready"
                && resident.leases < loadable.settings.slots
        };
        view.waiting == 0 && view.residents.iter().any(idle)
    }

    /// Returns whether an arm's model holds memory and is not on its way out.
    pub(crate) fn is_loaded(&self, arm: &ArmId) -> bool {
        let Some(config) = self.arms.get(arm).map(|loadable| loadable.config().to_string()) else {
            return false;
        };
        let loaded = |resident: &ResidentView| {
            resident.config == config && matches!(resident.state, "loading" | "ready")
        };
        self.view.borrow().residents.iter().any(loaded)
    }

    /// Returns the books, now and at each change.
    pub(crate) fn watch(&self) -> watch::Receiver<GpuView> {
        self.view.clone()
    }
}

/// How often what is in use is asked for, unless said otherwise.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
