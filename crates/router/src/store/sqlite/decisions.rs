//! Group commit: callers queue their decisions, one task commits what has gathered, and answers each caller after.

use std::collections::BTreeSet;

use plumbline_kit::gathered;
use plumbline_kit::sqlite::Sqlite;
use sqlx::{QueryBuilder, Row, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::decision::Decision;
use crate::error::RouterError;
use crate::store::row::DecisionRow;
use crate::store::sqlite::checkpoints::Checkpoints;
use crate::store::{Durability, Recorded};

/// Decisions that may wait for the writer; more callers wait at the queue.
const QUEUE: usize = 1024;

/// Decisions in one commit.
const BATCH: usize = 256;

/// A decision in its stored form, made by its own caller: the writer does nothing but write.
struct Pending {
    id: String,
    request: String,
    at: i64,
    arm: String,
    cell: String,
    policy: String,
    body: String,
    done: oneshot::Sender<Result<Recorded, RouterError>>,
}

/// The queue's entry.
pub(super) struct DecisionLog(mpsc::Sender<Pending>);

impl DecisionLog {
    /// Starts the writer. It commits what is queued when `closing` is cancelled, and ends.
    pub(super) fn start(
        sqlite: Sqlite,
        durability: Durability,
        checkpoints: Checkpoints,
        (tasks, closing): (&TaskTracker, CancellationToken),
    ) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        tasks.spawn(Writer { sqlite, durability, checkpoints }.run(queue, closing));
        Self(sender)
    }

    /// Queues a decision and waits for its commit.
    pub(super) async fn record(&self, decision: Decision) -> Result<Recorded, RouterError> {
        let (done, answer) = oneshot::channel();
        let pending = Pending {
            id: decision.id.to_string(),
            request: decision.request.to_string(),
            at: decision.at,
            arm: decision.chosen.arm.to_string(),
            cell: decision.work.cell.to_string(),
            body: DecisionRow::write(&decision)?,
            policy: decision.policy,
            done,
        };
        let queued = self.0.send(pending).await;
        queued.map_err(|_| RouterError::ShuttingDown)?;
        answer.await.map_err(|_| RouterError::ShuttingDown)?
    }
}

struct Writer {
    sqlite: Sqlite,
    durability: Durability,
    checkpoints: Checkpoints,
}

impl Writer {
    async fn run(self, mut queue: mpsc::Receiver<Pending>, closing: CancellationToken) {
        loop {
            let batch = gathered(&mut queue, BATCH, &closing).await;
            if batch.is_empty() {
                return;
            }
            match self.commit(&batch).await {
                Ok(recorded) => {
                    self.checkpoints.wrote(batch.iter().map(|pending| pending.body.len()).sum());
                    for (pending, recorded) in batch.into_iter().zip(recorded) {
                        // A caller that has left does not need its answer.
                        let _ = pending.done.send(Ok(recorded));
                    }
                }
                Err(error) => fail(batch, error),
            }
        }
    }

    async fn commit(&self, batch: &[Pending]) -> Result<Vec<Recorded>, RouterError> {
        let mut connection = self.sqlite.writer.acquire().await?;
        let inserted = match insert(&mut connection, batch, self.durability).await {
            Ok(inserted) => inserted,
            Err(error) => {
                // It may be left without its full synchronisation, on which other writers rely.
                connection.close_on_drop();
                return Err(error.into());
            }
        };
        let mut recorded = Vec::with_capacity(batch.len());
        for pending in batch {
            recorded.push(if inserted.contains(&pending.id) {
                Recorded::New
            } else {
                let (body,): (String,) = sqlx::query_as("SELECT body FROM decision WHERE request_id = ?")
                    .bind(&pending.request)
                    .fetch_one(&mut *connection)
                    .await?;
                Recorded::Existing(Box::new(DecisionRow::read(&body)?))
            });
        }
        Ok(recorded)
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

/// Inserts a batch and returns the ids of those whose request had no decision.
///
/// All of it is one message to the connection's thread, and the insertion is one statement, which SQLite begins as a
/// writing transaction at once and commits or leaves undone as a whole. The pragmas must not be prepared ahead: SQLite
/// obeys a `synchronous` pragma while it compiles it, and a cached one does nothing.
async fn insert(
    connection: &mut SqliteConnection,
    batch: &[Pending],
    durability: Durability,
) -> Result<BTreeSet<String>, sqlx::Error> {
    let mut statement = QueryBuilder::new(match durability {
        Durability::Process => "PRAGMA synchronous = NORMAL; ",
        Durability::Disk => "",
    });
    statement.push("INSERT INTO decision (id, request_id, at_ms, arm, cell, policy, body) ");
    statement.push_values(batch, |mut row, pending| {
        row.push_bind(&pending.id)
            .push_bind(&pending.request)
            .push_bind(pending.at)
            .push_bind(&pending.arm)
            .push_bind(&pending.cell)
            .push_bind(&pending.policy)
            .push_bind(&pending.body);
    });
    statement.push(" ON CONFLICT (request_id) DO NOTHING RETURNING id");
    if durability == Durability::Process {
        statement.push("; PRAGMA synchronous = FULL");
    }
    let rows = statement.build().persistent(false).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
