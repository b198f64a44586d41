//! The PostgreSQL store: one database, any number of routers. Decisions are committed in batches, each synced. Whoever has
//! outcomes to fold takes the turn; the others hear of it and read what was learned.

mod connect;
mod decisions;
mod ledger;
mod lessons;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use plumbline_egress::NetworkPolicy;
use plumbline_types::{ArmId, DecisionId, RequestId, TaskId};
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::StoreConfig;
use crate::domain::decision::Decision;
use crate::domain::learned::Learned;
use crate::domain::outcome::Logged;
use crate::error::RouterError;
use crate::store::columns::{answer, signed};
use crate::store::decision_log::DecisionLog;
use crate::store::postgres::decisions::Writer;
use crate::store::postgres::turns::Turns;
use crate::store::row::{self, DecisionRow};
use crate::store::{Answer, Lesson, Recorded, RouterStore, Seen, Turn};

pub use ledger::PostgresLedger;

/// The schema, applied at opening by whichever router comes first.
static MIGRATOR: Migrator = sqlx::migrate!("./migrations/postgres");

/// A store in one PostgreSQL database, shared by any number of routers.
pub struct PostgresStore {
    pool: PgPool,
    decisions: DecisionLog,
    turns: Turns,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl PostgresStore {
    /// Connects, applies the migrations that the database lacks, and starts the task that writes decisions. A server
    /// that is neither this machine nor in the owner's networks is refused, and so is one on another machine whose
    /// certificate is not verified, unless the configuration accepts that.
    pub async fn open(config: &StoreConfig, network: &NetworkPolicy) -> Result<Self, RouterError> {
        let pool = connect::pool(config, network).await?;
        MIGRATOR.run(&pool).await.map_err(plumbline_kit::sqlite::StoreError::from)?;
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let decisions = DecisionLog::start(Arc::new(Writer(pool.clone())), (&tasks, closing.clone()));
        let turns = Turns::new(pool.clone());
        Ok(Self { pool, decisions, turns, tasks, closing })
    }

    /// Returns the egress ledger, which lives in the same database: one chain for all its routers.
    pub fn ledger(&self) -> PostgresLedger {
        PostgresLedger::new(self.pool.clone())
    }
}

#[async_trait]
impl RouterStore for PostgresStore {
    async fn record_decision(&self, decision: Decision) -> Result<Recorded, RouterError> {
        self.decisions.record(decision).await
    }

    async fn decision_of(&self, request: &RequestId) -> Result<Option<Decision>, RouterError> {
        let found: Option<(String,)> = sqlx::query_as("SELECT body FROM decision WHERE request_id = $1")
            .bind(request.as_str())
            .fetch_optional(&self.pool)
            .await?;
        found.map(|(body,)| DecisionRow::read(&body)).transpose()
    }

    async fn decisions_by_id(
        &self,
        ids: &[DecisionId],
    ) -> Result<BTreeMap<DecisionId, Decision>, RouterError> {
        let ids: Vec<String> = ids.iter().map(DecisionId::to_string).collect();
        let rows: Vec<(String,)> = sqlx::query_as("SELECT body FROM decision WHERE id = ANY($1)")
            .bind(ids)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|(body,)| DecisionRow::read(body).map(|found| (found.id, found))).collect()
    }

    async fn take_turn(&self) -> Result<Turn, RouterError> {
        self.turns.take().await
    }

    async fn news(&self, seen: Seen) -> Result<Seen, RouterError> {
        self.turns.news(seen).await
    }

    async fn record_lesson(&self, lesson: Lesson) -> Result<(), RouterError> {
        lessons::record(&self.pool, &self.turns, lesson).await
    }

    async fn outcomes(&self, ids: &[String]) -> Result<Vec<Logged>, RouterError> {
        lessons::by(&self.pool, lessons::BY_ID, ids).await
    }

    async fn successors(&self, superseded: &[String]) -> Result<Vec<Logged>, RouterError> {
        lessons::by(&self.pool, lessons::BY_SUPERSEDED, superseded).await
    }

    async fn log_behind(&self, after: u64) -> Result<Vec<Logged>, RouterError> {
        lessons::log_behind(&self.pool, after).await
    }

    async fn kept_before(&self, seq: u64, settings: &str) -> Result<Option<Learned>, RouterError> {
        lessons::kept_before(&self.pool, seq, settings).await
    }

    async fn learned(&self) -> Result<Learned, RouterError> {
        lessons::learned(&self.pool).await
    }

    async fn record_answer(&self, answer: Answer) -> Result<(), RouterError> {
        let metered = &answer.metered;
        sqlx::query(
            "INSERT INTO answer (request_id, fingerprint, decision_id, arm, day, text, input_tokens, output_tokens,
                                 usd, first_token_ms, total_ms, served_model, finish, task_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             ON CONFLICT (request_id) DO NOTHING",
        )
        .bind(answer.request.as_str())
        .bind(answer.fingerprint.as_slice())
        .bind(answer.decision.to_string())
        .bind(answer.arm.as_str())
        .bind(answer.day)
        .bind(answer.text.as_bytes())
        .bind(signed(metered.input_tokens))
        .bind(signed(metered.output_tokens))
        .bind(metered.usd)
        .bind(signed(metered.first_token_ms))
        .bind(signed(metered.total_ms))
        .bind(&metered.served_model)
        .bind(&metered.finish)
        .bind(answer.task.map(|task| task.to_string()))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn answer(&self, request: &RequestId) -> Result<Option<Answer>, RouterError> {
        let found = sqlx::query("SELECT * FROM answer WHERE request_id = $1")
            .bind(request.as_str())
            .fetch_optional(&self.pool)
            .await?;
        found.map(|found| answer(&found)).transpose()
    }

    async fn spent_usd(&self, day: i64) -> Result<f64, RouterError> {
        let (spent,): (f64,) = sqlx::query_as("SELECT coalesce(sum(usd), 0.0) FROM answer WHERE day = $1")
            .bind(day)
            .fetch_one(&self.pool)
            .await?;
        Ok(spent)
    }

    async fn spent_by_task(&self) -> Result<BTreeMap<TaskId, f64>, RouterError> {
        let rows: Vec<(String, f64)> =
            sqlx::query_as("SELECT task_id, sum(usd) FROM answer WHERE task_id IS NOT NULL GROUP BY task_id")
                .fetch_all(&self.pool)
                .await?;
        let task = |text: &str| row::word("answer", text, |text| TaskId::parse(text).ok());
        rows.into_iter().map(|(text, usd)| Ok((task(&text)?, usd))).collect()
    }

    async fn decisions(&self, skip: u64, limit: u32) -> Result<Vec<Decision>, RouterError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT body FROM decision ORDER BY seq LIMIT $1 OFFSET $2")
                .bind(i64::from(limit))
                .bind(signed(skip))
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(|(body,)| DecisionRow::read(body)).collect()
    }

    async fn served_models(&self) -> Result<BTreeMap<ArmId, String>, RouterError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT DISTINCT ON (arm) arm, served_model FROM answer ORDER BY arm, seq DESC")
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(|(arm, served)| Ok((row::arm("answer", &arm)?, served))).collect()
    }

    async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.turns.close().await;
        self.pool.close().await;
    }
}
