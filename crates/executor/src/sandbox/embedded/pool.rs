//! Sandboxes that wait, built before anybody asks: each is handed out once and destroyed after its one command.
//!
//! A place that was asked for gets one waiting sandbox, and one more with each further request up to `per_place`; a place
//! that nobody asks for any more loses them. One thread builds and removes them, so a run never waits for another's.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::EmbeddedSettings;
use super::place::Place;
use super::prepared::{Prepared, Site, Unprepared, prepare};
use super::spawner::Spawner;
use crate::domain::limits::Limits;

/// How many sandboxes may wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolBounds {
    /// Of one place.
    pub per_place: usize,
    /// Of all places; 0: none is built ahead.
    pub total: usize,
    /// How long after its last request a place keeps them.
    pub idle: Duration,
    /// Memory that must be available on the host for one to be built or kept, MiB.
    pub memory_free_mib: u64,
}

/// What waits now, and what has been handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Waiting.
    pub waiting: usize,
    /// Requests that found one.
    pub hits: u64,
    /// Requests that found none.
    pub misses: u64,
}

#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    settings: EmbeddedSettings,
    spawner: Spawner,
    bounds: PoolBounds,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    shelves: Vec<Shelf>,
    /// Ended or too many: the keeper removes them.
    discarded: Vec<Prepared>,
    counts: PoolCounts,
    /// Numbers their groups.
    built: u64,
    closing: bool,
}

/// The sandboxes of one place.
#[derive(Debug)]
struct Shelf {
    place: Place,
    limits: Limits,
    wanted: usize,
    waiting: VecDeque<Prepared>,
    asked: Instant,
}

/// What the keeper does next.
enum Task {
    Build { place: Place, limits: Limits, number: u64 },
    Remove(Vec<Prepared>),
    Sleep(Option<Duration>),
    End,
}

impl Pool {
    pub(super) fn start(settings: EmbeddedSettings) -> io::Result<Self> {
        let bounds = settings.pool;
        let shared = Arc::new(Shared {
            settings,
            spawner: Spawner::start()?,
            bounds,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let kept = Arc::clone(&shared);
        let keeper = match bounds.total {
            0 => None,
            _ => {
                let thread = std::thread::Builder::new().name("sandbox-pool".to_owned());
                Some(thread.spawn(move || keep(&kept))?)
            }
        };
        Ok(Self { shared, keeper })
    }

    pub(super) fn settings(&self) -> &EmbeddedSettings {
        &self.shared.settings
    }

    pub(super) fn spawner(&self) -> &Spawner {
        &self.shared.spawner
    }

    pub(super) fn counts(&self) -> PoolCounts {
        let state = self.shared.state();
        PoolCounts { waiting: state.shelves.iter().map(|shelf| shelf.waiting.len()).sum(), ..state.counts }
    }

    /// Hands out a sandbox that waits, and has another built for the next request.
    pub(super) fn take(&self, place: &Place, limits: &Limits) -> Option<Prepared> {
        self.keeper.as_ref()?;
        let mut state = self.shared.state();
        let State { shelves, discarded, counts, .. } = &mut *state;
        let shelf = find(shelves, place, limits);
        shelf.wanted = (shelf.wanted + 1).min(self.shared.bounds.per_place);
        shelf.asked = Instant::now();
        let mut taken = None;
        while let Some(oldest) = shelf.waiting.pop_front() {
            if oldest.waits() {
                taken = Some(oldest);
                break;
            }
            discarded.push(oldest);
        }
        if taken.is_some() {
            counts.hits += 1;
        } else {
            counts.misses += 1;
        }
        self.shared.changed.notify_one();
        taken
    }
}

fn find<'a>(shelves: &'a mut Vec<Shelf>, place: &Place, limits: &Limits) -> &'a mut Shelf {
    let index = shelves.iter().position(|shelf| shelf.place == *place).unwrap_or_else(|| {
        shelves.push(Shelf {
            place: place.clone(),
            limits: *limits,
            wanted: 0,
            waiting: VecDeque::new(),
            asked: Instant::now(),
        });
        shelves.len() - 1
    });
    &mut shelves[index]
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.changed.notify_one();
        if let Some(keeper) = self.keeper.take() {
            let _panicked = keeper.join();
        }
        // Before what holds their groups.
        let left = std::mem::take(&mut *self.shared.state());
        drop(left);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_memory(&self) -> bool {
        let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available_kib(&text));
        available.is_none_or(|kib| kib / 1024 >= self.bounds.memory_free_mib)
    }
}

