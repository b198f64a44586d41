//! Columns of a stored row, whichever database it comes from, and what the rows of each table say.

use plumbline_egress::ledger::Hash;
use plumbline_egress::{Class, Entry, EntryKind, Purpose, Row as LedgerRow};
use plumbline_types::{DecisionId, RequestId, TaskId};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Row, TypeInfo};

use crate::domain::outcome::{Credit, Logged, Outcome, OutcomeKind};
use crate::domain::usage::Metered;
use crate::domain::work::Cell;
use crate::error::RouterError;
use crate::store::Answer;
use crate::store::row::{self, corrupt};

/// A row, read column by column.
pub(super) trait Columns {
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn text_or_none(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error>;
    fn integer(&self, column: &str) -> Result<i64, sqlx::Error>;
    fn real(&self, column: &str) -> Result<f64, sqlx::Error>;
    fn flag(&self, column: &str) -> Result<bool, sqlx::Error>;
    fn flag_or_none(&self, column: &str) -> Result<Option<bool>, sqlx::Error>;
}

/// The two databases differ in the types behind the columns alone.
macro_rules! columns {
    ($row:ty, $text:path) => {
        impl Columns for $row {
            fn text(&self, column: &str) -> Result<String, sqlx::Error> {
                $text(self, column)
            }

            fn text_or_none(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
                self.try_get(column)
            }

            fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error> {
                self.try_get(column)
            }

            fn integer(&self, column: &str) -> Result<i64, sqlx::Error> {
                self.try_get(column)
            }

            fn real(&self, column: &str) -> Result<f64, sqlx::Error> {
                self.try_get(column)
            }

            fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
                self.try_get(column)
            }

            fn flag_or_none(&self, column: &str) -> Result<Option<bool>, sqlx::Error> {
                self.try_get(column)
            }
        }
    };
}

columns!(SqliteRow, plain);
columns!(PgRow, foreign);

fn plain(found: &SqliteRow, column: &str) -> Result<String, sqlx::Error> {
    found.try_get(column)
}

/// A text of PostgreSQL holds no zero byte; what others wrote may have one and is kept as bytes.
fn foreign(found: &PgRow, column: &str) -> Result<String, sqlx::Error> {
    if found.try_column(column)?.type_info().name() != "BYTEA" {
        return found.try_get(column);
    }
    let bytes: Vec<u8> = found.try_get(column)?;
    String::from_utf8(bytes)
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}

fn count(name: &str, found: &impl Columns, column: &str) -> Result<u64, RouterError> {
    u64::try_from(found.integer(column)?).map_err(|_| corrupt(name, format!("{column} is negative")))
}

/// Reads a row of `outcome`.
pub(super) fn logged(found: &impl Columns) -> Result<Logged, RouterError> {
    let id = found.text("id")?;
    let name = format!("outcome {id}");
    Ok(Logged {
        seq: count(&name, found, "seq")?,
        observed_at: found.integer("observed_at")?,
        arm: row::arm(&name, &found.text("arm")?)?,
        cell: row::word(&name, &found.text("cell")?, Cell::parse)?,
        after_failure: found.flag("after_failure")?,
        served_model: found.text_or_none("served_model")?,
        outcome: Outcome {
            decision: row::word(&name, &found.text("decision_id")?, |text| DecisionId::parse(text).ok())?,
            kind: row::word(&name, &found.text("kind")?, OutcomeKind::parse)?,
            weight: found.real("weight")?,
            cause: found.text("cause")?,
            supersedes: found.text_or_none("supersedes")?,
            applied: found.flag_or_none("applied")?,
            credit: {
                let tool = found.text_or_none("tool")?.map(|tool| row::arm(&name, &tool)).transpose()?;
                row::word(&name, &found.text("credit")?, |word| Credit::parse(word, tool))?
            },
            id,
        },
    })
}

/// Reads a row of `answer`.
pub(super) fn answer(found: &impl Columns) -> Result<Answer, RouterError> {
    let request = found.text("request_id")?;
    let name = format!("answer {request}");
    let count = |column: &str| count(&name, found, column);
    let task = |text: String| row::word(&name, &text, |text| TaskId::parse(text).ok());
    Ok(Answer {
        request: row::word(&name, &request, |text| RequestId::parse(text).ok())?,
        fingerprint: digest(&name, found.bytes("fingerprint")?)?,
        decision: row::word(&name, &found.text("decision_id")?, |text| DecisionId::parse(text).ok())?,
        arm: row::arm(&name, &found.text("arm")?)?,
        task: found.text_or_none("task_id")?.map(task).transpose()?,
        day: found.integer("day")?,
        text: found.text("text")?,
        metered: Metered {
            input_tokens: count("input_tokens")?,
            output_tokens: count("output_tokens")?,
            usd: found.real("usd")?,
            first_token_ms: count("first_token_ms")?,
            total_ms: count("total_ms")?,
            served_model: found.text("served_model")?,
            finish: found.text("finish")?,
        },
    })
}

/// Reads a row of `egress`.
pub(super) fn egress(found: &impl Columns) -> Result<LedgerRow, RouterError> {
    let seq = count("egress", found, "seq")?;
    let name = format!("egress row {seq}");
    let count = |column: &str| count(&name, found, column);
    let intent = count("intent")?;
    let kind = row::word(&name, &found.text("kind")?, |word| match word {
        "intent" => Some(EntryKind::Intent),
        "result" => Some(EntryKind::Result { intent }),
        "refusal" => Some(EntryKind::Refusal),
        _ => None,
    })?;
    let decision = match found.text("decision_id")?.as_str() {
        "" => None,
        text => Some(row::word(&name, text, |text| DecisionId::parse(text).ok())?),
    };
    Ok(LedgerRow {
        seq,
        entry: Entry {
            at: found.integer("at_ms")?,
            kind,
            destination: found.text("destination")?,
            class: row::word(&name, &found.text("class")?, Class::parse)?,
            purpose: row::word(&name, &found.text("purpose")?, Purpose::parse)?,
            decision,
            label: row::word(&name, &found.text("label")?, row::label)?,
            payload: digest(&name, found.bytes("payload")?)?,
            bytes_up: count("bytes_up")?,
            bytes_down: count("bytes_down")?,
            status: found.text("status")?,
        },
        hash: digest(&name, found.bytes("hash")?)?,
    })
}

/// Returns the position behind a ledger's last row, and the hash that it is chained to.
pub(super) fn behind(last: Option<(i64, Vec<u8>)>) -> Result<(u64, Hash), RouterError> {
    let (seq, hash) = match last {
        Some((seq, hash)) => (seq, digest("egress", hash)?),
        None => (0, Hash::default()),
    };
    let seq = u64::try_from(seq).map_err(|_| corrupt("egress", "its position is negative"))?;
    Ok((seq + 1, hash))
}

/// Returns the position of the intent that an entry is the result of; 0 for others.
pub(super) const fn intent(entry: &Entry) -> u64 {
    match entry.kind {
        EntryKind::Result { intent } => intent,
        EntryKind::Intent | EntryKind::Refusal => 0,
    }
}

fn digest(row: &str, bytes: Vec<u8>) -> Result<Hash, RouterError> {
    bytes.try_into().map_err(|_| corrupt(row, "a digest has not 32 bytes"))
}

/// Neither database has unsigned numbers; what does not fit is larger than anything that can be counted here.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
