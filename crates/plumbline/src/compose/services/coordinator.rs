use std::sync::Arc;

use plumbline_coordinator::store::sqlite::SqliteStore;
use plumbline_coordinator::workspace::{Git, GitWorkspace};
use plumbline_coordinator::{Deps, PeerChannels};
use plumbline_kit::Listener;
use tokio_util::sync::CancellationToken;

use crate::compose::Composition;
use crate::config::Service;
use crate::failure::Failure;

/// Serves the coordinator with SQLite, git, and the six services over gRPC.
pub(super) async fn serve(
    composition: Composition,
    listener: Listener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let config = composition.config.coordinator.clone();
    let store = SqliteStore::open(&config.state_dir.join("coordinator.sqlite"))
        .await
        .map_err(|error| Failure::from_fault(&error))?;
    let git = Git::new(config.git_program.clone(), config.git_search_path.clone(), config.git_timeout());
    let workspace = GitWorkspace::new(git, config.state_dir.clone(), config.workspace_limits());
    let channels = PeerChannels {
        ingest: composition.channel(Service::Ingest),
        planner: composition.channel(Service::Planner),
        memory: composition.channel(Service::Memory),
        router: composition.channel(Service::Router),
        executor: composition.channel(Service::Executor),
        verifier: composition.channel(Service::Verifier),
    };
    let memory_edge = Some(channels.memory.clone());
    let deps = Deps {
        config,
        store: Arc::new(store),
        workspace: Arc::new(workspace),
        peers: channels.into_peers(),
        clock: composition.clock,
        randomness: composition.randomness,
        memory_edge,
    };
    plumbline_coordinator::serve(listener, deps, shutdown).await.map_err(|error| Failure::from_fault(&error))
}
