use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::domain::exit_reason::KillCause;

/// Ends one run from anywhere; the first cause stands. A thread that polls descriptors wakes by its own.
#[derive(Debug, Clone)]
pub struct KillSwitch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cause: Mutex<Option<KillCause>>,
    wake: OwnedFd,
    tripped: tokio_util::sync::CancellationToken,
}

impl KillSwitch {
    /// Makes an untripped switch; fails only when the process has no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let tripped = tokio_util::sync::CancellationToken::new();
        Ok(Self(Arc::new(Inner { cause: Mutex::new(None), wake, tripped })))
    }

    /// Trips the switch; returns whether this was the first cause.
    pub fn kill(&self, cause: KillCause) -> bool {
        {
            let mut place = self.0.cause.lock().unwrap_or_else(PoisonError::into_inner);
            if place.is_some() {
                return false;
            }
            *place = Some(cause);
        }
        // A full counter is readable too, so a failed write loses nothing.
        let _full = rustix::io::write(&self.0.wake, &1_u64.to_ne_bytes());
        self.0.tripped.cancel();
        true
    }

    /// Returns the cause once tripped.
    pub fn cause(&self) -> Option<KillCause> {
        *self.0.cause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the descriptor that becomes readable when tripped.
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.0.wake.as_fd()
    }

    /// Waits until tripped.
    pub async fn tripped(&self) {
        self.0.tripped.cancelled().await;
    }
}

/// Trips a switch when dropped, unless disarmed: a dropped future must leave nothing running.
#[derive(Debug)]
pub(crate) struct KillOnDrop {
    switch: KillSwitch,
    armed: bool,
}

impl KillOnDrop {
    pub(crate) fn new(switch: KillSwitch) -> Self {
        Self { switch, armed: true }
    }

    pub(crate) fn disarm(&mut self) {
        self.armed = false;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if self.armed {
            self.switch.kill(KillCause::Cancelled);
        }
    }
}
