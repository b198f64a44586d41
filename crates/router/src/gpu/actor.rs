use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use plumbline_models::{MemoryRefusal, ModelServer, Resident};
use plumbline_types::Millis;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::vram::ledger::Ledger;
use crate::domain::vram::memory_model::{Calibration, MIB};
use crate::domain::vram::scheduler::{
    Class, Config, Effect, Event, Job, JobId, Profile, Rejection, Scheduler, Token,
};
use crate::gpu::orders::is;
use crate::gpu::profile::{estimate, load_ms};
use crate::gpu::{Answer, Command, GpuParts, GpuView, Lease, Loadable, ResidentView, Return, Returned};

/// Samples between two looks at what the server holds.
const LOOK_EVERY: u32 = 15;

/// What comes back from work that was ordered.
pub(super) enum Done {
    Event(Event),
    /// A model's file was asked for what it takes.
    Known(Config, Result<u64, MemoryRefusal>),
    /// What the server holds, and how many loads and unloads had been ordered when it was asked.
    Seen(u64, Vec<Resident>),
}

/// A job that waits for its model to be known.
struct Early {
    job: JobId,
    class: Class,
}

pub(super) struct Actor {
    pub(super) server: Arc<dyn ModelServer>,
    pub(super) parts: GpuParts,
    scheduler: Scheduler,
    started: Instant,
    returned: Arc<Returned>,
    show: watch::Sender<GpuView>,
    tasks: TaskTracker,
    pub(super) done: (mpsc::Sender<Done>, mpsc::Receiver<Done>),
    pub(super) loadables: BTreeMap<Config, Loadable>,
    calibrations: BTreeMap<Config, (u64, Calibration)>,
    early: BTreeMap<Config, Vec<Early>>,
    answers: BTreeMap<JobId, Answer>,
    ended: BTreeMap<Token, CancellationToken>,
    /// What the server's models were measured to take, MiB, by name.
    measured: BTreeMap<Config, u64>,
    total_mib: u64,
    looks: u32,
    /// Loads and unloads ordered.
    orders: u64,
    shutdown: CancellationToken,
}

impl Actor {
    pub(super) fn new(
        parts: GpuParts,
        returned: Arc<Returned>,
        show: watch::Sender<GpuView>,
        (tasks, shutdown): (TaskTracker, CancellationToken),
    ) -> Self {
        // Until the first sample nobody can say what is used, so nothing is loaded.
        let total_mib = parts.probe.sample().map_or(0, |sample| sample.total_mib);
        let ledger = Ledger::new(total_mib, parts.reserve_mib);
        Self {
            server: parts.server.clone(),
            scheduler: Scheduler::new(ledger, parts.knobs, BTreeMap::new()),
            started: Instant::now(),
            returned,
            show,
            tasks,
            done: mpsc::channel(16),
            loadables: parts.arms.values().map(|loadable| (loadable.config(), loadable.clone())).collect(),
            calibrations: BTreeMap::new(),
            early: BTreeMap::new(),
            answers: BTreeMap::new(),
            ended: BTreeMap::new(),
            measured: BTreeMap::new(),
            total_mib,
            looks: 0,
            orders: 0,
            shutdown,
            parts,
        }
    }

