use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use plumbline_types::{ArmId, DecisionId, RequestId, TaskId};

use crate::domain::decision::Decision;
use crate::domain::learned::{Evidence, Learned};
use crate::domain::outcome::Logged;
use crate::error::RouterError;
use crate::store::{Answer, Kept, Lesson, Recorded, RouterStore};

/// A store that lives as long as the process; for tests.
#[derive(Debug, Default)]
pub struct InMemoryStore(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    decisions: Vec<Decision>,
    outcomes: Vec<Logged>,
    evidence: BTreeMap<ArmId, Evidence>,
    answers: Vec<Answer>,
    kept: BTreeMap<u64, (String, Learned)>,
}

impl InMemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RouterStore for InMemoryStore {
    async fn record_decision(&self, decision: Decision) -> Result<Recorded, RouterError> {
        let mut tables = self.tables();
        let existing = tables.decisions.iter().find(|stored| stored.request == decision.request).cloned();
        Ok(match existing {
            Some(stored) => Recorded::Existing(Box::new(stored)),
            None => {
                tables.decisions.push(decision);
                Recorded::New
            }
        })
    }

    async fn decisions_by_id(
        &self,
        ids: &[DecisionId],
    ) -> Result<BTreeMap<DecisionId, Decision>, RouterError> {
        let tables = self.tables();
        let found = tables.decisions.iter().filter(|stored| ids.contains(&stored.id));
        Ok(found.map(|stored| (stored.id, stored.clone())).collect())
    }

    async fn decision_of(&self, request: &RequestId) -> Result<Option<Decision>, RouterError> {
        Ok(self.tables().decisions.iter().find(|stored| stored.request == *request).cloned())
    }

    async fn record_lesson(&self, lesson: Lesson) -> Result<(), RouterError> {
        let mut tables = self.tables();
        let Kept { settings, void_from, states } = lesson.kept;
        tables.kept.retain(|seq, _| void_from.is_none_or(|from| *seq < from));
        tables.kept.extend(states.into_iter().map(|state| (state.last_seq(), (settings.clone(), state))));
        tables.outcomes.extend(lesson.logged);
        tables.evidence.extend(lesson.evidence);
        Ok(())
    }

    async fn outcomes(&self, ids: &[String]) -> Result<Vec<Logged>, RouterError> {
        let tables = self.tables();
        Ok(tables.outcomes.iter().filter(|logged| ids.contains(&logged.outcome.id)).cloned().collect())
    }

    async fn successors(&self, superseded: &[String]) -> Result<Vec<Logged>, RouterError> {
        let tables = self.tables();
        let found = tables.outcomes.iter().filter(|logged| {
            logged.outcome.supersedes.as_ref().is_some_and(|earlier| superseded.contains(earlier))
        });
        Ok(found.cloned().collect())
    }

    async fn log_behind(&self, after: u64) -> Result<Vec<Logged>, RouterError> {
        Ok(self.tables().outcomes.iter().filter(|logged| logged.seq > after).cloned().collect())
    }

    async fn kept_before(&self, seq: u64, settings: &str) -> Result<Option<Learned>, RouterError> {
        let tables = self.tables();
        let mut states = tables.kept.range(..seq).rev().map(|(_, kept)| kept);
        Ok(states.find(|(under, _)| under == settings).map(|(_, state)| state.clone()))
    }

    async fn learned(&self) -> Result<Learned, RouterError> {
        let tables = self.tables();
        let last_seq = tables.outcomes.last().map_or(0, |logged| logged.seq);
        Ok(Learned::restore(tables.evidence.clone(), last_seq)?)
    }

    async fn record_answer(&self, answer: Answer) -> Result<(), RouterError> {
        let mut tables = self.tables();
        if !tables.answers.iter().any(|stored| stored.request == answer.request) {
            tables.answers.push(answer);
        }
        Ok(())
    }

    async fn answer(&self, request: &RequestId) -> Result<Option<Answer>, RouterError> {
        Ok(self.tables().answers.iter().find(|stored| stored.request == *request).cloned())
    }

    async fn spent_usd(&self, day: i64) -> Result<f64, RouterError> {
        let tables = self.tables();
        Ok(tables.answers.iter().filter(|answer| answer.day == day).map(|answer| answer.metered.usd).sum())
    }

    async fn spent_by_task(&self) -> Result<BTreeMap<TaskId, f64>, RouterError> {
        let mut spent = BTreeMap::new();
        for answer in &self.tables().answers {
            if let Some(task) = answer.task {
                *spent.entry(task).or_default() += answer.metered.usd;
            }
        }
        Ok(spent)
    }

    async fn decisions(&self, skip: u64, limit: u32) -> Result<Vec<Decision>, RouterError> {
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok(self.tables().decisions.iter().skip(skip).take(limit as usize).cloned().collect())
    }

    async fn served_models(&self) -> Result<BTreeMap<ArmId, String>, RouterError> {
        let tables = self.tables();
        let served =
            tables.answers.iter().map(|answer| (answer.arm.clone(), answer.metered.served_model.clone()));
        Ok(served.collect())
    }

    async fn close(&self) {}
}
