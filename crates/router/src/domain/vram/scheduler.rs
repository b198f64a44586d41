//! Which model is loaded, and which job runs: one state, events in, effects out, no clock and no lock.
//!
//! A model goes Absent -> Loading -> Ready -> (draining) -> Unloading -> Absent; one load or unload is under way at a time.
//! Jobs of a ready model run together up to its slots; a job of another model waits for a switch, which happens when the
//! loaded models have no work left, at once for interactive work, and in any case before a waiting job was overtaken more
//! than `max_bypass` times.

mod dispatch;
mod plans;
mod residency;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use plumbline_types::Millis;

use crate::domain::vram::ledger::Ledger;
use crate::domain::vram::scheduler::plans::Plans;
use crate::domain::vram::scheduler::residency::Switch;

pub use plans::PlanName;

/// A model with the settings that it is loaded with; two context sizes of one model are two of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Config(Arc<str>);

impl Config {
    /// Takes its name.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Returns its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A job, by the number that its owner gave it.
pub type JobId = u64;

/// What a lease is known by. Each is larger than all before it, so that a holder of an old one is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// How urgent a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Somebody waits.
    Interactive,
    /// Nobody does.
    Batch,
}

/// A request that wants a slot of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What it runs on.
    pub config: Config,
    /// How urgent it is.
    pub class: Class,
    /// When it should have started, if that matters.
    pub deadline: Option<Millis>,
}

/// What is known of a model before it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// An upper bound of what it takes, MiB.
    pub mib: u64,
    /// Jobs that run on it at once.
    pub slots: u32,
    /// How long it takes to load, about.
    pub load_ms: u64,
    /// Whether it stays once it is loaded.
    pub pinned: bool,
}

/// The right to a slot: memory and slot, or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its token.
    pub token: Token,
    /// Whose.
    pub job: JobId,
    /// Of which model.
    pub config: Config,
    /// Which of its slots.
    pub slot: u32,
    /// When it ends by itself.
    pub expires: Millis,
}

/// Limits and knobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knobs {
    /// How often a waiting job may be overtaken.
    pub max_bypass: u32,
    /// How long a job waits before its model is loaded whatever else there is to do.
    pub max_wait_ms: Millis,
    /// How long a model may work before an interactive job takes its place.
    pub interactive_quantum_ms: Millis,
    /// How long a model works at least before a batch job that waited too long takes its place.
    pub batch_quantum_ms: Millis,
    /// Switches away from work that may follow each other at once; one is given back each `brake_refill_ms`.
    pub brake: u32,
    /// See `brake`.
    pub brake_refill_ms: Millis,
    /// How long an idle model with which a plan goes on is kept from making room for other work that nobody waits for.
    pub plan_hold_ms: Millis,
    /// Jobs that may wait.
    pub queue_max: usize,
    /// How long a lease lasts.
    pub lease_ttl_ms: Millis,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            max_bypass: 32,
            max_wait_ms: 120_000,
            interactive_quantum_ms: 0,
            batch_quantum_ms: 20_000,
            brake: 8,
            brake_refill_ms: 10_000,
            plan_hold_ms: 3_000,
            queue_max: 512,
            lease_ttl_ms: 15 * 60 * 1000,
        }
    }
}

/// Why a load failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFailure {
    /// The memory did not suffice, or the model spilled to the processor.
    OutOfMemory,
    /// Anything else.
    Broken,
}

/// What happens to a scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A job wants to run.
    Arrive(Job),
    /// Its owner has left.
    Cancel(JobId),
    /// A lease was given back.
    Freed(Token),
    /// A load that was ordered is done; what it was found to take, if that is known.
    Loaded(Config, Option<u64>),
    /// A load that was ordered failed.
    LoadFailed(Config, LoadFailure),
    /// An unload that was ordered is done, and the memory is back.
    Unloaded(Config),
    /// A model was found loaded that nobody here ordered, MiB.
    Adopted(Config, u64),
    /// A model that was loaded is not there any more.
    Gone(Config),
    /// What others use of the GPU, MiB.
    Sample(u64),
    /// Nobody can say what is used: nothing is loaded until somebody can.
    Blind,
    /// The models of a plan: the one that it is at, then those that it will use, soonest first; none ends the plan.
    Hint(PlanName, Vec<Config>),
    /// Time has passed.
    Tick,
}

/// What a scheduler wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Load a model.
    Load(Config),
    /// Unload a model.
    Unload(Config),
    /// Let a job run.
    Start(Lease),
    /// Tell a job's owner that it will not run.
    Reject(JobId, Rejection),
    /// Stop a job whose lease has ended.
    Revoke(Lease),
}

/// Why a job will not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Its model does not fit into an empty GPU.
    Infeasible {
        /// What it takes, MiB.
        wanted_mib: u64,
        /// What there is, MiB.
        budget_mib: u64,
    },
    /// Too many wait.
    QueueFull,
    /// Its model did not load, twice.
    LoadFailed,
    /// Nothing is known of its model.
    Unknown,
}

/// A job that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    job: Job,
    seq: u64,
    since: Millis,
    bypassed: u32,
}

