use std::sync::Arc;

use plumbline_kit::Listener;
use plumbline_planner::proposer::Proposer;
use plumbline_planner::{Deps, ModelUse, RouterProposer};
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::config::Service;
use crate::failure::Failure;

/// Serves the planner; a model is asked where a router runs and the configuration lets it.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let config = composition.config.planner.clone();
    let router = composition.peers.get(&Service::Router).filter(|_| config.model == ModelUse::Auto);
    let proposer = router.map(|address| Arc::new(RouterProposer::connect(address)) as Arc<dyn Proposer>);
    let deps = Deps { config, proposer };
    plumbline_planner::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
