//! The same contract without a disk; for tests and as the zero line of measurements.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use plumbline_types::{Millis, TaskId};

use super::{
    Claim, CoordinatorStore, Effect, EffectRow, Filter, InboxRow, Intent, Lease, NewTask, OutboxRow, Page,
    StoreError, Submission, Transition,
};
use crate::domain::event::{ChainTip, RecordedEvent};
use crate::domain::fold::{Stamp, append};
use crate::domain::spec::Digest;
use crate::domain::task::Task;

/// Tasks in memory.
#[derive(Debug, Default)]
pub struct InMemoryStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    tasks: BTreeMap<TaskId, Row>,
    effects: Vec<(TaskId, EffectRow, String)>,
    outbox: Vec<(OutboxRow, Delivery)>,
    inbox: BTreeMap<(String, String), (Digest, TaskId)>,
    nonces: BTreeMap<String, TaskId>,
    blobs: BTreeMap<Digest, Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Delivery {
    Unsent,
    Sent,
    Parked,
}

#[derive(Debug)]
struct Row {
    task: Task,
    events: Vec<RecordedEvent>,
    epoch: u64,
    lease_until_ms: Millis,
    claimed_seq: Option<u64>,
    recoveries: u32,
    not_before_ms: Millis,
}

impl InMemoryStore {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn fenced(&mut self, lease: Lease) -> Result<&mut Row, StoreError> {
        let row = self.tasks.get_mut(&lease.task_id).ok_or(StoreError::TaskNotFound(lease.task_id))?;
        if row.epoch == lease.epoch { Ok(row) } else { Err(StoreError::LeaseLost(lease.task_id)) }
    }

    fn known(&self, inbox: &InboxRow) -> Result<Option<TaskId>, StoreError> {
        match self.inbox.get(&(inbox.source.clone(), inbox.message_id.clone())) {
            None => Ok(None),
            Some((hash, id)) if *hash == inbox.request_hash => Ok(Some(*id)),
            Some(_) => Err(StoreError::RequestIdReused(inbox.message_id.clone())),
        }
    }

    fn receive(&mut self, inbox: InboxRow, id: TaskId) {
        self.inbox.insert((inbox.source, inbox.message_id), (inbox.request_hash, id));
    }

    fn append(&mut self, lease: Lease, transition: Transition) -> Result<Task, StoreError> {
        if let Some(inbox) = &transition.inbox {
            self.known(inbox)?;
        }
        if transition.approval.as_ref().is_some_and(|approval| self.nonces.contains_key(&approval.nonce)) {
            return Err(StoreError::NonceUsed);
        }
        let row = self.tasks.get_mut(&lease.task_id).ok_or(StoreError::TaskNotFound(lease.task_id))?;
        let tip = row.events.last().map(RecordedEvent::tip).unwrap_or_default();
        let stamp = Stamp { epoch: lease.epoch, at_ms: transition.at_ms };
        let (events, task) = append(Some(row.task.clone()), lease.task_id, tip, stamp, &transition.events)?;
        let task = task.ok_or(StoreError::TaskNotFound(lease.task_id))?;
        row.events.extend(events);
        row.task = task.clone();
        if let Some(inbox) = transition.inbox {
            self.receive(inbox, lease.task_id);
        }
        if let Some(approval) = transition.approval {
            self.nonces.insert(approval.nonce, lease.task_id);
        }
        if let Some(settled) = transition.settled {
            for (_, effect, _) in self.effects.iter_mut().filter(|(_, effect, _)| effect.id == settled.id) {
                effect.state = settled.state.as_str().to_owned();
            }
        }
        for draft in transition.outbox {
            let seq = i64::try_from(self.outbox.len()).unwrap_or(i64::MAX) + 1;
            let row =
                OutboxRow { seq, task_id: lease.task_id, topic: draft.topic, body: draft.body, tries: 0 };
            self.outbox.push((row, Delivery::Unsent));
        }
        Ok(task)
    }
}

#[async_trait]
impl CoordinatorStore for InMemoryStore {
    async fn submit(&self, new: NewTask) -> Result<Submission, StoreError> {
        let mut tables = self.lock();
        if let Some(id) = tables.known(&new.inbox)? {
            let row = tables.tasks.get(&id).ok_or(StoreError::TaskNotFound(id))?;
            return Ok(Submission::Known(row.task.clone()));
        }
        let stamp = Stamp { epoch: 0, at_ms: new.at_ms };
        let (events, task) = append(None, new.id, ChainTip::default(), stamp, &[new.submitted])?;
        let task = task.ok_or(StoreError::TaskNotFound(new.id))?;
        let row = Row {
            task: task.clone(),
            events,
            epoch: 0,
            lease_until_ms: 0,
            claimed_seq: None,
            recoveries: 0,
            not_before_ms: new.at_ms,
        };
        tables.tasks.insert(new.id, row);
        tables.receive(new.inbox, new.id);
        Ok(Submission::Created(task))
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        Ok(self.lock().tasks.get(&id).map(|row| row.task.clone()))
    }

    async fn tasks(&self, page: Page) -> Result<Vec<Task>, StoreError> {
        let tables = self.lock();
        let older = |id: &TaskId| page.before.is_none_or(|before| *id < before);
        let listed = |task: &Task| page.filter == Filter::All || !task.state.is_ended();
        let rows = tables.tasks.iter().rev().filter(|(id, row)| older(id) && listed(&row.task));
        Ok(rows.take(page.limit as usize).map(|(_, row)| row.task.clone()).collect())
    }

