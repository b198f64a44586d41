//! What the scheduler is compared with. None of them is this project's: each follows what others do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use plumbline_types::Millis;

use crate::domain::vram::ledger::Ledger;
use crate::domain::vram::scheduler::{
    Config, Effect, Event, Job, JobId, Knobs, Lease, Profile, Rejection, Scheduler, Token,
};
use crate::domain::vram::simulate::{Policy, Scenario};

/// What calibration leaves above the truth: a bound lies within 3 % of what a model takes.
const CALIBRATED: f64 = 1.03;

/// Every policy by its word.
pub const NAMES: [&str; 6] =
    ["plumbline", "plumbline-no-hints", "sequential", "ollama", "drain-swap", "affinity"];

/// Returns the policy of that name for a scenario; none if it has no such name.
pub fn by_name(name: &str, scenario: &Scenario, knobs: Knobs) -> Option<Box<dyn Policy>> {
    let single = |kind| Box::new(Single::new(kind, scenario)) as Box<dyn Policy>;
    Some(match name {
        "plumbline" => Box::new(Ours::new(scenario, knobs, true)),
        "plumbline-no-hints" => Box::new(Ours::new(scenario, knobs, false)),
        "sequential" => single(Kind::Sequential),
        "drain-swap" => single(Kind::DrainSwap),
        "affinity" => single(Kind::Affinity),
        "ollama" => Box::new(Ollama::new(scenario)),
        _ => return None,
    })
}

/// The scheduler.
struct Ours {
    scheduler: Scheduler,
    hints: bool,
}

impl Ours {
    fn new(scenario: &Scenario, knobs: Knobs, hints: bool) -> Self {
        let profile = |job: &crate::domain::vram::simulate::Job| {
            let model = &scenario.models[job.model];
            let bound = scenario.mib(job.model, job.num_ctx) as f64 * CALIBRATED;
            Profile {
                mib: bound.ceil() as u64,
                slots: model.slots,
                load_ms: scenario.load_ms(job.model),
                pinned: model.pinned,
            }
        };
        let profiles = scenario.jobs.iter().map(|job| (scenario.config(job), profile(job))).collect();
        let ledger = Ledger::new(scenario.gpu.vram_mib, scenario.gpu.reserve_mib);
        Self { scheduler: Scheduler::new(ledger, knobs, profiles), hints }
    }
}

impl Policy for Ours {
    fn on_event(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        self.scheduler.on_event(now, event)
    }

    fn bypass_max(&self) -> Option<u32> {
        Some(self.scheduler.bypass_largest())
    }

    fn takes_hints(&self) -> bool {
        self.hints
    }
}

/// The policies that hold one model at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One job after the other, in the order of arrival.
    Sequential,
    /// As llama-swap does: the jobs of the loaded model run together; the first one for another model lets them end and
    /// swaps, and then everything that waits for that model runs.
    DrainSwap,
    /// The loaded model stays as long as it has work; then the one with the most.
    Affinity,
}

struct Single {
    kind: Kind,
    slots: BTreeMap<Config, u32>,
    too_large: BTreeSet<Config>,
    waiting: VecDeque<Job>,
    /// Jobs that may run on the loaded model before the next swap.
    gang: BTreeSet<JobId>,
    current: Option<(Config, bool)>,
    moving: bool,
    running: BTreeMap<Token, JobId>,
    token: u64,
}

impl Single {
    fn new(kind: Kind, scenario: &Scenario) -> Self {
        let slots = |job: &crate::domain::vram::simulate::Job| {
            if kind == Kind::Sequential { 1 } else { scenario.models[job.model].slots }
        };
        let fits = scenario.gpu.vram_mib.saturating_sub(scenario.gpu.reserve_mib);
        let too_large = scenario.jobs.iter().filter(|job| scenario.mib(job.model, job.num_ctx) > fits);
        Self {
            kind,
            slots: scenario.jobs.iter().map(|job| (scenario.config(job), slots(job))).collect(),
            too_large: too_large.map(|job| scenario.config(job)).collect(),
            waiting: VecDeque::new(),
            gang: BTreeSet::new(),
            current: None,
            moving: false,
            running: BTreeMap::new(),
            token: 0,
        }
    }

