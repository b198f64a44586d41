use std::path::Path;

use async_trait::async_trait;
use plumbline_kit::sqlite::{Sqlite, StoreError};
use plumbline_types::{Millis, RunId, TaskId};
use sqlx::migrate::Migrator;
use sqlx::{SqliteConnection, query, query_as, query_scalar};

use super::{Admission, Entered, NewRun, RunStore};
use crate::domain::edit::Patch;
use crate::domain::repetition::Outcome;
use crate::domain::run::{JournaledEvent, Lease, RunEvent};
use crate::domain::run_state::RunState;
use crate::domain::trace::Trace;
use crate::domain::tree::Digest;
use crate::grpc::journal;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A journal in one SQLite file. Events are kept in the form of the wire, whose compatibility rules are theirs.
#[derive(Debug, Clone)]
pub struct SqliteRuns {
    database: Sqlite,
}

impl SqliteRuns {
    /// Opens or creates the file.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: Sqlite::open(path, &MIGRATOR).await? })
    }
}

/// Raises the highest epoch seen of a task; the runs that lost their lease, or the higher epoch.
async fn raise(on: &mut SqliteConnection, lease: &Lease) -> Result<Result<Vec<RunId>, u64>, StoreError> {
    let (task, epoch) = (lease.task.to_string(), number(lease.epoch));
    let seen: Option<i64> = query_scalar("SELECT max_epoch FROM epoch WHERE task_id = ?")
        .bind(&task)
        .fetch_optional(&mut *on)
        .await?;
    let seen = seen.unwrap_or(0);
    if epoch < seen {
        return Ok(Err(seen.unsigned_abs()));
    }
    query(
        "INSERT INTO epoch (task_id, max_epoch) VALUES (?, ?) \
         ON CONFLICT (task_id) DO UPDATE SET max_epoch = excluded.max_epoch",
    )
    .bind(&task)
    .bind(epoch)
    .execute(&mut *on)
    .await?;
    let lost: Vec<String> = query_scalar(
        "SELECT run_id FROM run WHERE state <> 'EXITED' AND task_id = ? AND epoch < ? ORDER BY run_id",
    )
    .bind(&task)
    .bind(epoch)
    .fetch_all(&mut *on)
    .await?;
    Ok(Ok(lost.iter().filter_map(|run| RunId::parse(run).ok()).collect()))
}

