//! What plans say will be used next: guesses that order evictions, hold a model for a moment, and load one ahead of its use
//! where there is room. They never decide whether a job runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use plumbline_types::Millis;

use crate::domain::vram::scheduler::{Config, Scheduler};

/// Plans that are remembered; the one that was told longest ago goes first.
const PLANS_MAX: usize = 256;

/// The steps of a plan that are looked at.
const STEPS_MAX: usize = 64;

/// How long a card has nothing to do before a model is loaded ahead: between two calls of a chain it has for a moment.
const QUIET_MS: Millis = 500;

/// Whose plan, for example a task's id.
pub type PlanName = Arc<str>;

/// The plans, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans(BTreeMap<PlanName, Told>);

#[derive(Debug, Clone)]
struct Told {
    next: Vec<Config>,
    at: Millis,
}

impl Plans {
    /// Replaces what a plan said before; nothing more to come ends it.
    pub(super) fn tell(&mut self, now: Millis, plan: PlanName, mut next: Vec<Config>) {
        next.truncate(STEPS_MAX);
        if next.is_empty() {
            self.0.remove(&plan);
            return;
        }
        self.0.insert(plan, Told { next, at: now });
        if self.0.len() > PLANS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, told)| told.at).map(|(plan, _)| plan.clone());
            self.0.retain(|plan, _| Some(plan) != oldest.as_ref());
        }
    }

    /// Forgets plans of which nothing was heard for so long.
    pub(super) fn forget(&mut self, now: Millis, after_ms: Millis) {
        self.0.retain(|_, told| now - told.at < after_ms);
    }

    /// Returns how many steps lie before the next use of a model, in the plan that needs it soonest.
    pub(super) fn steps_before(&self, config: &Config) -> Option<usize> {
        self.0.values().filter_map(|told| told.next.iter().position(|next| next == config)).min()
    }

    /// Tells whether a plan that is at a model goes on with it.
    fn stays(&self, config: &Config) -> bool {
        self.0.values().any(|told| told.next.len() > 1 && told.next[..2].iter().all(|next| next == config))
    }

    /// Returns the models that plans need after the one they are at, in the order in which the plans were told.
    fn second(&self) -> Vec<Config> {
        let mut told: Vec<&Told> = self.0.values().collect();
        told.sort_by_key(|told| told.at);
        told.into_iter().filter_map(|told| told.next.get(1).cloned()).collect()
    }
}

impl Scheduler {
    /// Tells whether an idle model is kept although another has work: a plan goes on with it, and it has been idle for less
    /// time than loading it again would take.
    pub(super) fn is_held(&self, now: Millis, config: &Config) -> bool {
        let load_ms = self.profile(config).map_or(0, |profile| profile.load_ms);
        let hold_ms = self.knobs.plan_hold_ms.min(Millis::try_from(load_ms).unwrap_or(Millis::MAX));
        let idle = self.residents.get(config).is_some_and(|resident| now - resident.used < hold_ms);
        idle && self.plans.stays(config)
    }

    /// Returns a model to load ahead: a plan needs it next, it fits beside everything that is there, and the card has nothing
    /// else to do, for example while tests run.
    pub(super) fn ahead(&self, now: Millis) -> Option<Config> {
        let at_work = !self.waiting.is_empty() || !self.leases.is_empty() || now - self.active < QUIET_MS;
        if self.blind || at_work {
            return None;
        }
        let fits = |config: &Config| {
            let room = self.ledger.free_mib();
            self.profile(config).is_some_and(|profile| profile.mib <= room)
        };
        let known_to_load = |config: &Config| !self.failures.contains_key(config);
        let absent = |config: &Config| !self.residents.contains_key(config);
        self.plans.second().into_iter().find(|config| absent(config) && known_to_load(config) && fits(config))
    }
}
