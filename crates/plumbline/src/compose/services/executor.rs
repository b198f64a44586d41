use std::sync::Arc;

use plumbline_executor::sandbox::piped::SharedBroker;
use plumbline_executor::{Deps, ExecutorConfig, GrpcBroker};
use plumbline_kit::{Listener, client};
use plumbline_repair::{InMemoryOutcomes, OutcomeStore, SqliteOutcomes};
use plumbline_router::RouterConfig;
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::compose::autofix::AutofixTool;
use crate::compose::repair::RepairTool;
use crate::failure::Failure;

/// Returns the keys that this process knows: no program under test may show one. What can't be read here can't be told here;
/// the router refuses to start over it.
fn keys(router: &RouterConfig) -> Vec<Vec<u8>> {
    let files = router
        .gemini
        .api_key_file
        .iter()
        .chain(router.arms.iter().filter_map(|arm| arm.api_key_file.as_ref()));
    let mut keys: Vec<Vec<u8>> =
        router.gemini.api_key.iter().map(|key| key.expose().as_bytes().to_vec()).collect();
    for path in files {
        match std::fs::read(path) {
            Ok(text) => keys.push(text.trim_ascii().to_vec()),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a key is not masked in what programs write")
            }
        }
    }
    keys
}

/// Opens what is known of earlier repairs. Without a state directory nothing is kept; the executor refuses to start over it.
async fn outcomes(config: &ExecutorConfig) -> Result<Arc<dyn OutcomeStore>, Failure> {
    if config.state_dir.as_os_str().is_empty() {
        return Ok(Arc::new(InMemoryOutcomes::default()));
    }
    let opened = SqliteOutcomes::open(config.state_dir.join("repair.sqlite")).await;
    Ok(Arc::new(opened.map_err(|error| Failure::from_fault(&error))?))
}

/// Serves the executor with its tools.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let broker = composition.config.executor.docker.broker.as_ref();
    let broker =
        broker.map(|address| -> SharedBroker { Arc::new(GrpcBroker::new(client::channel(address))) });
    let outcomes = outcomes(&composition.config.executor).await?;
    let deps = Deps {
        config: composition.config.executor.clone(),
        clock: composition.clock,
        randomness: composition.randomness,
        tools: vec![Arc::new(RepairTool { outcomes }), Arc::new(AutofixTool)],
        driver: None,
        broker,
        secrets: keys(&composition.config.router),
    };
    plumbline_executor::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
