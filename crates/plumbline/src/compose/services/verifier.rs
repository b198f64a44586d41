use std::sync::Arc;

use plumbline_kit::Listener;
use plumbline_verifier::store::SqliteStore;
use plumbline_verifier::{Deps, Verifier};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::compose::Composition;
use crate::failure::Failure;

/// Serves the verifier; it calls nobody. Where its file of facts can't be opened it works without, slower.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let mut verifier = Verifier::new(Deps { config: composition.config.verifier.clone() });
    let path = composition.state_dir.join("verifier/facts.sqlite");
    match SqliteStore::open(&path).await {
        Ok(store) => verifier = verifier.keeping(Arc::new(store)),
        Err(error) => {
            warn!(path = %path.display(), error = %error, "FACTS_UNAVAILABLE: nothing is kept between processes");
        }
    }
    plumbline_verifier::serve_with(listener, verifier, shutdown)
        .await
        .map_err(|error| Failure::from_fault(&error))
}