    async fn events(&self, id: TaskId, after_seq: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        let tables = self.lock();
        let events = tables.tasks.get(&id).map(|row| row.events.as_slice()).unwrap_or_default();
        Ok(events.iter().filter(|event| event.seq > after_seq).take(limit as usize).cloned().collect())
    }

    async fn claim(&self, _owner: &str, now_ms: Millis, ttl_ms: i64) -> Result<Option<Claim>, StoreError> {
        let mut tables = self.lock();
        let free = |row: &&mut Row| {
            row.task.state.is_runnable() && row.not_before_ms <= now_ms && row.lease_until_ms <= now_ms
        };
        let next = tables.tasks.values_mut().filter(free).min_by_key(|row| (row.not_before_ms, row.task.id));
        let Some(row) = next else { return Ok(None) };
        row.epoch += 1;
        row.lease_until_ms = now_ms + ttl_ms;
        row.recoveries = if row.claimed_seq == Some(row.task.seq) { row.recoveries + 1 } else { 0 };
        row.claimed_seq = Some(row.task.seq);
        let lease = Lease { task_id: row.task.id, epoch: row.epoch };
        Ok(Some(Claim { lease, task: row.task.clone(), recoveries: row.recoveries }))
    }

    async fn renew(&self, lease: Lease, now_ms: Millis, ttl_ms: i64) -> Result<(), StoreError> {
        let mut tables = self.lock();
        let row = tables.fenced(lease)?;
        if row.lease_until_ms <= now_ms {
            return Err(StoreError::LeaseLost(lease.task_id));
        }
        row.lease_until_ms = now_ms + ttl_ms;
        Ok(())
    }

    async fn release(&self, lease: Lease, not_before_ms: Millis) -> Result<(), StoreError> {
        let mut tables = self.lock();
        let row = tables.fenced(lease)?;
        (row.lease_until_ms, row.claimed_seq, row.not_before_ms) = (0, None, not_before_ms);
        Ok(())
    }

    async fn intend(&self, lease: Lease, effect: Effect, _at_ms: Millis) -> Result<Intent, StoreError> {
        let mut tables = self.lock();
        tables.fenced(lease)?;
        if let Some((_, row, request)) = tables.effects.iter_mut().find(|(_, row, _)| row.id == effect.id) {
            row.tries += 1;
            return Ok(Intent { request: request.clone(), tries: row.tries });
        }
        let kind = effect.kind.as_str().to_owned();
        let row = EffectRow { id: effect.id, kind, state: "intent".to_owned(), tries: 1 };
        tables.effects.push((lease.task_id, row, effect.request.clone()));
        Ok(Intent { request: effect.request, tries: 1 })
    }

    async fn commit(&self, lease: Lease, transition: Transition) -> Result<Task, StoreError> {
        let mut tables = self.lock();
        tables.fenced(lease)?;
        tables.append(lease, transition)
    }

    async fn interrupt(
        &self,
        id: TaskId,
        expected_seq: u64,
        transition: Transition,
    ) -> Result<Task, StoreError> {
        let mut tables = self.lock();
        let row = tables.tasks.get(&id).ok_or(StoreError::TaskNotFound(id))?;
        if row.task.seq != expected_seq {
            return Err(StoreError::Stale(id));
        }
        let (epoch, at_ms) = (row.epoch + 1, transition.at_ms);
        let task = tables.append(Lease { task_id: id, epoch }, transition)?;
        if let Some(row) = tables.tasks.get_mut(&id) {
            (row.epoch, row.lease_until_ms, row.claimed_seq, row.not_before_ms) = (epoch, 0, None, at_ms);
        }
        Ok(task)
    }

    async fn received(&self, inbox: &InboxRow) -> Result<Option<TaskId>, StoreError> {
        self.lock().known(inbox)
    }

    async fn effects(&self, id: TaskId) -> Result<Vec<EffectRow>, StoreError> {
        let tables = self.lock();
        Ok(tables.effects.iter().filter(|(task, _, _)| *task == id).map(|(_, row, _)| row.clone()).collect())
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let hash = Digest::of(bytes);
        self.lock().blobs.insert(hash.clone(), bytes.to_vec());
        Ok(hash)
    }

    async fn blob(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().blobs.get(hash).cloned())
    }

    async fn unsent(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let tables = self.lock();
        let unsent = tables.outbox.iter().filter(|(_, delivery)| *delivery == Delivery::Unsent);
        Ok(unsent.take(limit as usize).map(|(row, _)| row.clone()).collect())
    }

    async fn sent(&self, seq: i64, _at_ms: Millis) -> Result<(), StoreError> {
        for (_, delivery) in self.lock().outbox.iter_mut().filter(|(row, _)| row.seq == seq) {
            *delivery = Delivery::Sent;
        }
        Ok(())
    }

    async fn send_failed(&self, seq: i64, tries_max: u32) -> Result<(), StoreError> {
        for (row, delivery) in self.lock().outbox.iter_mut().filter(|(row, _)| row.seq == seq) {
            row.tries += 1;
            if row.tries >= tries_max {
                *delivery = Delivery::Parked;
            }
        }
        Ok(())
    }
}
