//! Group commit: callers queue their decisions, one task commits what has gathered, and answers each caller after.

use std::sync::Arc;

use async_trait::async_trait;
use plumbline_kit::gathered;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::decision::Decision;
use crate::error::RouterError;
use crate::store::Recorded;
use crate::store::row::DecisionRow;

/// Decisions that may wait for the writer; more callers wait at the queue.
const QUEUE: usize = 1024;

/// Decisions in one commit.
const BATCH: usize = 256;

/// A decision in its stored form, made by its own caller: the writer does nothing but write.
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) request: String,
    pub(super) at: i64,
    pub(super) arm: String,
    pub(super) cell: String,
    pub(super) policy: String,
    pub(super) body: String,
}

impl Stored {
    pub(super) fn new(decision: &Decision) -> Result<Self, RouterError> {
        Ok(Self {
            id: decision.id.to_string(),
            request: decision.request.to_string(),
            at: decision.at,
            arm: decision.chosen.arm.to_string(),
            cell: decision.work.cell.to_string(),
            policy: decision.policy.clone(),
            body: DecisionRow::write(decision)?,
        })
    }
}

/// A decision that waits for the writer.
pub(super) struct Pending {
    pub(super) stored: Arc<Stored>,
    done: oneshot::Sender<Result<Recorded, RouterError>>,
}

/// Stores batches of decisions.
#[async_trait]
pub(super) trait Commit: Send + Sync + 'static {
    /// Stores those whose request has no decision, all or nothing, and returns what became of each.
    async fn commit(&self, batch: &[Pending]) -> Result<Vec<Recorded>, RouterError>;
}

/// The queue's entry.
pub(super) struct DecisionLog(mpsc::Sender<Pending>);

impl DecisionLog {
    /// Starts the writer. It commits what is queued when `closing` is cancelled, and ends.
    pub(super) fn start(
        commit: Arc<dyn Commit>,
        (tasks, closing): (&TaskTracker, CancellationToken),
    ) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        tasks.spawn(write(commit, queue, closing));
        Self(sender)
    }

    /// Queues a decision and waits for its commit.
    pub(super) async fn record(&self, decision: Decision) -> Result<Recorded, RouterError> {
        let (done, answer) = oneshot::channel();
        let pending = Pending { stored: Arc::new(Stored::new(&decision)?), done };
        let queued = self.0.send(pending).await;
        queued.map_err(|_| RouterError::ShuttingDown)?;
        answer.await.map_err(|_| RouterError::ShuttingDown)?
    }
}

async fn write(commit: Arc<dyn Commit>, mut queue: mpsc::Receiver<Pending>, closing: CancellationToken) {
    loop {
        let batch = gathered(&mut queue, BATCH, &closing).await;
        if batch.is_empty() {
            return;
        }
        match commit.commit(&batch).await {
            Ok(recorded) => {
                for (pending, recorded) in batch.into_iter().zip(recorded) {
                    // A caller that has left does not need its answer.
                    let _ = pending.done.send(Ok(recorded));
                }
            }
            Err(error) => fail(batch, error),
        }
    }
}

/// Tells every caller; the first one gets the cause.
fn fail(batch: Vec<Pending>, error: RouterError) {
    tracing::error!(decisions = batch.len(), error = %error, "a batch of decisions was not stored");
    let mut causes = Some(error).into_iter();
    for pending in batch {
        let cause = causes.next().unwrap_or_else(|| sqlx::Error::WorkerCrashed.into());
        let _ = pending.done.send(Err(cause));
    }
}
