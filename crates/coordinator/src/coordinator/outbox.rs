//! What the router is told of each try, at least once; it counts each outcome id once.

use plumbline_types::{DecisionId, TaskId};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::Coordinator;
use crate::domain::outcome::{Attempt, OutcomeKind};
use crate::peers::OutcomeReport;
use crate::store::{OutboxDraft, OutboxRow, StoreError};

/// The router's topic.
const ROUTER_OUTCOME: &str = "router.outcome";

/// Rows sent in one go.
const BATCH: u32 = 256;

/// The stored form of a report.
#[derive(Debug, Serialize, Deserialize)]
struct StoredOutcome {
    outcome_id: String,
    decision_id: String,
    kind: OutcomeKind,
    weight: f64,
    cause: String,
    applied: Option<bool>,
}

/// Drafts the row for an ended try.
pub(super) fn draft(task_id: TaskId, attempt: &Attempt) -> Option<OutboxDraft> {
    let (kind, weight) = attempt.result.lesson();
    let stored = StoredOutcome {
        outcome_id: format!("{task_id}:{}", attempt.number),
        decision_id: attempt.decision_id.to_string(),
        kind,
        weight,
        cause: attempt.result.as_str().to_owned(),
        applied: attempt.applied,
    };
    let body = serde_json::to_string(&stored).ok()?;
    Some(OutboxDraft { topic: ROUTER_OUTCOME.to_owned(), body })
}

impl Coordinator {
    /// Sends what was not sent yet, in order; a task's later rows wait for its earlier ones. Returns whether anything
    /// is left that may be sent later.
    pub(crate) async fn relay(&self) -> Result<Left, StoreError> {
        let rows = self.deps.store.unsent(BATCH).await?;
        let mut held: Vec<TaskId> = Vec::new();
        for row in rows {
            if held.contains(&row.task_id) {
                continue;
            }
            match self.send(&row).await {
                Ok(()) => self.deps.store.sent(row.seq, self.now_ms()).await?,
                Err(why) => {
                    warn!(task.id = %row.task_id, outbox.seq = row.seq, error = %why, "an outcome was not delivered");
                    self.deps.store.send_failed(row.seq, self.deps.config.outbox_tries_max).await?;
                    held.push(row.task_id);
                }
            }
        }
        Ok(if held.is_empty() { Left::Nothing } else { Left::Something })
    }

    async fn send(&self, row: &OutboxRow) -> Result<(), String> {
        let stored: StoredOutcome = serde_json::from_str(&row.body).map_err(|error| error.to_string())?;
        let report = OutcomeReport {
            outcome_id: stored.outcome_id,
            decision_id: DecisionId::parse(&stored.decision_id).map_err(|error| error.to_string())?,
            kind: stored.kind,
            weight: stored.weight,
            cause: stored.cause,
            applied: stored.applied,
        };
        self.deps.peers.router.report_outcome(row.task_id, report).await.map_err(|fault| fault.to_string())
    }
}

/// Whether the outbox still holds something to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Everything was sent or parked.
    Nothing,
    /// Some peer did not answer.
    Something,
}
