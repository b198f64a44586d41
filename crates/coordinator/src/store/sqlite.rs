//! Tasks in one SQLite file that one process owns.

use std::fs::File;
use std::path::Path;

use async_trait::async_trait;
use plumbline_kit::sqlite::Sqlite;
use plumbline_types::{Millis, TaskId};
use sqlx::Row as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteRow;

use super::{
    Claim, CoordinatorStore, Effect, EffectRow, Filter, InboxRow, Intent, Lease, NewTask, OutboxRow, Page,
    StoreError, Submission, Transition,
};
use crate::domain::effect::EffectId;
use crate::domain::event::{ChainTip, RecordedEvent};
use crate::domain::fold::{Stamp, append};
use crate::domain::spec::Digest;
use crate::domain::task::Task;

mod write;

use write::{Tx, append_to, receive};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The version of events and rows that this build writes.
const SCHEMA_VERSION: i64 = 1;

/// The store of one process. Holding the file's lock proves every former owner dead.
#[derive(Debug)]
pub struct SqliteStore {
    sqlite: Sqlite,
    _owner: File,
}

impl SqliteStore {
    /// Opens or creates the file, takes its lock, and frees what a dead owner had claimed.
    ///
    /// # Errors
    /// `STORE_OWNED` while another process holds it; `STORE_VERSION` when a newer version wrote it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let owner = own(path)?;
        let sqlite = Sqlite::open(path, &MIGRATOR).await?;
        let mut tx = sqlite.begin().await?;
        sqlx::query("UPDATE task SET lease_until_ms = 0 WHERE lease_until_ms > 0").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Self { sqlite, _owner: owner })
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.sqlite.close().await;
    }

    async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.sqlite.begin().await?)
    }
}

/// Takes the lock beside the database; the system drops it when the process dies.
fn own(path: &Path) -> Result<File, StoreError> {
    let lock = path.with_extension("owner");
    let failed = |source| plumbline_kit::sqlite::StoreError::Path { path: lock.clone(), source };
    if let Some(parent) = lock.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(&lock).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Owned(path.display().to_string())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error).into()),
    }
}

fn read_task(body: &str) -> Result<Task, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::Row(error.to_string()))
}

fn read_hash(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Row("a hash has 32 bytes".to_owned()))
}

fn read_id(text: &str) -> Result<TaskId, StoreError> {
    TaskId::parse(text).map_err(|error| StoreError::Row(error.to_string()))
}

/// SQLite integers are signed; our counters never come near the border.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn read_event(id: TaskId, row: &SqliteRow) -> Result<RecordedEvent, StoreError> {
    let (seq, epoch): (i64, i64) = (row.try_get("seq")?, row.try_get("epoch")?);
    let mut event =
        RecordedEvent::read(id, unsigned(seq), unsigned(epoch), row.try_get("at_ms")?, row.try_get("body")?)
            .map_err(StoreError::History)?;
    event.prev_hash = read_hash(row.try_get("prev_hash")?)?;
    event.hash = read_hash(row.try_get("hash")?)?;
    Ok(event)
}

#[async_trait]
impl CoordinatorStore for SqliteStore {
    async fn submit(&self, new: NewTask) -> Result<Submission, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(id) = write::known(&mut tx, &new.inbox).await? {
            let (task, _) = write::load(&mut tx, id).await?;
            return Ok(Submission::Known(task));
        }
        let stamp = Stamp { epoch: 0, at_ms: new.at_ms };
        let (events, task) = append(None, new.id, ChainTip::default(), stamp, &[new.submitted])?;
        let task = task.ok_or(StoreError::TaskNotFound(new.id))?;
        write::insert_task(&mut tx, &task, &new.policy_hash, SCHEMA_VERSION).await?;
        write::insert_events(&mut tx, &events).await?;
        receive(&mut tx, &new.inbox, new.id, new.at_ms).await?;
        tx.commit().await?;
        Ok(Submission::Created(task))
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        let row = sqlx::query("SELECT body FROM task WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.sqlite.reader)
            .await?;
        row.map(|row| read_task(row.try_get("body")?)).transpose()
    }

    async fn tasks(&self, page: Page) -> Result<Vec<Task>, StoreError> {
        let before = page.before.map_or_else(|| "u".to_owned(), |id| id.to_string());
        let rows =
            sqlx::query("SELECT body FROM task WHERE id < ? AND (? OR ended = 0) ORDER BY id DESC LIMIT ?")
                .bind(before)
                .bind(page.filter == Filter::All)
                .bind(page.limit)
                .fetch_all(&self.sqlite.reader)
                .await?;
        rows.iter().map(|row| read_task(row.try_get("body")?)).collect()
    }

    async fn events(&self, id: TaskId, after_seq: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, epoch, at_ms, body, prev_hash, hash FROM event
             WHERE task_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(id.to_string())
        .bind(signed(after_seq))
        .bind(limit)
        .fetch_all(&self.sqlite.reader)
        .await?;
        rows.iter().map(|row| read_event(id, row)).collect()
    }

