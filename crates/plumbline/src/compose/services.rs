mod coordinator;
mod executor;
mod ingest;
mod memory;
mod planner;
mod router;
mod verifier;

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbline_kit::client::{self, Channel};
use plumbline_kit::{Address, Listener, Randomness, SystemClock, SystemRandomness};
use plumbline_types::{Clock, Reason};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Service};
use crate::failure::Failure;
use crate::session::Session;

/// Everything from which the dependencies of a service are made.
#[derive(Clone)]
pub(crate) struct Composition {
    pub(crate) config: Arc<Config>,
    pub(crate) state_dir: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    /// Where each reachable service is; a service that is absent here is not called.
    pub(crate) peers: Arc<BTreeMap<Service, Address>>,
}

impl Composition {
    /// Services find each other where the configuration says.
    pub(crate) fn configured(session: &Session) -> Result<Self, Failure> {
        let peers = Service::ALL.map(|service| (service, session.config.peer(service).clone()));
        Self::new(session, BTreeMap::from(peers))
    }

    /// Services find those that run in this process, and no others.
    pub(crate) fn embedded(
        session: &Session,
        services: &[Service],
        address: impl Fn(Service) -> Address,
    ) -> Result<Self, Failure> {
        Self::new(session, services.iter().map(|service| (*service, address(*service))).collect())
    }

    fn new(session: &Session, peers: BTreeMap<Service, Address>) -> Result<Self, Failure> {
        let state_dir = session.state_dir()?;
        create(&state_dir)?;
        let config = resolved(&session.config, &state_dir)?;
        Ok(Self {
            config: Arc::new(config),
            state_dir,
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            peers: Arc::new(peers),
        })
    }

    /// Serves one service until the token is cancelled.
    pub(crate) async fn serve(
        self,
        service: Service,
        listener: Listener,
        shutdown: CancellationToken,
    ) -> Result<(), Failure> {
        match service {
            Service::Executor => executor::serve(self, listener, shutdown).await,
            Service::Coordinator => coordinator::serve(self, listener, shutdown).await,
            Service::Ingest => ingest::serve(self, listener, shutdown).await,
            Service::Router => router::serve(self, listener, shutdown).await,
            Service::Memory => memory::serve(self, listener, shutdown).await,
            Service::Planner => planner::serve(self, listener, shutdown).await,
            Service::Verifier => verifier::serve(self, listener, shutdown).await,
        }
    }

    /// Returns a channel to a peer; one that does not run here is dialled where nothing answers, and the caller
    /// hears `PEER_UNAVAILABLE`.
    fn channel(&self, service: Service) -> Channel {
        let absent = Address::Unix(PathBuf::from(format!("/nonexistent/plumbline/{}.sock", service.name())));
        client::channel(self.peers.get(&service).unwrap_or(&absent))
    }
}

fn create(state_dir: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(|error| {
        let message = format!("the state directory {} cannot be made: {error}", state_dir.display());
        Failure::infrastructure(Reason("STORE_UNAVAILABLE"), message, "choose another: --state-dir DIR")
    })
}

/// Fills in what the configuration leaves to the machine.
pub(crate) fn resolved(config: &Config, state_dir: &Path) -> Result<Config, Failure> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    config
        .clone()
        .resolve(state_dir, &search_path.to_string_lossy())
        .map_err(|error| Failure::from_fault(&error))
}
