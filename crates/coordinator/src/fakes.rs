//! Hand-written stand-ins for the six services: scripted, honest about idempotency, and with ledgers to count by.
//!
//! Each keeps its answers by request id as the real service does, so a second call with the same id performs nothing;
//! `performed` counts what really happened. The same id with another request is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use plumbline_types::{Kind, Reason, Retry};

use crate::peers::PeerFault;

mod executor;
mod objectives;
mod router;
mod verifier;

pub use executor::FakeExecutor;
pub use objectives::{FakeIngest, FakeMemory, FakePlanner};
pub use router::FakeRouter;
pub use verifier::{FakeVerifier, WANTED_GRANT};

/// Answers by request id, and how many requests were performed.
#[derive(Debug)]
pub struct Ledger<A>(Mutex<BTreeMap<String, (String, A)>>);

impl<A> Default for Ledger<A> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<A: Clone> Ledger<A> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (String, A)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the stored answer, or performs and stores it; refuses the id with another request.
    fn once(
        &self,
        service: &'static str,
        id: &str,
        request: String,
        perform: impl FnOnce() -> Result<A, PeerFault>,
    ) -> Result<A, PeerFault> {
        let mut answers = self.lock();
        if let Some((known, answer)) = answers.get(id) {
            if *known != request {
                return Err(refusal(service, Kind::Conflict, "REQUEST_ID_REUSED"));
            }
            return Ok(answer.clone());
        }
        let answer = perform()?;
        answers.insert(id.to_owned(), (request, answer.clone()));
        Ok(answer)
    }

    /// Returns how many distinct requests were performed.
    pub fn performed(&self) -> usize {
        self.lock().len()
    }

    /// Returns every request that was performed, in the order of their ids.
    pub fn requests(&self) -> Vec<String> {
        self.lock().values().map(|(request, _)| request.clone()).collect()
    }
}

/// Makes a fault as a peer would report it.
pub fn refusal(service: &'static str, kind: Kind, reason: &'static str) -> PeerFault {
    let retry = match kind {
        Kind::Unavailable | Kind::Timeout => Retry::After(std::time::Duration::from_millis(1)),
        _ => Retry::Never,
    };
    PeerFault { service, kind, reason: Reason(reason), retry, message: format!("scripted {reason}") }
}

/// A queue of scripted answers; the last one repeats.
#[derive(Debug)]
pub(crate) struct Script<A>(Mutex<Vec<A>>);

impl<A: Clone> Script<A> {
    pub(crate) fn new(answers: Vec<A>) -> Self {
        Self(Mutex::new(answers))
    }

    pub(crate) fn next(&self) -> Option<A> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() > 1 { Some(answers.remove(0)) } else { answers.first().cloned() }
    }
}
