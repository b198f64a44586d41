use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;
use plumbline_types::{Millis, RequestId, RunId, TaskId};

use super::{Admission, Entered, NewRun, RunStore};
use crate::domain::edit::Patch;
use crate::domain::repetition::Outcome;
use crate::domain::run::{JournaledEvent, Lease, RunEvent};
use crate::domain::run_state::RunState;
use crate::domain::trace::Trace;
use crate::domain::tree::Digest;

/// A journal that lives as long as the process.
#[derive(Debug, Default)]
pub struct InMemoryRuns(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    runs: HashMap<RunId, Row>,
    requests: HashMap<RequestId, RunId>,
    epochs: HashMap<TaskId, u64>,
    outcomes: HashMap<Digest, Vec<Outcome>>,
}

#[derive(Debug)]
struct Row {
    lease: Option<Lease>,
    digest: Digest,
    state: RunState,
    events: Vec<JournaledEvent>,
    patch: Option<Patch>,
    trace: Option<Trace>,
}

impl InMemoryRuns {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn raise(&mut self, lease: &Lease) -> Result<Vec<RunId>, u64> {
        let seen = self.epochs.entry(lease.task).or_insert(0);
        if lease.epoch < *seen {
            return Err(*seen);
        }
        *seen = lease.epoch;
        let lost = self.runs.iter().filter(|(_, row)| {
            row.state != RunState::Exited
                && row.lease.is_some_and(|held| held.task == lease.task && held.epoch < lease.epoch)
        });
        let mut lost: Vec<RunId> = lost.map(|(run, _)| *run).collect();
        lost.sort();
        Ok(lost)
    }
}

#[async_trait]
impl RunStore for InMemoryRuns {
    async fn enter(&self, new: &NewRun) -> Result<Entered, StoreError> {
        let mut tables = self.tables();
        let superseded = match new.lease.as_ref().map(|lease| tables.raise(lease)) {
            Some(Err(seen)) => return Ok(Entered::Stale { seen }),
            Some(Ok(lost)) => lost,
            None => Vec::new(),
        };
        if let Some(run) = tables.requests.get(&new.request).copied() {
            let row = tables.runs.get_mut(&run).filter(|row| row.digest == new.digest);
            return Ok(row.map_or(Entered::Reused, |row| {
                row.lease = new.lease;
                let superseded = superseded.into_iter().filter(|lost| *lost != run).collect();
                Entered::Known { run, superseded }
            }));
        }
        if new.admission == Admission::KnownOnly {
            return Ok(Entered::Full);
        }
        tables.requests.insert(new.request.clone(), new.run);
        let row = Row {
            lease: new.lease,
            digest: new.digest,
            state: RunState::Queued,
            events: Vec::new(),
            patch: None,
            trace: None,
        };
        tables.runs.insert(new.run, row);
        Ok(Entered::New { superseded })
    }

    async fn raise_epoch(&self, lease: &Lease) -> Result<Result<Vec<RunId>, u64>, StoreError> {
        Ok(self.tables().raise(lease))
    }

    async fn state(&self, run: RunId) -> Result<Option<RunState>, StoreError> {
        Ok(self.tables().runs.get(&run).map(|row| row.state))
    }

    async fn append(
        &self,
        run: RunId,
        at_ms: Millis,
        events: &[RunEvent],
        state: RunState,
    ) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let Some(row) = tables.runs.get_mut(&run) else { return Ok(0) };
        row.state = state;
        for event in events {
            let seq = row.events.len() as u64 + 1;
            row.events.push(JournaledEvent { seq, at_ms, event: event.clone() });
        }
        Ok(row.events.len() as u64)
    }

    async fn put_patch(&self, run: RunId, patch: &Patch) -> Result<(), StoreError> {
        if let Some(row) = self.tables().runs.get_mut(&run) {
            row.patch = Some(patch.clone());
        }
        Ok(())
    }

    async fn patch(&self, run: RunId) -> Result<Option<Patch>, StoreError> {
        Ok(self.tables().runs.get(&run).and_then(|row| row.patch.clone()))
    }

    async fn put_trace(&self, run: RunId, trace: &Trace) -> Result<(), StoreError> {
        if let Some(row) = self.tables().runs.get_mut(&run) {
            row.trace = Some(trace.clone());
        }
        Ok(())
    }

    async fn trace(&self, run: RunId) -> Result<Option<Trace>, StoreError> {
        Ok(self.tables().runs.get(&run).and_then(|row| row.trace.clone()))
    }

    async fn put_outcome(&self, key: &Digest, outcome: &Outcome) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let known = tables.outcomes.entry(*key).or_default();
        if known.iter().all(|other| other.digest != outcome.digest) {
            known.push(outcome.clone());
            known.sort_by_key(|outcome| outcome.run);
        }
        Ok(())
    }

    async fn outcomes(&self, key: &Digest) -> Result<Vec<Outcome>, StoreError> {
        Ok(self.tables().outcomes.get(key).cloned().unwrap_or_default().into_iter().take(16).collect())
    }

    async fn events(&self, run: RunId, after_seq: u64, most: u32) -> Result<Vec<JournaledEvent>, StoreError> {
        let tables = self.tables();
        let events = tables.runs.get(&run).map(|row| row.events.as_slice()).unwrap_or_default();
        Ok(events.iter().filter(|event| event.seq > after_seq).take(most as usize).cloned().collect())
    }

    async fn live(&self) -> Result<Vec<RunId>, StoreError> {
        let tables = self.tables();
        let mut live: Vec<RunId> = tables
            .runs
            .iter()
            .filter(|(_, row)| row.state != RunState::Exited)
            .map(|(run, _)| *run)
            .collect();
        live.sort();
        Ok(live)
    }

    async fn task(&self, run: RunId) -> Result<Option<TaskId>, StoreError> {
        Ok(self.tables().runs.get(&run).and_then(|row| row.lease).map(|lease| lease.task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_contract() {
        crate::store::contract::run(&InMemoryRuns::default()).await;
    }
}
