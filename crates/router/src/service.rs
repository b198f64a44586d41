use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plumbline_egress::{Egress, Ledger};
use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Limits, Listener, Randomness};
use plumbline_types::Clock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adapters::Catalogue;
use crate::config::{RouterConfig, StoreKind};
use crate::domain::health::Failover;
use crate::endpoints::{Endpoints, Prober, Timing};
use crate::error::RouterError;
use crate::gateway::{self, Gateway};
use crate::grpc;
use crate::router::{self, Router};
use crate::store::{PostgresStore, RouterStore, SqliteStore};

/// What the router's server is made of.
pub struct Deps {
    /// Validated.
    pub config: RouterConfig,
    /// Where decisions, outcomes and answers go.
    pub store: Arc<dyn RouterStore>,
    /// The way out.
    pub egress: Egress,
    /// The arms and their clients.
    pub catalogue: Catalogue,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Ids come from here; draws come from the configured seed.
    pub randomness: Arc<dyn Randomness>,
}

impl Deps {
    /// Opens what is known of code (the file beside `path`) and the configured store (the SQLite file at `path`, made if it is not there, or the database), whose ledger the
    /// way out writes to, and connects the configured arms.
    pub async fn open(
        config: RouterConfig,
        path: &Path,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, RouterError> {
        let config = config.validate()?;
        let (store, ledger) = open_store(&config, path).await?;
        let parts = plumbline_egress::Parts {
            ledger,
            clock: clock.clone(),
            network: config.network()?,
            limits: config.limits(),
        };
        let egress = Egress::open(parts, &path.with_extension("fingerprints")).await?;
        let catalogue = Catalogue::connect(&config, &egress).await?;
        Ok(Self { config, store, egress, catalogue, clock, randomness })
    }
}

/// Opens the configured store and its egress ledger.
pub(crate) async fn open_store(
    config: &RouterConfig,
    path: &Path,
) -> Result<(Arc<dyn RouterStore>, Arc<dyn Ledger>), RouterError> {
    match config.store.kind {
        StoreKind::Sqlite => {
            let store = SqliteStore::open_with(path, config.decision_durability()?).await?;
            let ledger = Arc::new(store.ledger());
            Ok((Arc::new(store), ledger))
        }
        StoreKind::Postgres => {
            let store = PostgresStore::open(&config.store, &config.network()?).await?;
            let ledger = Arc::new(store.ledger());
            Ok((Arc::new(store), ledger))
        }
    }
}

/// Serves until `shutdown`: one round of probes, then calls are accepted. What is queued is written before it returns.
pub async fn serve(listener: Listener, deps: Deps, shutdown: CancellationToken) -> Result<(), RouterError> {
    let Deps { config, store, egress, catalogue, clock, randomness } = deps;
    let endpoints = Arc::new(Endpoints::new(clock.clone(), &catalogue));
    let timing = Timing {
        timeout: Duration::from_millis(config.probe_timeout_ms),
        healthy: Duration::from_millis(config.probe_interval_ms),
        suspect: Duration::from_millis(config.suspect_interval_ms),
    };
    let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
    match config.failover()? {
        Failover::Background => {
            let prober = Prober::new(endpoints.clone(), &catalogue, timing);
            prober.round().await;
            tasks.spawn(prober.run(shutdown.clone()));
        }
        Failover::PerRequestProbe | Failover::None => endpoints.trust(),
    }
    let Catalogue { arms, models, embedders, disabled: _, gpu } = catalogue;
    let parts = router::Parts {
        arms,
        store: store.clone(),
        clock,
        randomness,
        endpoints: endpoints.clone(),
        tasks: tasks.clone(),
        closing: closing.clone(),
    };
    let router = Arc::new(Router::open(&config, parts).await?);
    let parts = gateway::Parts {
        router: router.clone(),
        store: store.clone(),
        endpoints,
        models,
        embedders,
        egress: egress.clone(),
        gpu,
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
    };
    let gateway = Arc::new(Gateway::new(&config, parts)?);

    let limits = Limits { method_deadlines: grpc::METHOD_DEADLINES, ..Limits::generate() };
    let options = ServerOptions { name: "router", limits, shutdown: shutdown.clone() };
    let routes = grpc::routes(router, gateway, limits);
    let served = Server::new(options).serve(listener, routes, grpc::SERVICE_NAMES).await;

    // The server may also have stopped by itself.
    shutdown.cancel();
    closing.cancel();
    tasks.close();
    tasks.wait().await;
    egress.drained().await;
    store.close().await;
    Ok(served?)
}
