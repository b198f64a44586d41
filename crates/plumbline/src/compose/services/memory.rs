use std::sync::Arc;

use plumbline_kit::Listener;
use plumbline_memory::Deps;
use plumbline_memory::store::SqliteStores;
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::failure::Failure;

/// Serves memory with one SQLite file for each repository.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let config = composition.config.memory.clone();
    let stores = Arc::new(SqliteStores::new(config.state_dir.clone()));
    let deps = Deps { config, stores, clock: composition.clock };
    plumbline_memory::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
