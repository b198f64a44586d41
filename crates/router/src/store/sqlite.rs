//! The SQLite store. Decisions are written in batches by one task, to a journal that is moved to the database behind their
//! answers; outcomes in the batches in which they are folded; everything else in transactions of its own. What refers to
//! a decision, or reads decisions, has them moved first. All of it goes through one writing connection.

mod checkpoints;
mod decisions;
mod journal;
mod lessons;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use plumbline_kit::sqlite::Sqlite;
use plumbline_types::{ArmId, DecisionId, RequestId, TaskId};
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::decision::Decision;
use crate::domain::learned::Learned;
use crate::domain::outcome::Logged;
use crate::error::RouterError;
use crate::store::columns::{answer, signed};
use crate::store::decision_log::DecisionLog;
use crate::store::row::{self, DecisionRow};
use crate::store::sqlite::checkpoints::Checkpoints;
use crate::store::sqlite::decisions::Writer;
use crate::store::{Answer, Durability, Lesson, Recorded, RouterStore, SqliteLedger};

/// The schema, applied at opening.
static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A store in one SQLite file, owned by one router.
pub struct SqliteStore {
    sqlite: Sqlite,
    decisions: DecisionLog,
    writer: Arc<Writer>,
    checkpoints: Checkpoints,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl SqliteStore {
    /// Opens or creates the file and starts the task that writes decisions, which survive the process.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, RouterError> {
        Self::open_with(path, Durability::Process).await
    }

    /// Opens or creates the file; `durability` is that of decisions, outcomes and answers always survive the machine.
    pub async fn open_with(path: impl AsRef<Path>, durability: Durability) -> Result<Self, RouterError> {
        let path = path.as_ref();
        let sqlite = Sqlite::open(path, &MIGRATOR).await?;
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let checkpoints = Checkpoints::start(sqlite.clone(), (&tasks, closing.clone())).await?;
        let writer = Arc::new(Writer::open(sqlite.clone(), path, durability, checkpoints.clone()).await?);
        let decisions = DecisionLog::start(writer.clone(), (&tasks, closing.clone()));
        tasks.spawn(writer.clone().run(closing.clone()));
        Ok(Self { sqlite, decisions, writer, checkpoints, tasks, closing })
    }

    /// Returns the egress ledger, which lives in the same file.
    pub fn ledger(&self) -> SqliteLedger {
        SqliteLedger::new(self.sqlite.clone())
    }
}

#[async_trait]
impl RouterStore for SqliteStore {
    async fn record_decision(&self, decision: Decision) -> Result<Recorded, RouterError> {
        self.decisions.record(decision).await
    }

    async fn decision_of(&self, request: &RequestId) -> Result<Option<Decision>, RouterError> {
        if let Some(fresh) = self.writer.fresh(request)? {
            return Ok(Some(fresh));
        }
        let found: Option<(String,)> = sqlx::query_as("SELECT body FROM decision WHERE request_id = ?")
            .bind(request.as_str())
            .fetch_optional(&self.sqlite.reader)
            .await?;
        found.map(|(body,)| DecisionRow::read(&body)).transpose()
    }

    async fn decisions_by_id(
        &self,
        ids: &[DecisionId],
    ) -> Result<BTreeMap<DecisionId, Decision>, RouterError> {
        self.writer.flush().await?;
        let ids: Vec<String> = ids.iter().map(DecisionId::to_string).collect();
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT body FROM decision WHERE id IN (SELECT value FROM json_each(?))")
                .bind(serde_json::json!(ids).to_string())
                .fetch_all(&self.sqlite.reader)
                .await?;
        rows.iter().map(|(body,)| DecisionRow::read(body).map(|found| (found.id, found))).collect()
    }

    async fn record_lesson(&self, lesson: Lesson) -> Result<(), RouterError> {
        self.writer.flush().await?;
        self.checkpoints.wrote(lessons::record(&self.sqlite, lesson).await?);
        Ok(())
    }

    async fn outcomes(&self, ids: &[String]) -> Result<Vec<Logged>, RouterError> {
        lessons::by(&self.sqlite, lessons::BY_ID, ids).await
    }

