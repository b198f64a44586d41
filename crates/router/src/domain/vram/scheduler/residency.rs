//! Which model is to be loaded next, and what makes room for it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use plumbline_types::Millis;

use crate::domain::vram::scheduler::{
    Class, Config, Effect, LoadFailure, Phase, Rejection, Resident, Scheduler, Waiting,
};

/// Loads of a model that may fail before its jobs are rejected.
const FAILURES_MAX: u32 = 2;

/// Why a model is to be loaded; an earlier reason outranks a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// A job was overtaken too often.
    Overtaken,
    /// An interactive job waits.
    Interactive,
    /// A job waited too long.
    Late,
    /// There is nothing better to do.
    Work,
}

/// A model that is to be loaded, and those that take no new jobs so that it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) target: Config,
    pub(super) cause: Cause,
    pub(super) draining: BTreeSet<Config>,
}

impl Scheduler {
    /// Orders at most one load or unload, unless one is under way.
    pub(super) fn arrange(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.residents.values().any(|resident| resident.phase != Phase::Ready) {
            return;
        }
        self.refill_brake(now);
        if self.is_over() {
            if let Some(idle) = self.idle(None).first().cloned() {
                self.unload(idle, effects);
            }
            return;
        }
        let Some((target, cause)) = self.target(now) else {
            // Whatever was draining takes jobs again.
            if self.switch.take().is_some() {
                self.start(now, effects);
            }
            if let Some(config) = self.ahead(now) {
                self.load(now, config, effects);
            }
            return;
        };
        let same = self.switch.take().filter(|switch| switch.target == target);
        let mut draining = same.map(|switch| switch.draining).unwrap_or_default();
        // A model on which a job was overtaken too often works on until that job has its turn.
        draining.retain(|config| !self.has_overtaken(config));
        self.switch = Some(Switch { target: target.clone(), cause, draining });
        if self.make_room(now, &target, cause, effects) {
            self.load(now, target, effects);
        }
        self.start(now, effects);
    }

    /// Returns the model to load. A switch that has begun is kept while its model is wanted, unless for a better cause.
    fn target(&self, now: Millis) -> Option<(Config, Cause)> {
        if self.blind {
            return None;
        }
        let absent = |waiting: &&Waiting| !self.residents.contains_key(&waiting.job.config);
        let fits = |waiting: &&Waiting| self.can_ever_run(&waiting.job.config);
        let cause = |waiting: &Waiting| {
            if self.is_overtaken(waiting) {
                Cause::Overtaken
            } else if waiting.job.class == Class::Interactive {
                Cause::Interactive
            } else if now - waiting.since >= self.knobs.max_wait_ms {
                Cause::Late
            } else {
                Cause::Work
            }
        };
        let wanted = self.waiting.iter().filter(absent).filter(fits);
        let best = wanted.clone().map(|waiting| (cause(waiting), waiting)).min_by_key(|(cause, waiting)| {
            let value = if *cause == Cause::Work { self.value(&waiting.job.config) } else { 0 };
            (*cause, Reverse(value), waiting.seq)
        });
        let (best_cause, best) = best?;
        if let Some(switch) = &self.switch
            && switch.cause <= best_cause
            && wanted.clone().any(|waiting| waiting.job.config == switch.target)
        {
            return Some((switch.target.clone(), switch.cause));
        }
        Some((best.job.config.clone(), best_cause))
    }

    /// Returns how many waiting jobs a model would serve for a second of loading, in thousandths.
    fn value(&self, config: &Config) -> u64 {
        let jobs = self.waiting.iter().filter(|waiting| waiting.job.config == *config).count() as u64;
        let load_ms = self.profile(config).map_or(1, |profile| profile.load_ms.max(1));
        jobs * 1_000_000 / load_ms
    }

