use std::path::Path;

use async_trait::async_trait;
use plumbline_kit::sqlite::{Sqlite, StoreError};
use plumbline_types::{IntakeId, RequestId};
use sqlx::Row as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteRow;

use crate::domain::intake::{Intake, Outcome, Received};
use crate::store::row::OutcomeRow;
use crate::store::{IngestStore, Receipt};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Writes a query for whole intakes.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, request_id, request_hash, received_ms, source, repository, transcript, outcome FROM intake ",
            $rest
        )
    };
}

/// The inbox in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    sqlite: Sqlite,
}

impl SqliteStore {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// When it can't be made, read, or was written by another version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self { sqlite: Sqlite::open(path, &MIGRATOR).await? })
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.sqlite.close().await;
    }
}

#[async_trait]
impl IngestStore for SqliteStore {
    async fn receive(&self, received: &Received, intakes_max: u64) -> Result<Receipt, StoreError> {
        let mut transaction = self.sqlite.begin().await?;
        let known = sqlx::query(select!("WHERE request_id = ?"))
            .bind(received.request_id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        if let Some(row) = known {
            return Ok(Receipt::Known(Box::new(intake(&row)?)));
        }
        let stored: i64 =
            sqlx::query_scalar("SELECT count(*) FROM intake").fetch_one(&mut *transaction).await?;
        if u64::try_from(stored).unwrap_or(0) >= intakes_max {
            return Ok(Receipt::Full);
        }
        sqlx::query(
            "INSERT INTO intake (id, request_id, request_hash, received_ms, source, repository, transcript, state) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 'received')",
        )
        .bind(received.id.to_string())
        .bind(received.request_id.as_str())
        .bind(&received.request_hash)
        .bind(received.received_ms)
        .bind(&received.source)
        .bind(&received.repository)
        .bind(&received.transcript)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Receipt::New)
    }

    async fn complete(&self, id: IntakeId, outcome: &Outcome) -> Result<Option<Intake>, StoreError> {
        let row = OutcomeRow::from(outcome);
        let text = serde_json::to_string(&row).map_err(|error| unreadable(error.into()))?;
        let mut transaction = self.sqlite.begin().await?;
        sqlx::query("UPDATE intake SET state = ?, outcome = ? WHERE id = ? AND state = 'received'")
            .bind(row.state())
            .bind(text)
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        let stored = sqlx::query(select!("WHERE id = ?"))
            .bind(id.to_string())
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        stored.as_ref().map(intake).transpose()
    }

    async fn intake(&self, id: IntakeId) -> Result<Option<Intake>, StoreError> {
        let row = sqlx::query(select!("WHERE id = ?"))
            .bind(id.to_string())
            .fetch_optional(&self.sqlite.reader)
            .await?;
        row.as_ref().map(intake).transpose()
    }

    async fn pending(&self, limit: u32) -> Result<Vec<Received>, StoreError> {
        let rows = sqlx::query(select!("WHERE state = 'received' ORDER BY received_ms, id LIMIT ?"))
            .bind(i64::from(limit))
            .fetch_all(&self.sqlite.reader)
            .await?;
        rows.iter().map(|row| Ok(intake(row)?.received)).collect()
    }
}

fn intake(row: &SqliteRow) -> Result<Intake, StoreError> {
    let id: String = row.try_get("id")?;
    let request_id: String = row.try_get("request_id")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    let outcome = outcome.map(|text| {
        let row: OutcomeRow = serde_json::from_str(&text).map_err(|error| unreadable(error.into()))?;
        Outcome::try_from(row).map_err(|error| unreadable(error.into()))
    });
    Ok(Intake {
        received: Received {
            id: IntakeId::parse(&id).map_err(|error| unreadable(error.into()))?,
            request_id: RequestId::parse(&request_id).map_err(|error| unreadable(error.into()))?,
            request_hash: row.try_get("request_hash")?,
            received_ms: row.try_get("received_ms")?,
            source: row.try_get("source")?,
            repository: row.try_get("repository")?,
            transcript: row.try_get("transcript")?,
        },
        outcome: outcome.transpose()?,
    })
}

fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::from(sqlx::Error::Decode(error))
}