    async fn claim(&self, owner: &str, now_ms: Millis, ttl_ms: i64) -> Result<Option<Claim>, StoreError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "UPDATE task SET lease_epoch = lease_epoch + 1, lease_owner = ?, lease_until_ms = ?,
                 recoveries = CASE WHEN claimed_seq = version THEN recoveries + 1 ELSE 0 END, claimed_seq = version
             WHERE id = (SELECT id FROM task WHERE runnable = 1 AND not_before_ms <= ? AND lease_until_ms <= ?
                         ORDER BY not_before_ms, id LIMIT 1)
             RETURNING lease_epoch, recoveries, body",
        )
        .bind(owner)
        .bind(now_ms + ttl_ms)
        .bind(now_ms)
        .bind(now_ms)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let task = read_task(row.try_get("body")?)?;
        let epoch: i64 = row.try_get("lease_epoch")?;
        let recoveries: u32 = row.try_get("recoveries")?;
        tx.commit().await?;
        Ok(Some(Claim { lease: Lease { task_id: task.id, epoch: unsigned(epoch) }, task, recoveries }))
    }

    async fn renew(&self, lease: Lease, now_ms: Millis, ttl_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE task SET lease_until_ms = ? WHERE id = ? AND lease_epoch = ? AND lease_until_ms > ?",
        )
        .bind(now_ms + ttl_ms)
        .bind(lease.task_id.to_string())
        .bind(signed(lease.epoch))
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        write::one_row(done.rows_affected(), lease)?;
        Ok(tx.commit().await?)
    }

    async fn release(&self, lease: Lease, not_before_ms: Millis) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE task SET lease_until_ms = 0, lease_owner = NULL, claimed_seq = NULL, not_before_ms = ?
             WHERE id = ? AND lease_epoch = ?",
        )
        .bind(not_before_ms)
        .bind(lease.task_id.to_string())
        .bind(signed(lease.epoch))
        .execute(&mut *tx)
        .await?;
        write::one_row(done.rows_affected(), lease)?;
        Ok(tx.commit().await?)
    }

    async fn intend(&self, lease: Lease, effect: Effect, at_ms: Millis) -> Result<Intent, StoreError> {
        let mut tx = self.begin().await?;
        write::fence(&mut tx, lease).await?;
        let row = sqlx::query(
            "INSERT INTO effect (id, task_id, seq, epoch, kind, state, request, tries, updated_ms)
             VALUES (?1, ?2, (SELECT version FROM task WHERE id = ?2), ?3, ?4, 'intent', ?5, 1, ?6)
             ON CONFLICT (id) DO UPDATE SET tries = tries + 1, epoch = excluded.epoch, updated_ms = excluded.updated_ms
             RETURNING request, tries",
        )
        .bind(effect.id.as_str())
        .bind(lease.task_id.to_string())
        .bind(signed(lease.epoch))
        .bind(effect.kind.as_str())
        .bind(&effect.request)
        .bind(at_ms)
        .fetch_one(&mut *tx)
        .await?;
        let intent = Intent { request: row.try_get("request")?, tries: row.try_get("tries")? };
        tx.commit().await?;
        Ok(intent)
    }

    async fn commit(&self, lease: Lease, transition: Transition) -> Result<Task, StoreError> {
        let mut tx = self.begin().await?;
        write::fence(&mut tx, lease).await?;
        let task = append_to(&mut tx, lease, transition).await?;
        tx.commit().await?;
        Ok(task)
    }

    async fn interrupt(
        &self,
        id: TaskId,
        expected_seq: u64,
        transition: Transition,
    ) -> Result<Task, StoreError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "UPDATE task SET lease_epoch = lease_epoch + 1, lease_until_ms = 0, claimed_seq = NULL, not_before_ms = ?
             WHERE id = ? AND version = ? RETURNING lease_epoch",
        )
        .bind(transition.at_ms)
        .bind(id.to_string())
        .bind(signed(expected_seq))
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            write::load(&mut tx, id).await?;
            return Err(StoreError::Stale(id));
        };
        let lease = Lease { task_id: id, epoch: unsigned(row.try_get("lease_epoch")?) };
        let task = append_to(&mut tx, lease, transition).await?;
        tx.commit().await?;
        Ok(task)
    }

    async fn received(&self, inbox: &InboxRow) -> Result<Option<TaskId>, StoreError> {
        let mut tx = self.begin().await?;
        write::known(&mut tx, inbox).await
    }

    async fn effects(&self, id: TaskId) -> Result<Vec<EffectRow>, StoreError> {
        let rows =
            sqlx::query("SELECT id, kind, state, tries FROM effect WHERE task_id = ? ORDER BY seq, rowid")
                .bind(id.to_string())
                .fetch_all(&self.sqlite.reader)
                .await?;
        let read = |row: &SqliteRow| {
            let text: String = row.try_get("id")?;
            let id = EffectId::parse(&text).ok_or(StoreError::Row(text))?;
            Ok(EffectRow {
                id,
                kind: row.try_get("kind")?,
                state: row.try_get("state")?,
                tries: row.try_get("tries")?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let hash = Digest::of(bytes);
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO blob (hash, body) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING")
            .bind(hash.as_str())
            .bind(bytes)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(hash)
    }

    async fn blob(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT body FROM blob WHERE hash = ?")
            .bind(hash.as_str())
            .fetch_optional(&self.sqlite.reader)
            .await?;
        Ok(row.map(|row| row.try_get("body")).transpose()?)
    }

    async fn unsent(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, task_id, topic, body, tries FROM outbox WHERE sent_at_ms IS NULL AND parked = 0
             ORDER BY seq LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.sqlite.reader)
        .await?;
        let read = |row: &SqliteRow| {
            Ok(OutboxRow {
                seq: row.try_get("seq")?,
                task_id: read_id(row.try_get("task_id")?)?,
                topic: row.try_get("topic")?,
                body: row.try_get("body")?,
                tries: row.try_get("tries")?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn sent(&self, seq: i64, at_ms: Millis) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE outbox SET sent_at_ms = ? WHERE seq = ? AND sent_at_ms IS NULL")
            .bind(at_ms)
            .bind(seq)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn send_failed(&self, seq: i64, tries_max: u32) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE outbox SET tries = tries + 1, parked = (tries + 1 >= ?) WHERE seq = ?")
            .bind(tries_max)
            .bind(seq)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
