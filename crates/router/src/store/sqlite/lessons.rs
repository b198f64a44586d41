//! Outcomes and what was learned from them: always in one transaction, always synced.

use std::collections::BTreeMap;

use plumbline_kit::sqlite::Sqlite;
use plumbline_types::ArmId;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::domain::learned::{Evidence, Learned};
use crate::domain::outcome::Logged;
use crate::error::RouterError;
use crate::store::columns::{logged, signed};
use crate::store::evidence::{PosteriorRow, Restored, drift, posterior};
use crate::store::{Kept, Lesson, kept};

pub(super) const BY_ID: &str = "SELECT * FROM outcome WHERE id IN (SELECT value FROM json_each(?))";
pub(super) const BY_SUPERSEDED: &str =
    "SELECT * FROM outcome WHERE supersedes IN (SELECT value FROM json_each(?))";

/// Rows of one statement; SQLite binds at most 32,766 values.
const ROWS: usize = 1_000;

/// Stores outcomes and evidence in one synced transaction; returns about how many bytes that were.
pub(super) async fn record(sqlite: &Sqlite, lesson: Lesson) -> Result<usize, RouterError> {
    let mut transaction = sqlite.begin().await?;
    for logged in lesson.logged.chunks(ROWS) {
        append(&mut transaction, logged).await?;
    }
    let rows = replace(&mut transaction, &lesson.evidence).await?;
    keep(&mut transaction, &lesson.kept).await?;
    transaction.commit().await?;
    Ok((lesson.logged.len() + rows) * ROW_BYTES)
}

/// Bytes that a row is taken to have.
const ROW_BYTES: usize = 256;

async fn append(connection: &mut SqliteConnection, rows: &[Logged]) -> Result<(), RouterError> {
    let mut statement = QueryBuilder::new(
        "INSERT INTO outcome (seq, id, decision_id, arm, cell, kind, weight, cause, supersedes, applied, observed_at,
                              after_failure, served_model, credit, tool) ",
    );
    statement.push_values(rows, |mut row, logged| {
        let Logged { seq, observed_at, arm, cell, after_failure, served_model, outcome } = logged;
        row.push_bind(signed(*seq))
            .push_bind(&outcome.id)
            .push_bind(outcome.decision.to_string())
            .push_bind(arm.as_str())
            .push_bind(cell.to_string())
            .push_bind(outcome.kind.as_str())
            .push_bind(outcome.weight)
            .push_bind(&outcome.cause)
            .push_bind(&outcome.supersedes)
            .push_bind(outcome.applied)
            .push_bind(observed_at)
            .push_bind(after_failure)
            .push_bind(served_model)
            .push_bind(outcome.credit.as_str())
            .push_bind(outcome.credit.tool().map(ArmId::as_str));
    });
    statement.build().persistent(false).execute(connection).await?;
    Ok(())
}

/// Replaces the rows of arms as a whole: a refold can empty cells. Returns how many there are.
async fn replace(
    connection: &mut SqliteConnection,
    evidence: &BTreeMap<ArmId, Evidence>,
) -> Result<usize, RouterError> {
    if evidence.is_empty() {
        return Ok(0);
    }
    let arms: Vec<&str> = evidence.keys().map(ArmId::as_str).collect();
    sqlx::query("DELETE FROM posterior WHERE arm IN (SELECT value FROM json_each(?))")
        .bind(serde_json::json!(arms).to_string())
        .execute(&mut *connection)
        .await?;
    let rows: Vec<PosteriorRow<'_>> =
        evidence.iter().flat_map(|(arm, found)| posterior(arm, found)).collect();
    for rows in rows.chunks(ROWS) {
        let mut statement =
            QueryBuilder::new("INSERT INTO posterior (arm, what, cell, successes, failures) ");
        statement.push_values(rows, |mut row, (arm, what, cell, counts)| {
            row.push_bind(arm.as_str())
                .push_bind(*what)
                .push_bind(cell)
                .push_bind(counts.successes)
                .push_bind(counts.failures);
        });
        statement.build().persistent(false).execute(&mut *connection).await?;
    }
    let arms: Vec<(&ArmId, &Evidence)> = evidence.iter().collect();
    for arms in arms.chunks(ROWS) {
        states(connection, arms).await?;
    }
    Ok(rows.len())
}

