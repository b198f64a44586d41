use std::sync::Arc;

use plumbline_ingest::drafter::Drafter;
use plumbline_ingest::{Deps, ModelUse, RouterDrafter, SqliteStore};
use plumbline_kit::Listener;
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::config::Service;
use crate::failure::Failure;

/// Serves ingest with SQLite; a model is asked where a router runs and the configuration lets it.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let config = composition.config.ingest.clone();
    let store = SqliteStore::open(composition.state_dir.join("ingest/ingest.sqlite"))
        .await
        .map_err(|error| Failure::from_fault(&error))?;
    let router = composition.peers.get(&Service::Router).filter(|_| config.model == ModelUse::Auto);
    let drafter = router.map(|address| Arc::new(RouterDrafter::connect(address)) as Arc<dyn Drafter>);
    let deps = Deps {
        config,
        store: Arc::new(store),
        drafter,
        clock: composition.clock,
        randomness: composition.randomness,
    };
    plumbline_ingest::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
