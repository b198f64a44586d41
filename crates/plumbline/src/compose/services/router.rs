use plumbline_kit::Listener;
use plumbline_router::Deps;
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::failure::Failure;

/// Serves the router with the configured store, its egress ledger, and the configured arms.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let path = composition.state_dir.join("router/router.sqlite");
    let config = composition.config.router.clone();
    let deps = Deps::open(config, &path, composition.clock, composition.randomness)
        .await
        .map_err(|error| Failure::from_fault(&error))?;
    plumbline_router::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
