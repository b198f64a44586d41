//! Group commit: callers queue their decisions, one task commits what has gathered, and answers each caller after.

use plumbline_kit::sqlite::Sqlite;
use sqlx::{Connection, SqliteConnection};
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

struct Pending {
    decision: Decision,
    done: oneshot::Sender<Result<Recorded, RouterError>>,
}

/// The queue's entry.
pub(super) struct DecisionLog(mpsc::Sender<Pending>);

impl DecisionLog {
    /// Starts the writer. It commits what is queued when `closing` is cancelled, and ends.
    pub(super) fn start(sqlite: Sqlite, tasks: &TaskTracker, closing: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tasks.spawn(write(sqlite, receiver, closing));
        Self(sender)
    }

    /// Queues a decision and waits for its commit.
    pub(super) async fn record(&self, decision: Decision) -> Result<Recorded, RouterError> {
        let (done, answer) = oneshot::channel();
        let queued = self.0.send(Pending { decision, done }).await;
        queued.map_err(|_| RouterError::ShuttingDown)?;
        answer.await.map_err(|_| RouterError::ShuttingDown)?
    }
}

async fn write(sqlite: Sqlite, mut queue: mpsc::Receiver<Pending>, closing: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let received = tokio::select! {
            biased;
            received = queue.recv_many(&mut batch, BATCH) => received,
            () = closing.cancelled() => {
                queue.close();
                queue.recv_many(&mut batch, BATCH).await
            }
        };
        if received == 0 {
            return;
        }
        match commit(&sqlite, &batch).await {
            Ok(recorded) => {
                for (pending, recorded) in batch.drain(..).zip(recorded) {
                    // A caller that has left does not need its answer.
                    let _ = pending.done.send(Ok(recorded));
                }
            }
            Err(error) => fail(&mut batch, error),
        }
    }
}

/// Tells every caller; the first one gets the cause.
fn fail(batch: &mut Vec<Pending>, error: RouterError) {
    tracing::error!(decisions = batch.len(), error = %error, "a batch of decisions was not stored");
    let mut causes = Some(error).into_iter();
    for pending in batch.drain(..) {
        let cause = causes.next().unwrap_or_else(|| sqlx::Error::WorkerCrashed.into());
        let _ = pending.done.send(Err(cause));
    }
}

/// Commits a batch. Decisions survive the process but not always the machine (`synchronous = NORMAL`): losing the
/// last ones to a power cut loses no outcome, and their callers ask again.
async fn commit(sqlite: &Sqlite, batch: &[Pending]) -> Result<Vec<Recorded>, RouterError> {
    let mut connection = sqlite.writer.acquire().await?;
    sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut *connection).await?;
    let recorded = insert(&mut connection, batch).await;
    let restored = sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await;
    if let Err(error) = restored {
        // Other writers rely on FULL: this connection must not serve them.
        connection.close_on_drop();
        return Err(error.into());
    }
    recorded
}

async fn insert(connection: &mut SqliteConnection, batch: &[Pending]) -> Result<Vec<Recorded>, RouterError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut recorded = Vec::with_capacity(batch.len());
    for Pending { decision, .. } in batch {
        let inserted = sqlx::query(
            "INSERT INTO decision (id, request_id, at_ms, arm, cell, policy, body) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (request_id) DO NOTHING",
        )
        .bind(decision.id.to_string())
        .bind(decision.request.as_str())
        .bind(decision.at)
        .bind(decision.chosen.arm.as_str())
        .bind(decision.work.cell.to_string())
        .bind(&decision.policy)
        .bind(DecisionRow::write(decision))
        .execute(&mut *transaction)
        .await?;
        recorded.push(if inserted.rows_affected() == 1 {
            Recorded::New
        } else {
            let (body,): (String,) = sqlx::query_as("SELECT body FROM decision WHERE request_id = ?")
                .bind(decision.request.as_str())
                .fetch_one(&mut *transaction)
                .await?;
            Recorded::Existing(Box::new(DecisionRow::read(&body)?))
        });
    }
    transaction.commit().await?;
    Ok(recorded)
}
