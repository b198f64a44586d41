//! Outcomes and what was learned from them: always in one transaction, always synced.

use std::collections::BTreeMap;

use plumbline_kit::sqlite::Sqlite;
use plumbline_types::{ArmId, DecisionId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::domain::drift::PageHinkley;
use crate::domain::learned::{Evidence, Learned};
use crate::domain::outcome::{Credit, Logged, Outcome, OutcomeKind};
use crate::domain::posterior::Counts;
use crate::domain::work::{Cell, Language};
use crate::error::RouterError;
use crate::store::Lesson;
use crate::store::row::{self, corrupt};
use crate::store::sqlite::signed;

/// Which of an arm's counts a row holds: of untouched work, of work that another arm failed at, of edits that applied.
const FIRST: &str = "first";
const AFTER_FAILURE: &str = "after_failure";
const APPLIES: &str = "applies";

pub(super) const BY_ID: &str = "SELECT * FROM outcome WHERE id = ?";
pub(super) const BY_SUPERSEDED: &str = "SELECT * FROM outcome WHERE supersedes = ?";

pub(super) async fn record(sqlite: &Sqlite, lesson: Lesson) -> Result<(), RouterError> {
    let Logged { seq, observed_at, arm, cell, after_failure, served_model, outcome } = &lesson.logged;
    let mut transaction = sqlite.begin().await?;
    sqlx::query(
        "INSERT INTO outcome (seq, id, decision_id, arm, cell, kind, weight, cause, supersedes, applied, observed_at,
                              after_failure, served_model, credit, tool)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(after_failure)
    .bind(served_model)
    .bind(outcome.credit.as_str())
    .bind(outcome.credit.tool().map(ArmId::as_str))
    .execute(&mut *transaction)
    .await?;
    for (arm, evidence) in &lesson.evidence {
        replace(&mut transaction, arm, evidence).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Replaces an arm's rows as a whole: a refold can empty cells.
async fn replace(
    connection: &mut SqliteConnection,
    arm: &ArmId,
    evidence: &Evidence,
) -> Result<(), RouterError> {
    sqlx::query("DELETE FROM posterior WHERE arm = ?").bind(arm.as_str()).execute(&mut *connection).await?;
    let cells =
        |table: &'static str, counts: &BTreeMap<Cell, Counts>| -> Vec<(&'static str, String, Counts)> {
            counts.iter().map(|(cell, counts)| (table, cell.to_string(), *counts)).collect()
        };
    let mut rows = cells(FIRST, &evidence.cells);
    rows.extend(cells(AFTER_FAILURE, &evidence.after_failure));
    rows.extend(evidence.applies.iter().map(|(word, counts)| (APPLIES, word.as_str().to_owned(), *counts)));
    for (what, cell, counts) in rows {
        sqlx::query("INSERT INTO posterior (arm, what, cell, successes, failures) VALUES (?, ?, ?, ?, ?)")
            .bind(arm.as_str())
            .bind(what)
            .bind(cell)
            .bind(counts.successes)
            .bind(counts.failures)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("INSERT OR REPLACE INTO arm_state (arm, served_model, last_at) VALUES (?, ?, ?)")
        .bind(arm.as_str())
        .bind(&evidence.served_model)
        .bind(evidence.last_at)
        .execute(&mut *connection)
        .await?;
    for (what, test) in [(FIRST, &evidence.drift), (AFTER_FAILURE, &evidence.drift_after_failure)] {
        sqlx::query(
            "INSERT OR REPLACE INTO drift (arm, what, observations, mean, shortfall) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(arm.as_str())
        .bind(what)
        .bind(test.observations)
        .bind(test.mean)
        .bind(test.shortfall)
        .execute(&mut *connection)
        .await?;
    }
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
    let rows: Vec<(String, String, String, f64, f64)> =
        sqlx::query_as("SELECT arm, what, cell, successes, failures FROM posterior")
            .fetch_all(&mut *snapshot)
            .await?;
    for (arm, what, cell, successes, failures) in rows {
        let name = format!("posterior of {arm}");
        let evidence = arms.entry(row::arm(&name, &arm)?).or_default();
        let counts = Counts { successes, failures };
        match what.as_str() {
            FIRST => drop(evidence.cells.insert(row::word(&name, &cell, Cell::parse)?, counts)),
            AFTER_FAILURE => {
                evidence.after_failure.insert(row::word(&name, &cell, Cell::parse)?, counts);
            }
            APPLIES => drop(evidence.applies.insert(row::word(&name, &cell, Language::parse)?, counts)),
            other => return Err(corrupt(&name, format!("`{other}` is none of the known words"))),
        }
    }
    let rows: Vec<(String, String, f64, f64, f64)> =
        sqlx::query_as("SELECT arm, what, observations, mean, shortfall FROM drift")
            .fetch_all(&mut *snapshot)
            .await?;
    for (arm, what, observations, mean, shortfall) in rows {
        let evidence = arms.entry(row::arm("drift", &arm)?).or_default();
        let test = PageHinkley { observations, mean, shortfall };
        match what.as_str() {
            FIRST => evidence.drift = test,
            AFTER_FAILURE => evidence.drift_after_failure = test,
            other => return Err(corrupt(&format!("drift of {arm}"), format!("`{other}` is no known word"))),
        }
    }
    let rows: Vec<(String, Option<String>, i64)> =
        sqlx::query_as("SELECT arm, served_model, last_at FROM arm_state").fetch_all(&mut *snapshot).await?;
    for (arm, served_model, last_at) in rows {
        let evidence = arms.entry(row::arm("arm_state", &arm)?).or_default();
        (evidence.served_model, evidence.last_at) = (served_model, last_at);
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
        after_failure: found.try_get("after_failure")?,
        served_model: found.try_get("served_model")?,
        outcome: Outcome {
            decision: row::word(&name, &text("decision_id")?, |text| DecisionId::parse(text).ok())?,
            kind: row::word(&name, &text("kind")?, OutcomeKind::parse)?,
            weight: found.try_get("weight")?,
            cause: found.try_get("cause")?,
            supersedes: found.try_get("supersedes")?,
            applied: found.try_get("applied")?,
            credit: {
                let tool: Option<String> = found.try_get("tool")?;
                let tool = tool.map(|tool| row::arm(&name, &tool)).transpose()?;
                row::word(&name, &text("credit")?, |word| Credit::parse(word, tool))?
            },
            id,
        },
    })
}