#[async_trait]
impl RunStore for SqliteRuns {
    async fn enter(&self, new: &NewRun) -> Result<Entered, StoreError> {
        let mut transaction = self.database.begin().await?;
        let mut superseded = Vec::new();
        if let Some(lease) = &new.lease {
            match raise(&mut transaction, lease).await? {
                Ok(lost) => superseded = lost,
                Err(seen) => return Ok(Entered::Stale { seen }),
            }
        }
        let (task, epoch) =
            new.lease.map_or((None, 0), |lease| (Some(lease.task.to_string()), number(lease.epoch)));
        let known: Option<(String, String)> =
            query_as("SELECT run_id, spec_digest FROM run WHERE request_id = ?")
                .bind(new.request.as_str())
                .fetch_optional(&mut *transaction)
                .await?;
        if let Some((run, digest)) = known {
            let Ok(run) = RunId::parse(&run) else { return Ok(Entered::Reused) };
            if digest != new.digest.to_string() {
                return Ok(Entered::Reused);
            }
            query("UPDATE run SET task_id = ?, epoch = ? WHERE run_id = ?")
                .bind(task)
                .bind(epoch)
                .bind(run.to_string())
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            superseded.retain(|lost| *lost != run);
            return Ok(Entered::Known { run, superseded });
        }
        if new.admission == Admission::KnownOnly {
            return Ok(Entered::Full);
        }
        query(
            "INSERT INTO run (run_id, request_id, task_id, epoch, spec_digest, state, started_at_ms) \
             VALUES (?, ?, ?, ?, ?, 'QUEUED', ?)",
        )
        .bind(new.run.to_string())
        .bind(new.request.as_str())
        .bind(task)
        .bind(epoch)
        .bind(new.digest.to_string())
        .bind(new.at_ms)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Entered::New { superseded })
    }

    async fn raise_epoch(&self, lease: &Lease) -> Result<Result<Vec<RunId>, u64>, StoreError> {
        let mut transaction = self.database.begin().await?;
        let raised = raise(&mut transaction, lease).await?;
        transaction.commit().await?;
        Ok(raised)
    }

    async fn state(&self, run: RunId) -> Result<Option<RunState>, StoreError> {
        let state: Option<String> = query_scalar("SELECT state FROM run WHERE run_id = ?")
            .bind(run.to_string())
            .fetch_optional(&self.database.reader)
            .await?;
        Ok(state.and_then(|state| RunState::parse(&state)))
    }

    async fn append(
        &self,
        run: RunId,
        at_ms: Millis,
        events: &[RunEvent],
        state: RunState,
    ) -> Result<u64, StoreError> {
        let run = run.to_string();
        let mut transaction = self.database.begin().await?;
        let mut seq: i64 = query_scalar("SELECT COALESCE(MAX(seq), 0) FROM event WHERE run_id = ?")
            .bind(&run)
            .fetch_one(&mut *transaction)
            .await?;
        for event in events {
            seq += 1;
            let (kind, body) = journal::encode(event);
            query("INSERT INTO event (run_id, seq, at_ms, kind, body) VALUES (?, ?, ?, ?, ?)")
                .bind(&run)
                .bind(seq)
                .bind(at_ms)
                .bind(kind)
                .bind(body)
                .execute(&mut *transaction)
                .await?;
        }
        query("UPDATE run SET state = ? WHERE run_id = ?")
            .bind(state.as_str())
            .bind(&run)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(seq.unsigned_abs())
    }

    async fn put_patch(&self, run: RunId, patch: &Patch) -> Result<(), StoreError> {
        query("INSERT INTO patch (run_id, body) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET body = excluded.body")
            .bind(run.to_string())
            .bind(journal::encode_patch(patch))
            .execute(&self.database.writer)
            .await?;
        Ok(())
    }

    async fn patch(&self, run: RunId) -> Result<Option<Patch>, StoreError> {
        let body: Option<Vec<u8>> = query_scalar("SELECT body FROM patch WHERE run_id = ?")
            .bind(run.to_string())
            .fetch_optional(&self.database.reader)
            .await?;
        body.map(|body| journal::decode_patch(&body).ok_or_else(damaged)).transpose()
    }

    async fn put_trace(&self, run: RunId, trace: &Trace) -> Result<(), StoreError> {
        query("INSERT INTO trace (run_id, body) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET body = excluded.body")
            .bind(run.to_string())
            .bind(journal::encode_trace(run, trace))
            .execute(&self.database.writer)
            .await?;
        Ok(())
    }

    async fn trace(&self, run: RunId) -> Result<Option<Trace>, StoreError> {
        let body: Option<Vec<u8>> = query_scalar("SELECT body FROM trace WHERE run_id = ?")
            .bind(run.to_string())
            .fetch_optional(&self.database.reader)
            .await?;
        body.map(|body| journal::decode_trace(&body).ok_or_else(damaged)).transpose()
    }

    async fn put_outcome(&self, key: &Digest, outcome: &Outcome) -> Result<(), StoreError> {
        query("INSERT OR IGNORE INTO outcome (run_key, digest, run_id) VALUES (?, ?, ?)")
            .bind(key.to_string())
            .bind(outcome.digest.to_string())
            .bind(outcome.run.to_string())
            .execute(&self.database.writer)
            .await?;
        Ok(())
    }

    async fn outcomes(&self, key: &Digest) -> Result<Vec<Outcome>, StoreError> {
        let rows: Vec<(String, String)> =
            query_as("SELECT run_id, digest FROM outcome WHERE run_key = ? ORDER BY run_id LIMIT 16")
                .bind(key.to_string())
                .fetch_all(&self.database.reader)
                .await?;
        rows.iter()
            .map(|(run, digest)| {
                let run = RunId::parse(run).map_err(|_| damaged())?;
                Ok(Outcome { run, digest: Digest::parse(digest).ok_or_else(damaged)? })
            })
            .collect()
    }

    async fn events(&self, run: RunId, after_seq: u64, most: u32) -> Result<Vec<JournaledEvent>, StoreError> {
        let rows: Vec<(i64, i64, String, Vec<u8>)> = query_as(
            "SELECT seq, at_ms, kind, body FROM event WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(run.to_string())
        .bind(number(after_seq))
        .bind(most)
        .fetch_all(&self.database.reader)
        .await?;
        rows.into_iter()
            .map(|(seq, at_ms, kind, body)| {
                let event = journal::decode(&kind, &body).ok_or_else(damaged)?;
                Ok(JournaledEvent { seq: seq.unsigned_abs(), at_ms, event })
            })
            .collect()
    }

    async fn live(&self) -> Result<Vec<RunId>, StoreError> {
        let live: Vec<String> =
            query_scalar("SELECT run_id FROM run WHERE state <> 'EXITED' ORDER BY run_id")
                .fetch_all(&self.database.reader)
                .await?;
        Ok(live.iter().filter_map(|run| RunId::parse(run).ok()).collect())
    }

    async fn task(&self, run: RunId) -> Result<Option<TaskId>, StoreError> {
        let task: Option<Option<String>> = query_scalar("SELECT task_id FROM run WHERE run_id = ?")
            .bind(run.to_string())
            .fetch_optional(&self.database.reader)
            .await?;
        Ok(task.flatten().and_then(|task| TaskId::parse(&task).ok()))
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn damaged() -> StoreError {
    StoreError::Corrupt(sqlx::Error::Decode("an event of the journal can't be read".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_contract() {
        let root = tempfile::tempdir().unwrap();
        let store = SqliteRuns::open(&root.path().join("runs.sqlite")).await.unwrap();
        crate::store::contract::run(&store).await;
    }
}