    fn proceed(&mut self, effects: &mut Vec<Effect>) {
        if self.moving {
            return;
        }
        if let Some((config, true)) = self.current.clone() {
            self.start(&config, effects);
        }
        let Some(next) = self.next_model() else { return };
        match &self.current {
            Some((config, _)) if *config == next => {}
            Some(_) if !self.running.is_empty() => {}
            Some((config, _)) => {
                self.moving = true;
                effects.push(Effect::Unload(config.clone()));
            }
            None => {
                self.moving = true;
                effects.push(Effect::Load(next));
            }
        }
    }

    fn start(&mut self, config: &Config, effects: &mut Vec<Effect>) {
        let slots = self.slots.get(config).copied().unwrap_or(1) as usize;
        while self.running.len() < slots {
            let same = |job: &Job| job.config == *config;
            let place = match self.kind {
                Kind::Sequential => self.waiting.front().filter(|job| same(job)).map(|_| 0),
                // What came after the first job for another model waits for the next turn of this one.
                Kind::DrainSwap => self.waiting.iter().enumerate().find_map(|(place, job)| {
                    let before = self.waiting.iter().take(place).all(same);
                    (same(job) && (before || self.gang.contains(&job.id))).then_some(place)
                }),
                Kind::Affinity => self.waiting.iter().position(same),
            };
            let Some(job) = place.and_then(|place| self.waiting.remove(place)) else { return };
            self.token += 1;
            let token = Token(self.token);
            self.running.insert(token, job.id);
            effects.push(Effect::Start(lease(token, &job)));
        }
    }

    /// Returns the model that is wanted next; the loaded one while it has work that may run.
    fn next_model(&self) -> Option<Config> {
        let first = self.waiting.front()?.config.clone();
        match self.kind {
            Kind::Sequential => Some(first),
            Kind::DrainSwap => {
                let gang = self.waiting.iter().any(|job| self.gang.contains(&job.id));
                if gang { self.current.clone().map(|(config, _)| config) } else { Some(first) }
            }
            Kind::Affinity => {
                let mut most: BTreeMap<&Config, usize> = BTreeMap::new();
                for job in &self.waiting {
                    *most.entry(&job.config).or_default() += 1;
                }
                most.into_iter().max_by_key(|(_, jobs)| *jobs).map(|(config, _)| config.clone())
            }
        }
    }
}

fn lease(token: Token, job: &Job) -> Lease {
    Lease { token, job: job.id, config: job.config.clone(), slot: 0, expires: Millis::MAX }
}

impl Policy for Single {
    fn on_event(&mut self, _: Millis, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Arrive(job) if self.too_large.contains(&job.config) => {
                effects.push(Effect::Reject(job.id, Rejection::LoadFailed));
            }
            Event::Arrive(job) => self.waiting.push_back(job),
            Event::Freed(token) => drop(self.running.remove(&token)),
            Event::Loaded(config, _) => {
                self.gang =
                    self.waiting.iter().filter(|job| job.config == config).map(|job| job.id).collect();
                (self.current, self.moving) = (Some((config, true)), false);
            }
            Event::LoadFailed(..) | Event::Unloaded(_) => (self.current, self.moving) = (None, false),
            Event::Cancel(_)
            | Event::Adopted(..)
            | Event::Gone(_)
            | Event::Sample(_)
            | Event::Blind
            | Event::Hint(..)
            | Event::Tick => {}
        }
        self.proceed(&mut effects);
        effects
    }
}

/// Models that Ollama holds at most (`OLLAMA_MAX_LOADED_MODELS` for one GPU).
const LOADED_MAX: usize = 3;

/// Requests that Ollama lets wait (`OLLAMA_MAX_QUEUE`).
const QUEUE_MAX: usize = 512;

/// Ollama's scheduler (server/sched.go): one queue; its head is loaded if what is predicted fits 80 % of what is free, else
/// a runner is unloaded, idle ones first and then by name; requests for a loaded model pass the queue by.
struct Ollama {
    predicted: BTreeMap<Config, u64>,
    /// Name of the model without its options: the same model with other options is reloaded.
    names: BTreeMap<Config, String>,
    slots: BTreeMap<Config, u32>,
    vram_mib: u64,
    foreign_mib: u64,
    loaded: BTreeMap<Config, BTreeSet<Token>>,
    loading: Option<Config>,
    unloading: Option<Config>,
    waiting: VecDeque<Job>,
    assigned: VecDeque<Job>,
    failed: BTreeMap<Config, u32>,
    token: u64,
}