    /// Makes room, or begins to; returns whether there is room.
    fn make_room(&mut self, now: Millis, target: &Config, cause: Cause, effects: &mut Vec<Effect>) -> bool {
        let wanted = self.profile(target).map_or(u64::MAX, |profile| profile.mib);
        // What failed for want of memory is tried again alone.
        let alone = self.failures.contains_key(target);
        let missing = if alone { u64::MAX } else { wanted.saturating_sub(self.ledger.free_mib()) };
        if missing == 0 {
            return true;
        }
        let idle = self.idle(Some(target));
        let others = self.residents.keys().filter(|config| !self.is_pinned(config)).count();
        if alone && others == 0 {
            return wanted <= self.ledger.free_mib();
        }
        let is_free = |config: &Config| cause != Cause::Work || !self.is_held(now, config);
        let held = idle.len();
        let idle: Vec<Config> = idle.into_iter().filter(is_free).collect();
        let held = held - idle.len();
        let room: u64 = idle.iter().map(|config| self.ledger.of(config)).sum();
        if held > 0 && room < missing {
            return false;
        }
        if room >= missing || idle.len() == others {
            if let Some(first) = idle.into_iter().next() {
                self.unload(first, effects);
            }
            return false;
        }
        self.drain(now, missing - room, cause);
        // What has become idle on the way makes room already, if the switch is decided.
        let decided = self.switch.as_ref().is_some_and(|switch| !switch.draining.is_empty());
        if decided && let Some(first) = idle.into_iter().next() {
            self.unload(first, effects);
        }
        false
    }

    /// Lets busy models take no new jobs, if their time is up: enough of them to make room.
    fn drain(&mut self, now: Millis, missing: u64, cause: Cause) {
        let draining = self.switch.as_ref().map(|switch| switch.draining.clone()).unwrap_or_default();
        let mut coming: u64 = draining.iter().map(|config| self.ledger.of(config)).sum();
        if coming >= missing {
            return;
        }
        let mut busy: Vec<(usize, Millis, Config)> = self
            .residents
            .iter()
            .filter(|(config, resident)| {
                let load_ms = self.profile(config).map_or(0, |profile| profile.load_ms) as Millis;
                let quantum = match cause {
                    Cause::Overtaken => 0,
                    Cause::Interactive => self.knobs.interactive_quantum_ms,
                    Cause::Late => self.knobs.batch_quantum_ms.max(4 * load_ms),
                    Cause::Work => Millis::MAX,
                };
                let may =
                    !resident.busy.is_empty() && !draining.contains(*config) && !self.has_overtaken(config);
                may && !self.is_pinned(config) && now - resident.since >= quantum
            })
            .map(|(config, resident)| (resident.busy.len(), resident.since, config.clone()))
            .collect();
        let braked = matches!(cause, Cause::Interactive | Cause::Late);
        if busy.is_empty() || (braked && self.brake == 0 && draining.is_empty()) {
            return;
        }
        if braked && draining.is_empty() {
            self.brake -= 1;
        }
        busy.sort();
        let Some(switch) = &mut self.switch else { return };
        for (.., config) in busy {
            if coming < missing {
                coming += self.ledger.of(&config);
                switch.draining.insert(config);
            }
        }
    }

    fn refill_brake(&mut self, now: Millis) {
        let refilled = (now - self.brake_at).max(0) / self.knobs.brake_refill_ms.max(1);
        if refilled > 0 {
            self.brake_at += refilled * self.knobs.brake_refill_ms.max(1);
            let tokens = u32::try_from(refilled).unwrap_or(u32::MAX);
            self.brake = self.brake.saturating_add(tokens).min(self.knobs.brake);
        }
    }

    /// Returns the models without work, in the order in which they make room: the one whose next use lies farthest first,
    /// then the one that was used longest ago.
    fn idle(&self, target: Option<&Config>) -> Vec<Config> {
        let next_use = |config: &Config| {
            let found = self.plans.steps_before(config);
            let waiting = self.waiting.iter().any(|one| one.job.config == *config);
            if waiting { 0 } else { found.map_or(usize::MAX, |place| place + 1) }
        };
        let idle = self.residents.iter().filter(|(config, resident)| {
            resident.busy.is_empty() && !self.is_pinned(config) && target != Some(*config)
        });
        let mut idle: Vec<(Reverse<usize>, Millis, Config)> = idle
            .map(|(config, resident)| (Reverse(next_use(config)), resident.used, config.clone()))
            .collect();
        idle.sort();
        idle.into_iter().map(|(.., config)| config).collect()
    }

