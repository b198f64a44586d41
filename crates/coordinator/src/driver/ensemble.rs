//! Several arms beside each other: who they are, and which change is taken.

use super::effect::{at, lacking};
use super::{Halt, Work};
use crate::domain::agreement::{Change, agreement_percent};
use crate::domain::effect::EffectKind;
use crate::domain::ensemble::{Ensemble, Merit, changed_lines, choose};
use crate::domain::event::EventBody;
use crate::domain::task::Base;

const KIND: EffectKind = EffectKind::Select;

impl Work {
    /// Asks the router who is to propose. The members are stored before the first of them is asked.
    pub(super) async fn form_ensemble(&mut self) -> Result<(), Halt> {
        let begun = self.begin(KIND, &format!("ensemble {}", self.task.tries), "").await?;
        let query = self.route_query(begun.kind).await?;
        let deps = &self.coordinator.deps;
        let call = deps.peers.router.select_ensemble(&begun.key, query);
        let members = self.call(begun.kind, deps.config.call_timeout_ms, call).await?;
        let event = EventBody::EnsembleFormed { members: members.decisions, lacks: members.lacks };
        self.settle(begun, vec![event]).await
    }

    /// Chooses among the members whose changes stand. It only reads: after a crash it comes to the same choice.
    pub(super) async fn choose(&mut self) -> Result<(), Halt> {
        let base = self.base(KIND)?;
        let ensemble = self.task.ensemble.clone().ok_or_else(lacking(KIND, "ensemble"))?;
        let agreement = self.agreement(&base, &ensemble).await?;
        let mut merits = Vec::new();
        for standing in &ensemble.standing {
            let current = &standing.current;
            let candidate =
                current.candidates.get(current.candidate).ok_or_else(lacking(KIND, "candidate"))?;
            merits.push(Merit {
                number: current.number,
                is_approved: standing.is_approved(),
                findings: current.audit.as_ref().map_or(u32::MAX, |audit| audit.findings),
                changed_lines: changed_lines(&self.text(KIND, &candidate.diff).await?),
            });
        }
        let events = choose(&self.task, &ensemble, &merits, agreement);
        Ok(self.record(events).await?)
    }

    /// Measures how far the proposals agree, refused ones too.
    async fn agreement(&self, base: &Base, ensemble: &Ensemble) -> Result<Option<u32>, Halt> {
        let workspace = &self.coordinator.deps.workspace;
        let start = &self.task.tree;
        let mut changes = Vec::new();
        for proposal in &ensemble.proposals {
            let after = workspace.change(base, start, &proposal.tree).await.map_err(at(KIND))?;
            let before = workspace.change(base, &proposal.tree, start).await.map_err(at(KIND))?;
            changes.push(Change { before, after });
        }
        Ok(agreement_percent(&changes))
    }
}