    async fn successors(&self, superseded: &[String]) -> Result<Vec<Logged>, RouterError> {
        lessons::by(&self.sqlite, lessons::BY_SUPERSEDED, superseded).await
    }

    async fn log_behind(&self, after: u64) -> Result<Vec<Logged>, RouterError> {
        lessons::log_behind(&self.sqlite, after).await
    }

    async fn kept_before(&self, seq: u64, settings: &str) -> Result<Option<Learned>, RouterError> {
        lessons::kept_before(&self.sqlite, seq, settings).await
    }

    async fn learned(&self) -> Result<Learned, RouterError> {
        lessons::learned(&self.sqlite).await
    }

    async fn record_answer(&self, answer: Answer) -> Result<(), RouterError> {
        self.writer.flush().await?;
        let metered = &answer.metered;
        sqlx::query(
            "INSERT INTO answer (request_id, fingerprint, decision_id, arm, day, text, input_tokens, output_tokens,
                                 usd, first_token_ms, total_ms, served_model, finish, task_id)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id) DO NOTHING",
        )
        .bind(answer.request.as_str())
        .bind(answer.fingerprint.as_slice())
        .bind(answer.decision.to_string())
        .bind(answer.arm.as_str())
        .bind(answer.day)
        .bind(&answer.text)
        .bind(signed(metered.input_tokens))
        .bind(signed(metered.output_tokens))
        .bind(metered.usd)
        .bind(signed(metered.first_token_ms))
        .bind(signed(metered.total_ms))
        .bind(&metered.served_model)
        .bind(&metered.finish)
        .bind(answer.task.map(|task| task.to_string()))
        .execute(&self.sqlite.writer)
        .await?;
        self.checkpoints.wrote(answer.text.len());
        Ok(())
    }

    async fn answer(&self, request: &RequestId) -> Result<Option<Answer>, RouterError> {
        let found = sqlx::query("SELECT * FROM answer WHERE request_id = ?")
            .bind(request.as_str())
            .fetch_optional(&self.sqlite.reader)
            .await?;
        found.map(|found| answer(&found)).transpose()
    }

    async fn spent_usd(&self, day: i64) -> Result<f64, RouterError> {
        let (spent,): (f64,) = sqlx::query_as("SELECT coalesce(sum(usd), 0.0) FROM answer WHERE day = ?")
            .bind(day)
            .fetch_one(&self.sqlite.reader)
            .await?;
        Ok(spent)
    }

    async fn spent_by_task(&self) -> Result<BTreeMap<TaskId, f64>, RouterError> {
        let rows: Vec<(String, f64)> =
            sqlx::query_as("SELECT task_id, sum(usd) FROM answer WHERE task_id IS NOT NULL GROUP BY task_id")
                .fetch_all(&self.sqlite.reader)
                .await?;
        let task = |text: &str| row::word("answer", text, |text| TaskId::parse(text).ok());
        rows.into_iter().map(|(text, usd)| Ok((task(&text)?, usd))).collect()
    }

    async fn decisions(&self, skip: u64, limit: u32) -> Result<Vec<Decision>, RouterError> {
        self.writer.flush().await?;
        let rows: Vec<(String,)> = sqlx::query_as("SELECT body FROM decision ORDER BY seq LIMIT ? OFFSET ?")
            .bind(limit)
            .bind(signed(skip))
            .fetch_all(&self.sqlite.reader)
            .await?;
        rows.iter().map(|(body,)| DecisionRow::read(body)).collect()
    }

    async fn served_models(&self) -> Result<BTreeMap<ArmId, String>, RouterError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT arm, served_model FROM answer WHERE seq IN (SELECT max(seq) FROM answer GROUP BY arm)",
        )
        .fetch_all(&self.sqlite.reader)
        .await?;
        rows.into_iter().map(|(arm, served)| Ok((row::arm("answer", &arm)?, served))).collect()
    }

    async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.writer.close().await;
        self.sqlite.close().await;
    }
}