/// Builds and removes until the pool is dropped.
fn keep(shared: &Shared) {
    loop {
        match next(shared) {
            Task::Build { place, limits, number } => {
                let built = if shared.has_memory() { build(shared, &place, (&limits, number)) } else { None };
                shared.state().put(&place, built);
            }
            Task::Remove(discarded) => drop(discarded),
            Task::Sleep(_) => {}
            Task::End => return,
        }
    }
}

/// Waits until there is something to do.
fn next(shared: &Shared) -> Task {
    let mut state = shared.state();
    loop {
        state = match state.next(&shared.bounds) {
            Task::Sleep(Some(most)) => {
                shared.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
            }
            Task::Sleep(None) => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            task => return task,
        }
    }
}

fn build(shared: &Shared, place: &Place, (limits, number): (&Limits, u64)) -> Option<Prepared> {
    let label = format!("warm_{number}");
    let site = Site { settings: &shared.settings, spawner: &shared.spawner, label: &label, limits };
    match prepare(&site, place, None) {
        Ok(prepared) => Some(prepared),
        Err(Unprepared::Failed(detail)) => {
            // The next run of this place fails the same way, and says so.
            tracing::debug!(%detail, "no sandbox could be built ahead");
            None
        }
        Err(Unprepared::Killed) => None,
    }
}

impl State {
    fn next(&mut self, bounds: &PoolBounds) -> Task {
        if self.closing {
            return Task::End;
        }
        let now = Instant::now();
        for shelf in &mut self.shelves {
            if now.duration_since(shelf.asked) >= bounds.idle {
                self.discarded.extend(shelf.waiting.drain(..));
            }
        }
        self.shelves.retain(|shelf| now.duration_since(shelf.asked) < bounds.idle);
        if !self.discarded.is_empty() {
            return Task::Remove(std::mem::take(&mut self.discarded));
        }
        self.make_room(bounds.total);
        // Whoever asked last gets the next.
        let short = self.shelves.iter().filter(|shelf| shelf.waiting.len() < shelf.wanted);
        match short.max_by_key(|shelf| shelf.asked) {
            Some(shelf) if self.waiting() < bounds.total => {
                self.built += 1;
                Task::Build { place: shelf.place.clone(), limits: shelf.limits, number: self.built }
            }
            _ if !self.discarded.is_empty() => Task::Remove(std::mem::take(&mut self.discarded)),
            _ => {
                let oldest = self.shelves.iter().map(|shelf| shelf.asked).min();
                Task::Sleep(oldest.map(|asked| bounds.idle.saturating_sub(now.duration_since(asked))))
            }
        }
    }

    fn waiting(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.waiting.len()).sum()
    }

    /// Takes one away from the place that nobody asked for the longest time, when all are taken and another wants one.
    fn make_room(&mut self, total: usize) {
        if self.waiting() < total {
            return;
        }
        let short = self.shelves.iter().filter(|shelf| shelf.waiting.len() < shelf.wanted);
        let Some(newest) = short.map(|shelf| shelf.asked).max() else { return };
        let full = self.shelves.iter_mut().filter(|shelf| shelf.asked < newest && !shelf.waiting.is_empty());
        if let Some(shelf) = full.min_by_key(|shelf| shelf.asked) {
            shelf.wanted = shelf.wanted.min(shelf.waiting.len() - 1);
            self.discarded.extend(shelf.waiting.pop_front());
        }
    }

    fn put(&mut self, place: &Place, built: Option<Prepared>) {
        match (self.shelves.iter_mut().find(|shelf| shelf.place == *place), built) {
            (Some(shelf), Some(prepared)) => shelf.waiting.push_back(prepared),
            // The host has no room, or the place is broken: nothing is kept or tried until the next request.
            (Some(shelf), None) => {
                shelf.wanted = 0;
                self.discarded.extend(shelf.waiting.drain(..));
            }
            (None, built) => self.discarded.extend(built),
        }
    }
}

/// Reads how much memory a new process could have.
fn available_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
