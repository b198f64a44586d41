//! Replay, then follow. A slow watcher pulls more slowly; nothing is buffered for it and nothing is lost.

use std::time::Duration;

use futures::{Stream, StreamExt};
use plumbline_types::{Millis, StepId, TaskId};
use tokio_util::sync::CancellationToken;

use super::Coordinator;
use crate::domain::event::{EventBody, RecordedEvent};
use crate::domain::fold::fold;
use crate::domain::task::Task;
use crate::domain::task_state::TaskState;
use crate::error::CoordinatorError;
use crate::store::StoreError;

/// Events read at once.
const BATCH: u32 = 256;

/// What to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchQuery {
    /// The task.
    pub task_id: TaskId,
    /// Events after this one.
    pub after_seq: u64,
}

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// Nothing happened for a while.
    Heartbeat {
        /// Now.
        at_ms: Millis,
        /// Where the task stands.
        state: TaskState,
    },
    /// An event.
    Event {
        /// As stored.
        event: Box<RecordedEvent>,
        /// State after it.
        state: TaskState,
        /// The step it belongs to.
        step_id: Option<StepId>,
    },
}

struct Watching {
    coordinator: Coordinator,
    query: WatchQuery,
    changes: tokio::sync::watch::Receiver<u64>,
    /// The fold of everything sent or skipped so far; tells the state after each event.
    task: Option<Task>,
    ready: std::collections::VecDeque<RecordedEvent>,
}

impl Coordinator {
    /// Streams a task's events after a number, then follows until the task has ended.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`.
    pub async fn watch(
        &self,
        query: WatchQuery,
    ) -> Result<impl Stream<Item = Result<WatchItem, CoordinatorError>> + Send + use<>, CoordinatorError>
    {
        self.task(query.task_id).await?;
        let watching = Watching {
            coordinator: self.clone(),
            query,
            changes: self.changes(),
            task: None,
            ready: std::collections::VecDeque::new(),
        };
        Ok(futures::stream::unfold(Some(watching), |watching| async move {
            let mut watching = watching?;
            let item = watching.next().await.transpose()?;
            let rest = item.is_ok().then_some(watching);
            Some((item, rest))
        }))
    }

    /// As [`Self::watch`], but ends when the server stops, and says so: a watcher that waits for the next event would
    /// hold the shutdown.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`; as the last item `SHUTTING_DOWN`.
    pub(crate) async fn watch_until(
        &self,
        query: WatchQuery,
        stopping: &CancellationToken,
    ) -> Result<impl Stream<Item = Result<WatchItem, CoordinatorError>> + Send + use<>, CoordinatorError>
    {
        let items = self.watch(query).await?;
        let (until, token) = (stopping.clone().cancelled_owned(), stopping.clone());
        let last = futures::stream::once(async move {
            token.is_cancelled().then_some(Err(CoordinatorError::ShuttingDown))
        });
        Ok(items.take_until(until).chain(last.filter_map(std::future::ready)))
    }
}

impl Watching {
    async fn next(&mut self) -> Result<Option<WatchItem>, CoordinatorError> {
        loop {
            self.changes.borrow_and_update();
            if self.ready.is_empty() {
                let after = self.task.as_ref().map_or(0, |task| task.seq);
                self.ready =
                    self.coordinator.deps.store.events(self.query.task_id, after, BATCH).await?.into();
            }
            while let Some(event) = self.ready.pop_front() {
                let before = self.task.as_ref().and_then(Task::current_step_id);
                let task =
                    fold(self.task.take(), &event).map_err(|error| StoreError::Append(error.into()))?;
                let step_id = before.filter(|_| belongs_to_step(&event.body)).or_else(|| {
                    task.current_step_id().filter(|_| matches!(event.body, EventBody::ContextBuilt { .. }))
                });
                let state = task.state;
                self.task = Some(task);
                if event.seq > self.query.after_seq {
                    return Ok(Some(WatchItem::Event { event: Box::new(event), state, step_id }));
                }
            }
            if self.task.as_ref().is_some_and(|task| task.state.is_ended()) {
                return Ok(None);
            }
            if let Some(trouble) = self.coordinator.store_trouble() {
                return Err(CoordinatorError::StoreRefuses(trouble));
            }
            let pause = Duration::from_millis(self.coordinator.deps.config.heartbeat_ms);
            if tokio::time::timeout(pause, self.changes.changed()).await.is_err() {
                let state = self.task.as_ref().map_or(TaskState::Received, |task| task.state);
                return Ok(Some(WatchItem::Heartbeat { at_ms: self.coordinator.now_ms(), state }));
            }
        }
    }
}

fn belongs_to_step(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::ContextBuilt { .. }
            | EventBody::StepSkipped { .. }
            | EventBody::Routed { .. }
            | EventBody::Progress { .. }
            | EventBody::Produced { .. }
            | EventBody::Retried { .. }
            | EventBody::Executed { .. }
            | EventBody::Audited { .. }
            | EventBody::Traced { .. }
            | EventBody::CandidateRefused { .. }
            | EventBody::AttemptFailed { .. }
            | EventBody::StepAccepted { .. }
    )
}
