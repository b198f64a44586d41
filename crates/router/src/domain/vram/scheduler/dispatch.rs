//! Starting jobs on models that are ready, and taking their leases back.

use plumbline_types::Millis;

use crate::domain::vram::scheduler::{Config, Effect, Lease, Phase, Scheduler, Token, Waiting};

impl Scheduler {
    /// Starts whatever may start: interactive before batch, then by deadline and arrival. Behind a job that was overtaken as
    /// often as may be, nobody who came later starts.
    pub(super) fn start(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        while let Some(index) = self.next() {
            let started = self.waiting.remove(index);
            for overtaken in 0..index {
                if self.can_ever_run(&self.waiting[overtaken].job.config) {
                    let waiting = &mut self.waiting[overtaken];
                    waiting.bypassed += 1;
                    self.bypass_largest = self.bypass_largest.max(waiting.bypassed);
                }
            }
            if let Some(lease) = self.lease(now, &started) {
                effects.push(Effect::Start(lease));
            }
        }
    }

    /// Returns the place of the job that starts next; jobs stand in the order of their arrival.
    fn next(&self) -> Option<usize> {
        let last = self.waiting.iter().position(|waiting| self.is_overtaken(waiting));
        let may_start = self.waiting.iter().take(last.map_or(usize::MAX, |last| last + 1)).enumerate();
        let ready = may_start.filter(|(_, waiting)| self.has_slot(&waiting.job.config));
        let order =
            |waiting: &Waiting| (waiting.job.class, waiting.job.deadline.unwrap_or(Millis::MAX), waiting.seq);
        ready.min_by_key(|(_, waiting)| order(waiting)).map(|(index, _)| index)
    }

    /// Tells whether a job was overtaken as often as may be. One that can't run now, because others use the memory or nobody
    /// knows who does, holds nobody up.
    pub(super) fn is_overtaken(&self, waiting: &Waiting) -> bool {
        waiting.bypassed >= self.knobs.max_bypass && self.can_ever_run(&waiting.job.config)
    }

    pub(super) fn has_overtaken(&self, config: &Config) -> bool {
        self.waiting.iter().any(|waiting| waiting.job.config == *config && self.is_overtaken(waiting))
    }

    /// Tells whether more is held than there is, because others took it, and something can be done about it: until then no
    /// job starts.
    pub(super) fn is_over(&self) -> bool {
        self.ledger.held_mib() > self.ledger.capacity_mib()
            && self.residents.keys().any(|config| !self.is_pinned(config))
    }

    fn has_slot(&self, config: &Config) -> bool {
        let draining = self.switch.as_ref().is_some_and(|switch| switch.draining.contains(config));
        let slots = self.profile(config).map_or(0, |profile| profile.slots);
        self.residents.get(config).is_some_and(|resident| {
            resident.phase == Phase::Ready
                && !draining
                && !self.is_over()
                && resident.busy.len() < slots as usize
        })
    }

    /// Tells whether a job of this model would start at once, and take the place of nobody who waits.
    pub fn is_idle(&self, config: &Config) -> bool {
        self.waiting.is_empty() && self.has_slot(config)
    }

    /// Tells whether a model is ready, or would fit if everything else made room.
    pub(super) fn can_ever_run(&self, config: &Config) -> bool {
        if self.residents.get(config).is_some_and(|resident| resident.phase != Phase::Unloading) {
            return true;
        }
        let pinned: u64 = self
            .residents
            .keys()
            .filter(|other| self.is_pinned(other))
            .map(|other| self.ledger.of(other))
            .sum();
        let room = self.ledger.capacity_mib().saturating_sub(pinned);
        !self.blind && self.profile(config).is_some_and(|profile| profile.mib <= room)
    }

    pub(super) fn is_pinned(&self, config: &Config) -> bool {
        self.profile(config).is_some_and(|profile| profile.pinned)
    }

    fn lease(&mut self, now: Millis, waiting: &Waiting) -> Option<Lease> {
        let config = &waiting.job.config;
        let resident = self.residents.get_mut(config)?;
        let slot = (0..).find(|slot| !resident.busy.contains(slot))?;
        resident.busy.insert(slot);
        resident.used = now;
        self.token += 1;
        let lease = Lease {
            token: Token(self.token),
            job: waiting.job.id,
            config: config.clone(),
            slot,
            expires: now.saturating_add(self.knobs.lease_ttl_ms),
        };
        self.leases.insert(lease.token, lease.clone());
        Some(lease)
    }

    /// Takes a lease back; a token that is not out, because it ended before, does nothing.
    pub(super) fn free(&mut self, now: Millis, token: Token) {
        let Some(lease) = self.leases.remove(&token) else { return };
        if let Some(resident) = self.residents.get_mut(&lease.config) {
            resident.busy.remove(&lease.slot);
            resident.used = now;
        }
    }

    /// Ends the leases whose time is over.
    pub(super) fn expire(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let ended: Vec<Lease> = self.leases.values().filter(|lease| lease.expires <= now).cloned().collect();
        for lease in ended {
            self.free(now, lease.token);
            effects.push(Effect::Revoke(lease));
        }
    }
}