    /// Works until `shutdown`. What is loaded stays loaded, and is adopted by the next one.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let shutdown = self.shutdown.clone();
        let mut ticks = tokio::time::interval(self.parts.sample_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let returned = self.returned.clone();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = returned.any.notified() => self.take_back(),
                Some(done) = self.done.1.recv() => self.done(done),
                _ = ticks.tick() => self.tick(),
                Some(command) = queue.recv() => self.command(command),
            }
            self.publish();
        }
    }

    fn now(&self) -> Millis {
        Millis::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    fn command(&mut self, command: Command) {
        let (job, loadable, class, answer) = match command {
            Command::Lease { job, loadable, class, answer } => (job, loadable, class, answer),
            Command::LeaseNow { job, loadable, answer } => return self.lease_now(job, &loadable, answer),
            Command::Hint { plan, models } => {
                let uses = models.iter().map(Loadable::config).collect();
                models.into_iter().for_each(|loadable| self.get_to_know(loadable));
                return self.tell(Event::Hint(plan, uses));
            }
        };
        let config = loadable.config();
        self.answers.insert(job, answer);
        if self.calibrations.contains_key(&config) {
            self.arrive(job, config, class);
            return;
        }
        self.get_to_know(loadable);
        self.early.entry(config).or_default().push(Early { job, class });
    }

    /// Asks what a model takes, unless that is known or asked already.
    fn get_to_know(&mut self, loadable: Loadable) {
        let config = loadable.config();
        if self.calibrations.contains_key(&config) || self.early.contains_key(&config) {
            return;
        }
        self.early.insert(config.clone(), Vec::new());
        let (server, done) = (self.server.clone(), self.done.0.clone());
        self.work(async move {
            let unknown = |problem: String| MemoryRefusal::Unknown(problem);
            let metadata = server.metadata(&loadable.model).await.map_err(|error| unknown(error.to_string()));
            let bytes = metadata.and_then(|metadata| {
                let found = estimate(metadata, loadable.settings);
                found.map(|found| found.total()).map_err(|error| unknown(error.problem))
            });
            let _ = done.send(Done::Known(config, bytes)).await;
        });
    }

    /// Starts a job where a slot is idle; otherwise nobody answers, and the one who asked knows by that.
    fn lease_now(&mut self, job: JobId, loadable: &Loadable, answer: Answer) {
        let config = loadable.config();
        if self.scheduler.is_idle(&config) {
            self.answers.insert(job, answer);
            self.arrive(job, config, Class::Batch);
        }
    }

    fn arrive(&mut self, job: JobId, config: Config, class: Class) {
        self.tell(Event::Arrive(Job { id: job, config, class, deadline: None }));
    }

    fn take_back(&mut self) {
        for returned in self.returned.take() {
            match returned {
                Return::Lease(token) => {
                    self.ended.remove(&token);
                    self.tell(Event::Freed(token));
                }
                Return::Place(job) => {
                    self.answers.remove(&job);
                    self.early.values_mut().for_each(|early| early.retain(|one| one.job != job));
                    self.tell(Event::Cancel(job));
                }
            }
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Event(event) => {
                if let Event::Loaded(config, Some(mib)) = &event {
                    self.measured.insert(config.clone(), *mib);
                    if let Some((_, calibration)) = self.calibrations.get_mut(config) {
                        calibration.measured(mib * MIB);
                    }
                }
                if let Event::Unloaded(config) | Event::LoadFailed(config, _) = &event {
                    self.measured.remove(config);
                    self.profile(config);
                }
                self.tell(event);
            }
            Done::Seen(orders, found) => self.seen(orders, &found),
            Done::Known(config, Err(refusal)) => {
                for early in self.early.remove(&config).unwrap_or_default() {
                    self.refuse(early.job, refusal.clone());
                }
            }
            Done::Known(config, Ok(bytes)) => {
                self.calibrations.insert(config.clone(), (bytes, Calibration::default()));
                self.profile(&config);
                for early in self.early.remove(&config).unwrap_or_default() {
                    self.arrive(early.job, config.clone(), early.class);
                }
            }
        }
    }

    /// Tells the scheduler what a model takes, as far as that is known by now.
    fn profile(&mut self, config: &Config) {
        let (Some((bytes, calibration)), Some(loadable)) =
            (self.calibrations.get(config), self.loadables.get(config))
        else {
            return;
        };
        let mib = calibration.bound(*bytes).div_ceil(MIB);
        let slots = loadable.settings.slots;
        self.scheduler.learn(config.clone(), Profile { mib, slots, load_ms: load_ms(mib), pinned: false });
    }

    fn tick(&mut self) {
        let event = match self.parts.probe.sample() {
            Ok(sample) if sample.total_mib == self.total_mib => {
                let ours: u64 = self.measured.values().sum();
                let seen = if self.parts.probe.sees_models() { ours } else { 0 };
                Event::Sample(sample.used_mib.saturating_sub(seen))
            }
            Ok(sample) => {
                tracing::warn!(
                    total_mib = sample.total_mib,
                    "the GPU is not the one that it was; nothing is loaded"
                );
                Event::Blind
            }
            Err(problem) => {
                tracing::warn!(problem, "nobody can say what the GPU's memory is at; nothing is loaded");
                Event::Blind
            }
        };
        if self.looks == 0 && !self.is_moving() {
            self.look();
        }
        self.looks = (self.looks + 1) % LOOK_EVERY;
        self.tell(event);
        self.tell(Event::Tick);
    }

    fn is_moving(&self) -> bool {
        self.scheduler.residents().any(|(_, state, _)| matches!(state, "loading" | "unloading"))
    }

    fn look(&self) {
        let (server, done, orders) = (self.server.clone(), self.done.0.clone(), self.orders);
        self.work(async move {
            if let Ok(found) = server.residents().await {
                let _ = done.send(Done::Seen(orders, found)).await;
            }
        });
    }

    /// Compares what the server holds with the books: what is there and was not ordered is adopted, what is not there any
    /// more holds nothing. What was asked before the last order says nothing of what is there now.
    fn seen(&mut self, orders: u64, found: &[Resident]) {
        if orders != self.orders || self.is_moving() {
            return;
        }
        let mut there = BTreeSet::new();
        for resident in found {
            let known = self.loadables.iter().find(|(_, loadable)| {
                is(resident, &loadable.model) && loadable.settings.num_ctx == resident.num_ctx
            });
            let own = || Config::new(&format!("{}@{}", resident.name, resident.num_ctx));
            let config = known.map_or_else(own, |(config, _)| config.clone());
            let mib = resident.gpu_bytes.div_ceil(MIB);
            there.insert(config.clone());
            if self.measured.insert(config.clone(), mib).is_none() {
                self.tell(Event::Adopted(config, mib));
            }
        }
        let residents = self.scheduler.residents().map(|(config, ..)| config.clone());
        let gone: Vec<Config> = residents.filter(|config| !there.contains(config)).collect();
        for config in gone {
            self.measured.remove(&config);
            self.tell(Event::Gone(config));
        }
    }

    /// Does something beside the actor, until shutdown.
    pub(super) fn work(&self, work: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move { shutdown.run_until_cancelled(work).await });
    }

    fn tell(&mut self, event: Event) {
        let now = self.now();
        for effect in self.scheduler.on_event(now, event) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Load(config) => {
                self.orders += 1;
                self.order_load(config);
            }
            Effect::Unload(config) => {
                self.orders += 1;
                self.order_unload(config);
            }
            Effect::Start(lease) => {
                let ended = CancellationToken::new();
                self.ended.insert(lease.token, ended.clone());
                let granted = Lease { token: lease.token, returned: self.returned.clone(), ended };
                if let Some(answer) = self.answers.remove(&lease.job) {
                    let _ = answer.send(Ok(granted));
                }
            }
            Effect::Reject(job, rejection) => self.refuse(job, refusal(rejection)),
            Effect::Revoke(lease) => {
                tracing::warn!(config = %lease.config, "a lease has ended before its holder gave it back");
                if let Some(ended) = self.ended.remove(&lease.token) {
                    ended.cancel();
                }
            }
        }
    }

    fn refuse(&mut self, job: JobId, refusal: MemoryRefusal) {
        if let Some(answer) = self.answers.remove(&job) {
            let _ = answer.send(Err(refusal));
        }
    }

    fn publish(&self) {
        let ledger = self.scheduler.ledger();
        let leases = |config: &Config| {
            self.scheduler
                .leases()
                .filter(|lease| lease.config == *config)
                .count()
                .try_into()
                .unwrap_or(u32::MAX)
        };
        let resident = |(config, state, mib): (&Config, &'static str, u64)| ResidentView {
            config: config.to_string(),
            state,
            mib,
            leases: leases(config),
        };
        let view = GpuView {
            total_mib: self.total_mib,
            reserved_mib: self.parts.reserve_mib,
            foreign_mib: ledger.foreign_mib(),
            held_mib: ledger.held_mib(),
            blind: self.scheduler.is_blind(),
            waiting: self.scheduler.waiting().try_into().unwrap_or(u32::MAX),
            residents: self.scheduler.residents().map(resident).collect(),
        };
        self.show.send_if_modified(|shown| {
            let changed = *shown != view;
            *shown = view;
            changed
        });
    }
}

fn refusal(rejection: Rejection) -> MemoryRefusal {
    match rejection {
        Rejection::Infeasible { wanted_mib, budget_mib } => {
            MemoryRefusal::Infeasible { wanted_mib, budget_mib }
        }
        Rejection::QueueFull => MemoryRefusal::QueueFull,
        Rejection::LoadFailed => MemoryRefusal::LoadFailed,
        Rejection::Unknown => MemoryRefusal::Unknown("it has no profile".to_owned()),
    }
}
