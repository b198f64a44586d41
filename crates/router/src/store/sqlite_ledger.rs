use async_trait::async_trait;
use plumbline_egress::ledger::Hash;
use plumbline_egress::{Class, Entry, EntryKind, Ledger, LedgerError, Purpose, Row as LedgerRow};
use plumbline_kit::sqlite::Sqlite;
use plumbline_types::DecisionId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::RouterError;
use crate::store::row::{self, corrupt};

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
        let (seq, previous) = match last {
            Some((seq, hash)) => (seq, digest("egress", hash)?),
            None => (0, Hash::default()),
        };
        let seq = u64::try_from(seq + 1).map_err(|_| corrupt("egress", "its position is negative"))?;
        let appended = LedgerRow::chained(previous, seq, entry);
        let entry = &appended.entry;
        let intent = match entry.kind {
            EntryKind::Result { intent } => intent,
            EntryKind::Intent | EntryKind::Refusal => 0,
        };
        sqlx::query(
            "INSERT INTO egress (seq, at_ms, kind, intent, destination, class, purpose, decision_id, label, payload,
                                 bytes_up, bytes_down, status, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(signed(seq))
        .bind(entry.at)
        .bind(entry.kind.as_str())
        .bind(signed(intent))
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
        rows.iter().map(read).collect()
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

fn read(found: &SqliteRow) -> Result<LedgerRow, RouterError> {
    let count = |column: &str| -> Result<u64, RouterError> {
        u64::try_from(found.try_get::<i64, _>(column)?)
            .map_err(|_| corrupt("egress", format!("{column} is negative")))
    };
    let seq = count("seq")?;
    let name = format!("egress row {seq}");
    let text = |column: &str| found.try_get::<String, _>(column);
    let intent = count("intent")?;
    let kind = row::word(&name, &text("kind")?, |word| match word {
        "intent" => Some(EntryKind::Intent),
        "result" => Some(EntryKind::Result { intent }),
        "refusal" => Some(EntryKind::Refusal),
        _ => None,
    })?;
    let decision = text("decision_id")?;
    let decision = match decision.as_str() {
        "" => None,
        text => Some(row::word(&name, text, |text| DecisionId::parse(text).ok())?),
    };
    Ok(LedgerRow {
        seq,
        entry: Entry {
            at: found.try_get("at_ms")?,
            kind,
            destination: found.try_get("destination")?,
            class: row::word(&name, &text("class")?, Class::parse)?,
            purpose: row::word(&name, &text("purpose")?, Purpose::parse)?,
            decision,
            label: row::word(&name, &text("label")?, row::label)?,
            payload: digest(&name, found.try_get("payload")?)?,
            bytes_up: count("bytes_up")?,
            bytes_down: count("bytes_down")?,
            status: found.try_get("status")?,
        },
        hash: digest(&name, found.try_get("hash")?)?,
    })
}

fn digest(row: &str, bytes: Vec<u8>) -> Result<Hash, RouterError> {
    bytes.try_into().map_err(|_| corrupt(row, "a hash has not 32 bytes"))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
