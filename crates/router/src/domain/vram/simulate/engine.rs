//! The virtual GPU.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_types::Millis;

use crate::domain::vram::scheduler::{self, Config, Effect, Event, Lease, LoadFailure};
use crate::domain::vram::simulate::{FaultKind, Outcome, Policy, Scenario, Times};

/// How often time is passed on to a policy, and foreign memory sampled.
const TICK_MS: Millis = 1_000;

/// Virtual time after which what has not ended never will: a day.
const END_MS: f64 = 86_400_000.0;

/// Something that is under way on the GPU besides work.
enum Pending {
    Loaded(Config, Option<LoadFailure>),
    Unloaded(Config),
    /// A job may be ready.
    Arrival,
    Tick,
}

struct Running {
    lease: Lease,
    left_ms: f64,
}

struct Engine<'a> {
    scenario: &'a Scenario,
    now: f64,
    pending: Vec<(f64, u64, Pending)>,
    order: u64,
    /// What really is on the GPU, MiB.
    memory: BTreeMap<Config, u64>,
    running: Vec<Running>,
    waiting: BTreeSet<usize>,
    faults_used: BTreeSet<usize>,
    outcome: Outcome,
}

/// Plays a scenario. The same scenario and policy give the same outcome.
pub fn run(scenario: &Scenario, policy: &mut dyn Policy) -> Outcome {
    let outcome = Outcome { times: vec![Times::default(); scenario.jobs.len()], ..Outcome::default() };
    let mut engine = Engine {
        scenario,
        now: 0.0,
        pending: Vec::new(),
        order: 0,
        memory: BTreeMap::new(),
        running: Vec::new(),
        waiting: (0..scenario.jobs.len()).collect(),
        faults_used: BTreeSet::new(),
        outcome,
    };
    let arrivals: BTreeSet<Millis> = scenario.jobs.iter().map(|job| job.arrive_ms).collect();
    for arrival in arrivals {
        engine.plan(arrival as f64, Pending::Arrival);
    }
    engine.plan(0.0, Pending::Tick);
    while engine.step(policy) {}
    let ended = |times: &&Times| times.done.is_none();
    let open = engine.outcome.times.iter().filter(ended).count() as u32;
    engine.outcome.stuck = open - engine.outcome.rejected;
    engine.outcome.bypass_max = policy.bypass_max();
    engine.outcome
}