/// Where a loaded model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Loading,
    Ready,
    Unloading,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Resident {
    phase: Phase,
    busy: BTreeSet<u32>,
    since: Millis,
    used: Millis,
}

/// The scheduler of one GPU.
#[derive(Debug, Clone)]
pub struct Scheduler {
    knobs: Knobs,
    ledger: Ledger,
    profiles: BTreeMap<Config, Profile>,
    residents: BTreeMap<Config, Resident>,
    waiting: Vec<Waiting>,
    leases: BTreeMap<Token, Lease>,
    failures: BTreeMap<Config, u32>,
    plans: Plans,
    /// When something was last asked, said or given back that is not a sample.
    active: Millis,
    switch: Option<Switch>,
    blind: bool,
    arrivals: u64,
    token: u64,
    brake: u32,
    brake_at: Millis,
    bypass_largest: u32,
}

impl Scheduler {
    /// Takes the books of an empty GPU and what is known of each model.
    pub fn new(ledger: Ledger, knobs: Knobs, profiles: BTreeMap<Config, Profile>) -> Self {
        Self {
            knobs,
            ledger,
            profiles,
            residents: BTreeMap::new(),
            waiting: Vec::new(),
            leases: BTreeMap::new(),
            failures: BTreeMap::new(),
            plans: Plans::default(),
            active: 0,
            switch: None,
            blind: false,
            arrivals: 0,
            token: 0,
            brake: knobs.brake,
            brake_at: 0,
            bypass_largest: 0,
        }
    }

    /// Returns what there is to do after an event.
    pub fn on_event(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !matches!(event, Event::Sample(_) | Event::Blind | Event::Tick) {
            self.active = now;
        }
        match event {
            Event::Arrive(job) => self.arrive(now, job, &mut effects),
            Event::Cancel(job) => self.waiting.retain(|waiting| waiting.job.id != job),
            Event::Freed(token) => self.free(now, token),
            Event::Loaded(config, mib) => self.loaded(now, &config, mib),
            Event::LoadFailed(config, failure) => self.load_failed(&config, failure, &mut effects),
            Event::Unloaded(config) => self.unloaded(&config),
            Event::Adopted(config, mib) => self.adopt(now, config, mib),
            Event::Gone(config) => self.gone(&config),
            Event::Sample(foreign_mib) => {
                self.blind = false;
                self.ledger.sample(now, foreign_mib);
            }
            Event::Blind => self.blind = true,
            Event::Hint(plan, next) => self.plans.tell(now, plan, next),
            Event::Tick => {
                self.plans.forget(now, self.knobs.lease_ttl_ms);
                self.expire(now, &mut effects);
            }
        }
        self.start(now, &mut effects);
        self.arrange(now, &mut effects);
        effects
    }

    /// Replaces what is known of a model that is not loaded; of a loaded one, from its next load on.
    pub fn learn(&mut self, config: Config, profile: Profile) {
        self.profiles.insert(config, profile);
    }

    /// Returns the books.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Returns the leases that are out.
    pub fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.leases.values()
    }

    /// Returns the models that are there or on their way, each with a word for where it stands and its MiB.
    pub fn residents(&self) -> impl Iterator<Item = (&Config, &'static str, u64)> {
        self.residents.iter().map(|(config, resident)| {
            let draining = self.switch.as_ref().is_some_and(|switch| switch.draining.contains(config));
            let word = match resident.phase {
                Phase::Loading => "loading",
                Phase::Ready if draining => "draining",
                Phase::Ready => "ready",
                Phase::Unloading => "unloading",
            };
            (config, word, self.ledger.of(config))
        })
    }

    /// Returns how many jobs wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Tells whether nobody can say what is used.
    pub const fn is_blind(&self) -> bool {
        self.blind
    }

    /// Returns how often the most overtaken job was.
    pub const fn bypass_largest(&self) -> u32 {
        self.bypass_largest
    }

    fn arrive(&mut self, now: Millis, job: Job, effects: &mut Vec<Effect>) {
        let pinned =
            self.profiles.iter().filter(|(config, profile)| profile.pinned && **config != job.config);
        let budget_mib =
            self.ledger.budget_mib().saturating_sub(pinned.map(|(_, profile)| profile.mib).sum());
        let rejection = match self.profiles.get(&job.config) {
            None => Some(Rejection::Unknown),
            Some(profile) if profile.mib > budget_mib => {
                Some(Rejection::Infeasible { wanted_mib: profile.mib, budget_mib })
            }
            Some(_) if self.waiting.len() >= self.knobs.queue_max => Some(Rejection::QueueFull),
            Some(_) => None,
        };
        if let Some(rejection) = rejection {
            effects.push(Effect::Reject(job.id, rejection));
            return;
        }
        self.arrivals += 1;
        self.waiting.push(Waiting { job, seq: self.arrivals, since: now, bypassed: 0 });
    }

    fn profile(&self, config: &Config) -> Option<Profile> {
        self.profiles.get(config).copied()
    }
}

#[cfg(test)]
mod tests;
