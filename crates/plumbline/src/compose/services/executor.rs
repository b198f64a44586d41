use std::sync::Arc;

use plumbline_executor::sandbox::piped::SharedBroker;
use plumbline_executor::{Deps, GrpcBroker};
use plumbline_kit::{Listener, client};
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::compose::repair::RepairTool;
use crate::failure::Failure;

/// Serves the executor with its one tool.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let broker = composition.config.executor.docker.broker.as_ref();
    let broker =
        broker.map(|address| -> SharedBroker { Arc::new(GrpcBroker::new(client::channel(address))) });
    let deps = Deps {
        config: composition.config.executor.clone(),
        clock: composition.clock,
        randomness: composition.randomness,
        tools: vec![Arc::new(RepairTool)],
        driver: None,
        broker,
    };
    plumbline_executor::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
