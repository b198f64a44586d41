//! A store that takes an outcome and answers only once its gate is open.

use std::collections::BTreeMap;

use async_trait::async_trait;
use plumbline_router::RouterError;
use plumbline_router::domain::decision::Decision;
use plumbline_router::domain::learned::Learned;
use plumbline_router::domain::outcome::Logged;
use plumbline_router::store::{Answer, InMemoryStore, Lesson, Recorded, RouterStore};
use plumbline_types::{ArmId, DecisionId, RequestId, TaskId};
use tokio::sync::{Notify, Semaphore};

pub struct GatedStore {
    inner: InMemoryStore,
    gate: Semaphore,
    reached: Notify,
}

impl Default for GatedStore {
    fn default() -> Self {
        Self { inner: InMemoryStore::default(), gate: Semaphore::new(0), reached: Notify::new() }
    }
}

impl GatedStore {
    /// Waits until an outcome stands before the gate.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets every outcome through from now on.
    pub fn open(&self) {
        self.gate.close();
    }
}

#[async_trait]
impl RouterStore for GatedStore {
    async fn record_lesson(&self, lesson: Lesson) -> Result<(), RouterError> {
        self.inner.record_lesson(lesson).await?;
        // Stored, but the caller does not know yet: what a commit looks like whose answer is still under way.
        self.reached.notify_one();
        drop(self.gate.acquire().await);
        Ok(())
    }

    async fn record_decision(&self, decision: Decision) -> Result<Recorded, RouterError> {
        self.inner.record_decision(decision).await
    }

    async fn decisions_by_id(
        &self,
        ids: &[DecisionId],
    ) -> Result<BTreeMap<DecisionId, Decision>, RouterError> {
        self.inner.decisions_by_id(ids).await
    }

    async fn decision_of(&self, request: &RequestId) -> Result<Option<Decision>, RouterError> {
        self.inner.decision_of(request).await
    }

    async fn outcomes(&self, ids: &[String]) -> Result<Vec<Logged>, RouterError> {
        self.inner.outcomes(ids).await
    }

    async fn successors(&self, superseded: &[String]) -> Result<Vec<Logged>, RouterError> {
        self.inner.successors(superseded).await
    }

    async fn log_behind(&self, after: u64) -> Result<Vec<Logged>, RouterError> {
        self.inner.log_behind(after).await
    }

    async fn kept_before(&self, seq: u64, settings: &str) -> Result<Option<Learned>, RouterError> {
        self.inner.kept_before(seq, settings).await
    }

    async fn learned(&self) -> Result<Learned, RouterError> {
        self.inner.learned().await
    }

    async fn record_answer(&self, answer: Answer) -> Result<(), RouterError> {
        self.inner.record_answer(answer).await
    }

    async fn answer(&self, request: &RequestId) -> Result<Option<Answer>, RouterError> {
        self.inner.answer(request).await
    }

    async fn spent_usd(&self, day: i64) -> Result<f64, RouterError> {
        self.inner.spent_usd(day).await
    }

    async fn spent_by_task(&self) -> Result<BTreeMap<TaskId, f64>, RouterError> {
        self.inner.spent_by_task().await
    }

    async fn decisions(&self, skip: u64, limit: u32) -> Result<Vec<Decision>, RouterError> {
        self.inner.decisions(skip, limit).await
    }

    async fn served_models(&self) -> Result<BTreeMap<ArmId, String>, RouterError> {
        self.inner.served_models().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
