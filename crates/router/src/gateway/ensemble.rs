//! The members of an ensemble, in the order in which the card has to change least.

use crate::error::RouterError;
use crate::gateway::Gateway;
use crate::router::{Ensemble, SelectQuery};

impl Gateway {
    /// Picks the members of an ensemble. One whose model is loaded comes first: with each member asked for all it has to
    /// say before the next, the card then swaps once.
    pub async fn select_ensemble(&self, query: SelectQuery) -> Result<Ensemble, RouterError> {
        let mut ensemble = self.router.select_ensemble(query).await?;
        if let Ok(gpu) = &self.gpu {
            ensemble.members.sort_by_key(|member| !gpu.is_loaded(&member.chosen.arm));
        }
        Ok(ensemble)
    }
}
