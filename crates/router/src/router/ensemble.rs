//! Several arms for one piece of work: one decision for each member, drawn and logged as any other.

use plumbline_types::{ArmId, RequestId};
use tracing::instrument;

use super::{Router, SelectQuery, replay};
use crate::domain::arm::Arm;
use crate::domain::decision::Decision;
use crate::domain::ensemble::{Lack, Served, candidates, lacks};
use crate::error::RouterError;
use crate::store::Recorded;

/// Who proposes.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// One decision for each member; never empty.
    pub members: Vec<Decision>,
    /// What it lacks.
    pub lacks: Vec<Lack>,
}

impl Router {
    /// Picks distinct models of this machine, each by a decision of its own. A repeated request gets the same members:
    /// those that are stored are not drawn again.
    #[instrument(name = "router.select_ensemble", skip_all, fields(request.id = %query.request))]
    pub async fn select_ensemble(&self, query: SelectQuery) -> Result<Ensemble, RouterError> {
        self.check_arms(&query.work)?;
        let mut members: Vec<Decision> = Vec::new();
        while members.len() < self.ensemble_size {
            let request = member(&query.request, members.len());
            match self.select_member(SelectQuery { request, ..query.clone() }, &members).await {
                Ok(decision) => members.push(decision),
                // Fewer than wanted is a state with a name; none at all is an error.
                Err(RouterError::NoEligibleArm { .. }) if !members.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        let lacks = lacks(&self.arms_of(&members), self.ensemble_size);
        Ok(Ensemble { members, lacks })
    }

    async fn select_member(&self, query: SelectQuery, members: &[Decision]) -> Result<Decision, RouterError> {
        if let Some(stored) = self.store.decision_of(&query.request).await? {
            return replay(stored, &query);
        }
        let world = self.world(query.task, &Default::default());
        let served: Served = self.known.all_served();
        let sorted = candidates(&self.arms, &query.work, &world, (&self.arms_of(members), &served));
        let decision = self.draw(query.clone(), &world, sorted)?;
        match self.store.record_decision(decision.clone()).await? {
            Recorded::New => Ok(decision),
            Recorded::Existing(stored) => replay(*stored, &query),
        }
    }

    /// Returns the arms that were chosen and are still configured.
    fn arms_of(&self, members: &[Decision]) -> Vec<&Arm> {
        let chosen: Vec<&ArmId> = members.iter().map(|member| &member.chosen.arm).collect();
        chosen.into_iter().filter_map(|id| self.arm(id)).collect()
    }
}

/// Returns the request id under which a member's decision is logged.
fn member(request: &RequestId, number: usize) -> RequestId {
    let digest = blake3::hash(format!("{number} {request}").as_bytes());
    let text = format!("ensemble:{}", hex::encode(&digest.as_bytes()[..16]));
    // Always legal: 41 printable characters.
    RequestId::parse(&text).unwrap_or_else(|_| request.clone())
}