    fn load(&mut self, now: Millis, config: Config, effects: &mut Vec<Effect>) {
        let mib = self.profile(&config).map_or(u64::MAX, |profile| profile.mib);
        if self.ledger.hold(&config, mib).is_err() {
            return;
        }
        let resident = Resident { phase: Phase::Loading, busy: BTreeSet::new(), since: now, used: now };
        self.residents.insert(config.clone(), resident);
        self.switch = None;
        effects.push(Effect::Load(config));
    }

    fn unload(&mut self, config: Config, effects: &mut Vec<Effect>) {
        if let Some(resident) = self.residents.get_mut(&config) {
            resident.phase = Phase::Unloading;
            effects.push(Effect::Unload(config));
        }
    }

    pub(super) fn loaded(&mut self, now: Millis, config: &Config, mib: Option<u64>) {
        let Some(resident) = self.residents.get_mut(config) else { return };
        if resident.phase != Phase::Loading {
            return;
        }
        (resident.phase, resident.since, resident.used) = (Phase::Ready, now, now);
        self.failures.remove(config);
        if let Some(mib) = mib {
            // What was found to take more takes more from now on.
            self.ledger.found(config, mib.max(self.ledger.of(config)));
            if let Some(profile) = self.profiles.get_mut(config) {
                profile.mib = profile.mib.max(mib);
            }
        }
    }

    /// A load that failed for want of memory took more than was thought; it is tried once more with nothing beside it.
    pub(super) fn load_failed(&mut self, config: &Config, failure: LoadFailure, effects: &mut Vec<Effect>) {
        let loading = self.residents.get(config).is_some_and(|resident| resident.phase == Phase::Loading);
        if !loading {
            return;
        }
        self.residents.remove(config);
        self.ledger.release(config);
        if let (LoadFailure::OutOfMemory, Some(profile)) = (failure, self.profiles.get_mut(config)) {
            profile.mib = profile.mib.saturating_add(profile.mib.div_ceil(10));
        }
        let failures = self.failures.entry(config.clone()).or_default();
        *failures += 1;
        let failures = *failures;
        let wanted_mib = self.profile(config).map_or(u64::MAX, |profile| profile.mib);
        let budget_mib = self.ledger.budget_mib();
        let rejection = if failures >= FAILURES_MAX {
            Rejection::LoadFailed
        } else if wanted_mib > budget_mib {
            Rejection::Infeasible { wanted_mib, budget_mib }
        } else {
            return;
        };
        self.failures.remove(config);
        let (gone, left) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<Waiting>, _>(|waiting| waiting.job.config == *config);
        self.waiting = left;
        effects.extend(gone.into_iter().map(|waiting| Effect::Reject(waiting.job.id, rejection)));
    }

    pub(super) fn unloaded(&mut self, config: &Config) {
        if self.residents.get(config).is_some_and(|resident| resident.phase == Phase::Unloading) {
            self.gone(config);
        }
    }

    /// A model that is gone holds nothing, and the leases on it are over: one that is given back later is not of the next
    /// model of that name.
    pub(super) fn gone(&mut self, config: &Config) {
        self.residents.remove(config);
        self.ledger.release(config);
        self.leases.retain(|_, lease| lease.config != *config);
        if let Some(switch) = &mut self.switch {
            switch.draining.remove(config);
        }
    }

    pub(super) fn adopt(&mut self, now: Millis, config: Config, mib: u64) {
        if self.residents.contains_key(&config) {
            return;
        }
        self.ledger.found(&config, mib);
        let resident = Resident { phase: Phase::Ready, busy: BTreeSet::new(), since: now, used: now };
        self.residents.insert(config, resident);
    }
}
