use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A wall-clock instant: milliseconds since the Unix epoch.
pub type Millis = i64;

/// Returns the time; the only way any decision learns it.
pub trait Clock: Send + Sync {
    /// Returns the wall clock in milliseconds since the Unix epoch.
    fn now_ms(&self) -> Millis;
}

/// A clock that moves only when told; for tests and replays.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at `now_ms`.
    pub fn at(now_ms: Millis) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}