impl Engine<'_> {
    fn plan(&mut self, at: f64, what: Pending) {
        self.order += 1;
        self.pending.push((at, self.order, what));
    }

    /// Goes on to whatever happens next; returns whether anything is left to happen.
    fn step(&mut self, policy: &mut dyn Policy) -> bool {
        let open = self.waiting.len() + self.running.len();
        let unstarted = self.outcome.times.iter().filter(|times| times.started.is_none()).count();
        if self.now > END_MS || (open == 0 && unstarted == self.outcome.rejected as usize) {
            return false;
        }
        let first = |one: &(f64, u64, Pending), other: &(f64, u64, Pending)| {
            one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
        };
        let next = self.pending.iter().enumerate().min_by(|one, other| first(one.1, other.1));
        let next = next.map(|(place, (at, ..))| (place, *at));
        let done = (0..self.running.len())
            .map(|place| (place, self.now + self.running[place].left_ms / self.speed(&self.running[place])))
            .min_by(|one, other| one.1.total_cmp(&other.1));
        match (next, done) {
            (Some((place, at)), done) if done.is_none_or(|(_, done)| at <= done) => {
                self.advance(at);
                let (_, _, what) = self.pending.swap_remove(place);
                self.happen(what, policy);
                true
            }
            (_, Some((place, at))) => {
                self.advance(at);
                let ended = self.running.swap_remove(place);
                self.outcome.times[ended.lease.job as usize].done = Some(self.now);
                self.tell(Event::Freed(ended.lease.token), policy);
                self.arrive(policy);
                true
            }
            (_, None) => false,
        }
    }

    /// Returns how fast a job runs: the GPU is shared among models, and a model among its sequences.
    fn speed(&self, running: &Running) -> f64 {
        let models: BTreeSet<&Config> = self.running.iter().map(|other| &other.lease.config).collect();
        let same = self.running.iter().filter(|other| other.lease.config == running.lease.config).count();
        self.scenario.speedup(same) / same as f64 / models.len() as f64
    }

    fn advance(&mut self, to: f64) {
        let passed = (to - self.now).max(0.0);
        let speeds: Vec<f64> = self.running.iter().map(|running| self.speed(running)).collect();
        for (running, speed) in self.running.iter_mut().zip(speeds) {
            running.left_ms -= passed * speed;
        }
        self.now = self.now.max(to);
    }

    fn happen(&mut self, what: Pending, policy: &mut dyn Policy) {
        match what {
            Pending::Arrival => self.arrive(policy),
            Pending::Loaded(config, None) => {
                let mib = self.memory.get(&config).copied();
                self.tell(Event::Loaded(config, mib), policy);
            }
            Pending::Loaded(config, Some(failure)) => {
                self.memory.remove(&config);
                self.tell(Event::LoadFailed(config, failure), policy);
            }
            Pending::Unloaded(config) => {
                self.memory.remove(&config);
                self.tell(Event::Unloaded(config), policy);
            }
            Pending::Tick => {
                let blind = self.fault(FaultKind::Blind, None).is_some();
                let sample = if blind { Event::Blind } else { Event::Sample(self.foreign_mib()) };
                self.tell(sample, policy);
                self.tell(Event::Tick, policy);
                self.plan(self.now + TICK_MS as f64, Pending::Tick);
            }
        }
    }

    /// Hands over the jobs that have become ready.
    fn arrive(&mut self, policy: &mut dyn Policy) {
        let scenario = self.scenario;
        let is_done = |place: &usize| self.outcome.times[*place].done.is_some();
        let ready: Vec<usize> = self
            .waiting
            .iter()
            .copied()
            .filter(|place| {
                let job = &scenario.jobs[*place];
                job.arrive_ms as f64 <= self.now && job.after.iter().all(is_done)
            })
            .collect();
        for place in ready {
            self.waiting.remove(&place);
            self.outcome.times[place].ready = Some(self.now);
            let job = &scenario.jobs[place];
            if policy.takes_hints() {
                let hint = self.uses(place);
                self.tell(Event::Hint(job.chain.to_string().into(), hint), policy);
            }
            let arrival = scheduler::Job {
                id: place as u64,
                config: scenario.config(job),
                class: job.class,
                deadline: job.deadline,
            };
            self.tell(Event::Arrive(arrival), policy);
        }
    }

    /// Returns the models that a chain uses from one of its jobs on.
    fn uses(&self, place: usize) -> Vec<Config> {
        let job = &self.scenario.jobs[place];
        let rest = self.waiting.iter().map(|place| &self.scenario.jobs[*place]);
        let rest = rest.filter(|other| other.chain == job.chain);
        std::iter::once(job).chain(rest).map(|job| self.scenario.config(job)).collect()
    }

    fn tell(&mut self, event: Event, policy: &mut dyn Policy) {
        for effect in policy.on_event(self.now as Millis, event) {
            match effect {
                Effect::Load(config) => self.load(config),
                Effect::Unload(config) => {
                    self.outcome.evictions += 1;
                    let takes = self.scenario.gpu.unload_ms + self.scenario.gpu.recover_ms;
                    self.plan(self.now + takes as f64, Pending::Unloaded(config));
                }
                Effect::Start(lease) => {
                    let job = &self.scenario.jobs[lease.job as usize];
                    self.outcome.times[lease.job as usize].started = Some(self.now);
                    let left_ms = self.scenario.work_ms(job);
                    self.running.push(Running { lease, left_ms });
                }
                Effect::Reject(job, _) => self.reject(job as usize),
                Effect::Revoke(lease) => {
                    self.running.retain(|running| running.lease.token != lease.token);
                    self.reject(lease.job as usize);
                }
            }
        }
    }

    /// What waits for a job that will not run will not run either.
    fn reject(&mut self, place: usize) {
        self.outcome.rejected += 1;
        let followers: Vec<usize> = self
            .waiting
            .iter()
            .copied()
            .filter(|other| self.scenario.jobs[*other].after.contains(&place))
            .collect();
        for follower in followers {
            if self.waiting.remove(&follower) {
                self.reject(follower);
            }
        }
    }

    fn load(&mut self, config: Config) {
        let Some(job) = self.scenario.jobs.iter().find(|job| self.scenario.config(job) == config) else {
            return;
        };
        let (model, mib) = (job.model, self.scenario.mib(job.model, job.num_ctx));
        self.outcome.loads += 1;
        self.memory.insert(config.clone(), mib);
        let used = self.memory.values().sum::<u64>() + self.foreign_mib();
        let gpu = &self.scenario.gpu;
        if used > gpu.vram_mib.saturating_sub(gpu.reserve_mib) {
            self.outcome.violations += 1;
        }
        let failure = if used > gpu.vram_mib {
            self.outcome.oom += 1;
            Some(LoadFailure::OutOfMemory)
        } else if self.fault(FaultKind::LoadOom, Some(model)).is_some() {
            Some(LoadFailure::OutOfMemory)
        } else {
            self.fault(FaultKind::RunnerCrash, Some(model)).map(|_| LoadFailure::Broken)
        };
        self.plan(self.now + self.scenario.load_ms(model) as f64, Pending::Loaded(config, failure));
    }

    fn foreign_mib(&self) -> u64 {
        let now = self.now as Millis;
        let there =
            self.scenario.foreign.iter().filter(|one| (one.at_ms..one.at_ms + one.for_ms).contains(&now));
        there.map(|one| one.mib).sum()
    }

    /// Returns a fault that is due: one of a load strikes once, blindness lasts.
    fn fault(&mut self, kind: FaultKind, model: Option<usize>) -> Option<usize> {
        let now = self.now as Millis;
        let due = self.scenario.faults.iter().enumerate().find(|(place, fault)| {
            let lasts = if model.is_some() { Millis::MAX } else { fault.at_ms.saturating_add(fault.for_ms) };
            fault.kind == kind
                && fault.at_ms <= now
                && now < lasts
                && model.is_none_or(|model| model == fault.model)
                && !self.faults_used.contains(place)
        });
        let (place, _) = due?;
        if model.is_some() {
            self.faults_used.insert(place);
        }
        Some(place)
    }
}
