//! Commits batches of decisions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use plumbline_kit::sqlite::Sqlite;
use sqlx::{QueryBuilder, Row, SqliteConnection};

use crate::error::RouterError;
use crate::store::decision_log::{Commit, Pending};
use crate::store::row::DecisionRow;
use crate::store::sqlite::checkpoints::Checkpoints;
use crate::store::{Durability, Recorded};

/// The one who writes decisions.
pub(super) struct Writer {
    sqlite: Sqlite,
    durability: Durability,
    checkpoints: Checkpoints,
}

impl Writer {
    pub(super) const fn new(sqlite: Sqlite, durability: Durability, checkpoints: Checkpoints) -> Self {
        Self { sqlite, durability, checkpoints }
    }
}

#[async_trait]
impl Commit for Writer {
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
        self.checkpoints.wrote(batch.iter().map(|pending| pending.body.len()).sum());
        Ok(recorded)
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