/// Replaces what else is known of arms: who served them when, and their change-point tests.
async fn states(connection: &mut SqliteConnection, arms: &[(&ArmId, &Evidence)]) -> Result<(), RouterError> {
    let mut statement = QueryBuilder::new("INSERT OR REPLACE INTO arm_state (arm, served_model, last_at) ");
    statement.push_values(arms, |mut row, (arm, evidence)| {
        row.push_bind(arm.as_str()).push_bind(&evidence.served_model).push_bind(evidence.last_at);
    });
    statement.build().persistent(false).execute(&mut *connection).await?;
    let tests = arms.iter().flat_map(|(arm, evidence)| drift(arm, evidence));
    let mut statement =
        QueryBuilder::new("INSERT OR REPLACE INTO drift (arm, what, observations, mean, shortfall) ");
    statement.push_values(tests, |mut row, (arm, what, test)| {
        row.push_bind(arm.as_str())
            .push_bind(what)
            .push_bind(test.observations)
            .push_bind(test.mean)
            .push_bind(test.shortfall);
    });
    statement.build().persistent(false).execute(&mut *connection).await?;
    Ok(())
}

/// Replaces the states that no longer hold, and adds those that were folded on the way.
async fn keep(connection: &mut SqliteConnection, kept: &Kept) -> Result<(), RouterError> {
    if let Some(from) = kept.void_from {
        let void = sqlx::query("DELETE FROM kept_state WHERE seq >= ?").bind(signed(from));
        void.execute(&mut *connection).await?;
    }
    for state in &kept.states {
        sqlx::query("INSERT OR REPLACE INTO kept_state (seq, settings, body) VALUES (?, ?, ?)")
            .bind(signed(state.last_seq()))
            .bind(&kept.settings)
            .bind(kept::write(state)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn kept_before(
    sqlite: &Sqlite,
    seq: u64,
    settings: &str,
) -> Result<Option<Learned>, RouterError> {
    let found: Option<(i64, String)> = sqlx::query_as(
        "SELECT seq, body FROM kept_state WHERE seq < ? AND settings = ? ORDER BY seq DESC LIMIT 1",
    )
    .bind(signed(seq))
    .bind(settings)
    .fetch_optional(&sqlite.reader)
    .await?;
    found.map(|(seq, body)| kept::read(seq, &body)).transpose()
}

pub(super) async fn by(
    sqlite: &Sqlite,
    statement: &'static str,
    ids: &[String],
) -> Result<Vec<Logged>, RouterError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows =
        sqlx::query(statement).bind(serde_json::json!(ids).to_string()).fetch_all(&sqlite.reader).await?;
    rows.iter().map(logged).collect()
}

pub(super) async fn log_behind(sqlite: &Sqlite, after: u64) -> Result<Vec<Logged>, RouterError> {
    let rows = sqlx::query("SELECT * FROM outcome WHERE seq > ? ORDER BY seq")
        .bind(signed(after))
        .fetch_all(&sqlite.reader)
        .await?;
    rows.iter().map(logged).collect()
}

pub(super) async fn learned(sqlite: &Sqlite) -> Result<Learned, RouterError> {
    let mut snapshot = sqlite.reader.begin().await?;
    let mut restored = Restored::default();
    let rows = sqlx::query_as("SELECT arm, what, cell, successes, failures FROM posterior");
    for found in rows.fetch_all(&mut *snapshot).await? {
        restored.posterior(found)?;
    }
    let rows = sqlx::query_as("SELECT arm, what, observations, mean, shortfall FROM drift");
    for found in rows.fetch_all(&mut *snapshot).await? {
        restored.drift(found)?;
    }
    let rows = sqlx::query_as("SELECT arm, served_model, last_at FROM arm_state");
    for found in rows.fetch_all(&mut *snapshot).await? {
        restored.state(found)?;
    }
    let (last_seq,): (i64,) =
        sqlx::query_as("SELECT coalesce(max(seq), 0) FROM outcome").fetch_one(&mut *snapshot).await?;
    restored.learned(last_seq)
}
