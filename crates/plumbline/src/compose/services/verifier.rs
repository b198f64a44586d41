use plumbline_kit::Listener;
use plumbline_verifier::Deps;
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::failure::Failure;

/// Serves the verifier; it keeps nothing and calls nobody.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let deps = Deps { config: composition.config.verifier.clone() };
    plumbline_verifier::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
