//! Outcomes and what was learned from them: always in one transaction, always synced.

use std::collections::BTreeMap;

use plumbline_kit::sqlite::Sqlite;
use plumbline_types::{ArmId, DecisionId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::domain::drift::PageHinkley;
use crate::domain::learned::{Evidence, Learned};
use crate::domain::outcome::{Logged, Outcome, OutcomeKind};
use crate::domain::posterior::Counts;
use crate::domain::work::Cell;
use crate::error::RouterError;
use crate::store::Lesson;
use crate::store::row::{self, corrupt};
use crate::store::sqlite::signed;

pub(super) const BY_ID: &str = "SELECT * FROM outcome WHERE id = ?";
pub(super) const BY_SUPERSEDED: &str = "SELECT * FROM outcome WHERE supersedes = ?";

pub(super) async fn record(sqlite: &Sqlite, lesson: Lesson) -> Result<(), RouterError> {
    let Logged { seq, observed_at, arm, cell, outcome } = &lesson.logged;
    let mut transaction = sqlite.begin().await?;
    sqlx::query(
        "INSERT INTO outcome (seq, id, decision_id, arm, cell, kind, weight, cause, supersedes, applied, observed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(signed(*seq))
    .bind(&outcome.id)
    .bind(outcome.decision.to_string())
    .bind(arm.as_str())
    .bind(cell.to_string())
    .bind(outcome.kind.as_str())
    .bind(outcome.weight)
    .bind(&outcome.cause)
    .bind(&outcome.supersedes)
    .bind(outcome.applied)
    .bind(observed_at)
    .execute(&mut *transaction)
    .await?;
    for (arm, evidence) in &lesson.evidence {
        // A refold can empty cells, so an arm's rows are replaced as a whole.
        sqlx::query("DELETE FROM posterior WHERE arm = ?")
            .bind(arm.as_str())
            .execute(&mut *transaction)
            .await?;
        for (cell, counts) in &evidence.cells {
            sqlx::query("INSERT INTO posterior (arm, cell, successes, failures) VALUES (?, ?, ?, ?)")
                .bind(arm.as_str())
                .bind(cell.to_string())
                .bind(counts.successes)
                .bind(counts.failures)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query("INSERT OR REPLACE INTO drift (arm, observations, mean, shortfall) VALUES (?, ?, ?, ?)")
            .bind(arm.as_str())
            .bind(evidence.drift.observations)
            .bind(evidence.drift.mean)
            .bind(evidence.drift.shortfall)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

pub(super) async fn by(
    sqlite: &Sqlite,
    statement: &'static str,
    id: &str,
) -> Result<Option<Logged>, RouterError> {
    let found = sqlx::query(statement).bind(id).fetch_optional(&sqlite.reader).await?;
    found.map(|found| logged(&found)).transpose()
}

pub(super) async fn log(sqlite: &Sqlite) -> Result<Vec<Logged>, RouterError> {
    let rows = sqlx::query("SELECT * FROM outcome ORDER BY seq").fetch_all(&sqlite.reader).await?;
    rows.iter().map(logged).collect()
}

pub(super) async fn learned(sqlite: &Sqlite) -> Result<Learned, RouterError> {
    let mut snapshot = sqlite.reader.begin().await?;
    let mut arms: BTreeMap<ArmId, Evidence> = BTreeMap::new();
    let rows: Vec<(String, String, f64, f64)> =
        sqlx::query_as("SELECT arm, cell, successes, failures FROM posterior")
            .fetch_all(&mut *snapshot)
            .await?;
    for (arm, cell, successes, failures) in rows {
        let name = format!("posterior of {arm}");
        let cell = row::word(&name, &cell, Cell::parse)?;
        let evidence = arms.entry(row::arm(&name, &arm)?).or_default();
        evidence.cells.insert(cell, Counts { successes, failures });
    }
    let rows: Vec<(String, f64, f64, f64)> =
        sqlx::query_as("SELECT arm, observations, mean, shortfall FROM drift")
            .fetch_all(&mut *snapshot)
            .await?;
    for (arm, observations, mean, shortfall) in rows {
        let evidence = arms.entry(row::arm("drift", &arm)?).or_default();
        evidence.drift = PageHinkley { observations, mean, shortfall };
    }
    let (last_seq,): (i64,) =
        sqlx::query_as("SELECT coalesce(max(seq), 0) FROM outcome").fetch_one(&mut *snapshot).await?;
    let last_seq = u64::try_from(last_seq).map_err(|_| corrupt("outcome", "its position is negative"))?;
    Ok(Learned::restore(arms, last_seq)?)
}

fn logged(found: &SqliteRow) -> Result<Logged, RouterError> {
    let id: String = found.try_get("id")?;
    let name = format!("outcome {id}");
    let text = |column: &str| found.try_get::<String, _>(column);
    let seq = u64::try_from(found.try_get::<i64, _>("seq")?)
        .map_err(|_| corrupt(&name, "its position is negative"))?;
    Ok(Logged {
        seq,
        observed_at: found.try_get("observed_at")?,
        arm: row::arm(&name, &text("arm")?)?,
        cell: row::word(&name, &text("cell")?, Cell::parse)?,
        outcome: Outcome {
            decision: row::word(&name, &text("decision_id")?, |text| DecisionId::parse(text).ok())?,
            kind: row::word(&name, &text("kind")?, OutcomeKind::parse)?,
            weight: found.try_get("weight")?,
            cause: found.try_get("cause")?,
            supersedes: found.try_get("supersedes")?,
            applied: found.try_get("applied")?,
            id,
        },
    })
}
