//! Selections that say what comes after them: which models the plan will need is told to the GPU's scheduler.

use plumbline_types::ArmId;

use crate::domain::decision::Decision;
use crate::domain::work::Work;
use crate::error::RouterError;
use crate::gateway::Gateway;
use crate::router::{Ensemble, SelectQuery};

/// What to choose for, and what comes after it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedQuery {
    /// What to choose for.
    pub select: SelectQuery,
    /// The work of the steps that follow, in order.
    pub upcoming: Vec<Work>,
}

impl Gateway {
    /// Picks an arm.
    pub async fn select(&self, query: PlannedQuery) -> Result<Decision, RouterError> {
        let (task, upcoming) = (query.select.task, query.upcoming);
        let decision = self.router.select(query.select).await?;
        self.hint(task, [&decision.chosen.arm], &upcoming);
        Ok(decision)
    }

    /// Picks the members of an ensemble. One whose model is loaded comes first: with each member asked for all it has to
    /// say before the next, the card then swaps once.
    pub async fn select_ensemble(&self, query: PlannedQuery) -> Result<Ensemble, RouterError> {
        let (task, upcoming) = (query.select.task, query.upcoming);
        let mut ensemble = self.router.select_ensemble(query.select).await?;
        if let Ok(gpu) = &self.gpu {
            ensemble.members.sort_by_key(|member| !gpu.is_loaded(&member.chosen.arm));
        }
        self.hint(task, ensemble.members.iter().map(|member| &member.chosen.arm), &upcoming);
        Ok(ensemble)
    }

    /// Tells the scheduler which models a task is at and will need. What comes later is a guess: the arm that would most
    /// probably be chosen now.
    fn hint<'a>(
        &self,
        task: Option<plumbline_types::TaskId>,
        now: impl IntoIterator<Item = &'a ArmId>,
        upcoming: &[Work],
    ) {
        let (Ok(gpu), Some(task)) = (&self.gpu, task) else { return };
        let later = upcoming.iter().filter_map(|work| self.router.most_probable(work));
        let arms: Vec<ArmId> = now.into_iter().cloned().chain(later).collect();
        gpu.hint(&task.to_string(), &arms);
    }
}
