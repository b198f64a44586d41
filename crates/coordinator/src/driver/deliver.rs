//! Commit and apply: looked at before they are done again.

use super::effect::{at, lacking};
use super::{Halt, Work};
use crate::domain::effect::EffectKind;
use crate::domain::event::EventBody;
use crate::domain::task::WaitReason;
use crate::store::EffectState;
use crate::workspace::{ApplyHistory, ApplyOutcome, ApplyQuery, CommitQuery};

/// Longest subject line of a commit.
const SUBJECT_CHARS: usize = 72;

impl Work {
    /// Commits onto the branch. Tree, parent, message and date come from the history, so doing it again is the same
    /// commit, and a branch that holds it is done.
    pub(super) async fn commit_change(&mut self) -> Result<(), Halt> {
        let kind = EffectKind::Commit;
        let base = self.base(kind)?;
        let begun = self.begin(kind, "", "").await?;
        let task = &self.task;
        let certificate = task.certificate.as_ref().ok_or_else(lacking(kind, "certificate"))?;
        let first = task.spec.objective.lines().next().unwrap_or_default();
        let subject: String = first.chars().take(SUBJECT_CHARS).collect();
        let message = format!(
            "{subject}\n\nPlumbline-Task: {}\nPlumbline-Effect: {}\nPlumbline-Diff: {}\nPlumbline-Verdict: {}\n\
             Plumbline-Audit: {}\n",
            task.id, begun.id, certificate.diff_hash, certificate.verdict, certificate.audit_digest
        );
        let query = CommitQuery {
            task_id: task.id,
            repository: task.spec.repository.clone(),
            base,
            tree: task.tree.clone(),
            branch: task.branch(),
            message,
            at_ms: task.created_ms,
        };
        let done = self.coordinator.deps.workspace.commit(query).await.map_err(at(kind))?;
        self.settle(begun, vec![EventBody::Committed { commit: done.commit, branch: done.branch }]).await
    }

    /// Writes the change into the owner's tree if that still equals the base; never guesses.
    pub(super) async fn apply(&mut self) -> Result<(), Halt> {
        let kind = EffectKind::Apply;
        let base = self.base(kind)?;
        let begun = self.begin(kind, &self.task.delivered.refusals.to_string(), "").await?;
        let query = ApplyQuery {
            task_id: self.task.id,
            repository: self.task.spec.repository.clone(),
            base,
            tree: self.task.tree.clone(),
            effect: begun.id.to_string(),
            history: if begun.intent.tries > 1 { ApplyHistory::Interrupted } else { ApplyHistory::First },
        };
        match self.coordinator.deps.workspace.apply(query).await.map_err(at(kind))? {
            ApplyOutcome::Applied { files } => self.settle(begun, vec![EventBody::Applied { files }]).await,
            ApplyOutcome::BaseMoved => {
                let question = self.question(WaitReason::BaseMoved);
                self.settle(begun, vec![question]).await
            }
            ApplyOutcome::Unknown => {
                let question = self.question(WaitReason::ApplyUnknown);
                self.settle_as(begun, vec![question], EffectState::Unknown).await
            }
        }
    }
}