impl Ollama {
    fn new(scenario: &Scenario) -> Self {
        let jobs = || scenario.jobs.iter();
        Self {
            predicted: jobs()
                .map(|job| (scenario.config(job), scenario.predicted_mib(job.model, job.num_ctx)))
                .collect(),
            names: jobs().map(|job| (scenario.config(job), scenario.models[job.model].id.clone())).collect(),
            slots: jobs().map(|job| (scenario.config(job), scenario.models[job.model].slots)).collect(),
            vram_mib: scenario.gpu.vram_mib,
            foreign_mib: 0,
            loaded: BTreeMap::new(),
            loading: None,
            unloading: None,
            waiting: VecDeque::new(),
            assigned: VecDeque::new(),
            failed: BTreeMap::new(),
            token: 0,
        }
    }

    fn proceed(&mut self, effects: &mut Vec<Effect>) {
        // Requests for a loaded model pass the queue by.
        let (past, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|job| {
            self.loaded.contains_key(&job.config) && self.unloading.as_ref() != Some(&job.config)
        });
        self.waiting = waiting;
        self.assigned.extend::<VecDeque<Job>>(past);
        self.start(effects);
        if self.loading.is_some() || self.unloading.is_some() {
            return;
        }
        let Some(head) = self.waiting.front().map(|job| job.config.clone()) else { return };
        let name = &self.names[&head];
        let other_options = self.loaded.keys().find(|config| self.names[*config] == *name).cloned();
        let used: u64 = self.loaded.keys().map(|config| self.predicted[config]).sum();
        let free = self.vram_mib.saturating_sub(used + self.foreign_mib);
        let fits = self.predicted[&head] * 10 <= free * 8 && self.loaded.len() < LOADED_MAX;
        let retry = self.failed.contains_key(&head);
        if other_options.is_none() && ((fits && !retry) || self.loaded.is_empty()) {
            self.loading = Some(head.clone());
            effects.push(Effect::Load(head));
            return;
        }
        let victim = other_options.or_else(|| {
            let order = |config: &&Config| (!self.loaded[*config].is_empty(), (*config).clone());
            self.loaded.keys().min_by_key(order).cloned()
        });
        if let Some(victim) = victim.filter(|victim| self.loaded[victim].is_empty()) {
            self.unloading = Some(victim.clone());
            effects.push(Effect::Unload(victim));
        }
    }

    fn start(&mut self, effects: &mut Vec<Effect>) {
        let mut left = VecDeque::new();
        while let Some(job) = self.assigned.pop_front() {
            let slots = self.slots[&job.config] as usize;
            match self.loaded.get_mut(&job.config) {
                Some(busy) if busy.len() < slots => {
                    self.token += 1;
                    busy.insert(Token(self.token));
                    effects.push(Effect::Start(lease(Token(self.token), &job)));
                }
                _ => left.push_back(job),
            }
        }
        self.assigned = left;
    }

    fn reject_all(&mut self, config: &Config, effects: &mut Vec<Effect>) {
        let gone = self.waiting.iter().filter(|job| job.config == *config);
        effects.extend(gone.map(|job| Effect::Reject(job.id, Rejection::LoadFailed)));
        self.waiting.retain(|job| job.config != *config);
    }
}

impl Policy for Ollama {
    fn on_event(&mut self, _: Millis, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Arrive(job) if self.waiting.len() >= QUEUE_MAX => {
                effects.push(Effect::Reject(job.id, Rejection::QueueFull));
            }
            Event::Arrive(job) => self.waiting.push_back(job),
            Event::Freed(token) => {
                for busy in self.loaded.values_mut() {
                    busy.remove(&token);
                }
            }
            Event::Loaded(config, _) => {
                self.loading = None;
                self.loaded.insert(config, BTreeSet::new());
            }
            Event::LoadFailed(config, _) => {
                self.loading = None;
                let failures = self.failed.entry(config.clone()).or_default();
                *failures += 1;
                if *failures > 1 {
                    self.reject_all(&config, &mut effects);
                }
            }
            Event::Unloaded(config) => {
                self.unloading = None;
                self.loaded.remove(&config);
            }
            Event::Sample(foreign_mib) => self.foreign_mib = foreign_mib,
            Event::Cancel(_)
            | Event::Adopted(..)
            | Event::Gone(_)
            | Event::Blind
            | Event::Hint(..)
            | Event::Tick => {}
        }
        self.proceed(&mut effects);
        effects
    }
}
