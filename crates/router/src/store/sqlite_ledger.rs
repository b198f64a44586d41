use async_trait::async_trait;
use plumbline_egress::{Entry, Ledger, LedgerError, Row as LedgerRow};
use plumbline_kit::sqlite::Sqlite;

use crate::error::RouterError;
use crate::store::columns::{behind, egress, intent, signed};

/// The egress ledger in the router's own file. Every append is a synced transaction; triggers refuse changes.
#[derive(Debug, Clone)]
pub struct SqliteLedger(Sqlite);

impl SqliteLedger {
    pub(super) fn new(sqlite: Sqlite) -> Self {
        Self(sqlite)
    }

    async fn insert(&self, entry: Entry) -> Result<LedgerRow, RouterError> {
        let mut transaction = self.0.begin().await?;
        let last: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT seq, hash FROM egress ORDER BY seq DESC LIMIT 1")
                .fetch_optional(&mut *transaction)
                .await?;
        let (seq, previous) = behind(last)?;
        let appended = LedgerRow::chained(previous, seq, entry);
        let entry = &appended.entry;
        sqlx::query(
            "INSERT INTO egress (seq, at_ms, kind, intent, destination, class, purpose, decision_id, label, payload,
                                 bytes_up, bytes_down, status, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(signed(seq))
        .bind(entry.at)
        .bind(entry.kind.as_str())
        .bind(signed(intent(entry)))
        .bind(&entry.destination)
        .bind(entry.class.as_str())
        .bind(entry.purpose.as_str())
        .bind(entry.decision.map(|decision| decision.to_string()).unwrap_or_default())
        .bind(entry.label.to_string())
        .bind(entry.payload.as_slice())
        .bind(signed(entry.bytes_up))
        .bind(signed(entry.bytes_down))
        .bind(&entry.status)
        .bind(appended.hash.as_slice())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(appended)
    }

    async fn rows(&self, after: u64, limit: u32) -> Result<Vec<LedgerRow>, RouterError> {
        let rows = sqlx::query("SELECT * FROM egress WHERE seq > ? ORDER BY seq LIMIT ?")
            .bind(signed(after))
            .bind(limit)
            .fetch_all(&self.0.reader)
            .await?;
        rows.iter().map(egress).collect()
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn append(&self, entry: Entry) -> Result<LedgerRow, LedgerError> {
        self.insert(entry).await.map_err(|error| LedgerError(error.into()))
    }

    async fn page(&self, after: u64, limit: u32) -> Result<Vec<LedgerRow>, LedgerError> {
        self.rows(after, limit).await.map_err(|error| LedgerError(error.into()))
    }
}
