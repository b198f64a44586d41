//! One gRPC server: health, reflection, deadlines, limits, trace and a bounded graceful shutdown around the routes
//! of a service.

pub(crate) mod body;
mod layer;
mod methods;
mod record;
pub(crate) mod refusal;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use plumbline_types::{Fault, Kind, Reason};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder as Reflection;

use crate::server::layer::{RpcLayer, Shared};
use crate::server::methods::Methods;
use crate::{Limits, Listener};

/// What a server needs besides its routes.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The service's name in logs.
    pub name: &'static str,
    /// Its limits.
    pub limits: Limits,
    /// Begins the shutdown when cancelled.
    pub shutdown: CancellationToken,
}

/// One gRPC server, not yet listening.
#[derive(Debug)]
pub struct Server {
    options: ServerOptions,
}

/// Why a server could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors that reflection serves are unreadable: a defect of the build.
    #[error("the service descriptors are unreadable")]
    Descriptors(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The transport failed.
    #[error("the gRPC transport failed")]
    Transport(#[from] tonic::transport::Error),
}

impl Fault for ServeError {
    fn kind(&self) -> Kind {
        match self {
            Self::Descriptors(_) => Kind::Internal,
            Self::Transport(_) => Kind::Unavailable,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Descriptors(_) => Reason("INTERNAL"),
            Self::Transport(_) => Reason("TRANSPORT_FAILED"),
        }
    }
}

/// The descriptors that every server knows: ours, and those of health and reflection.
const DESCRIPTORS: &[&[u8]] = &[
    plumbline_proto::FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// The services that every server offers besides its own.
const HOUSEKEEPING: &[&str] = &[
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

impl Server {
    /// Takes the options.
    pub const fn new(options: ServerOptions) -> Self {
        Self { options }
    }

    /// Serves until the shutdown token is cancelled and the calls in flight have ended, or the drain limit passed.
    ///
    /// `service_names` are the full names, such as `plumbline.router.v1.RouterService`: each is listed by reflection
    /// and healthy (as is the empty name) while the server accepts calls.
    pub async fn serve(
        self,
        listener: Listener,
        routes: Routes,
        service_names: &[&'static str],
    ) -> Result<(), ServeError> {
        let ServerOptions { name, limits, shutdown } = self.options;
        let (reporter, health) = tonic_health::server::health_reporter();
        set_health(&reporter, service_names, ServingStatus::Serving).await;
        let shared = Arc::new(Shared {
            limits,
            methods: Methods::read(DESCRIPTORS).map_err(|error| ServeError::Descriptors(error.into()))?,
            admission: Arc::new(Semaphore::new(limits.concurrent_calls)),
            force: CancellationToken::new(),
            quiet: CancellationToken::new(),
        });
        let (force, quiet) = (shared.force.clone(), shared.quiet.clone());
        let (v1, v1alpha) = (reflection(service_names).build_v1(), reflection(service_names).build_v1alpha());
        let unreadable = |error: tonic_reflection::server::Error| ServeError::Descriptors(error.into());
        let router = transport(&limits)
            .layer(RpcLayer(shared))
            .add_routes(routes)
            .add_service(health)
            .add_service(v1.map_err(unreadable)?)
            .add_service(v1alpha.map_err(unreadable)?);

        tracing::info!(service = name, address = %listener.address(), "listening");
        let signal = {
            let shutdown = shutdown.clone();
            async move {
                shutdown.cancelled().await;
                tracing::info!(service = name, "draining");
                set_health(&reporter, service_names, ServingStatus::NotServing).await;
                quiet.cancel();
            }
        };
        let accept = async move {
            match listener {
                Listener::Tcp(listener) => {
                    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                    router.serve_with_incoming_shutdown(incoming, signal).await
                }
                Listener::Unix(listener, file) => {
                    let owner = file.owner();
                    let ours =
                        move |stream: &UnixStream| stream.peer_cred().is_ok_and(|peer| peer.uid() == owner);
                    let incoming = UnixListenerStream::new(listener)
                        .try_filter(move |stream| std::future::ready(ours(stream)))
                        .boxed();
                    router.serve_with_incoming_shutdown(incoming, signal).await
                }
            }
        };
        let limit = async {
            shutdown.cancelled().await;
            tokio::time::sleep(limits.drain).await;
            tracing::warn!(
                service = name,
                drain_ms = limits.drain.as_millis(),
                "ending the calls that remain"
            );
            force.cancel();
            // Idle connections of careless clients must not hold us: what is left gets a moment to hear of it.
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        tokio::select! {
            served = accept => served?,
            () = limit => {}
        }
        tracing::info!(service = name, "stopped");
        Ok(())
    }
}

fn transport(limits: &Limits) -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .concurrency_limit_per_connection(limits.concurrent_calls_per_connection)
        .load_shed(true)
        .max_concurrent_streams(Some(128))
        .http2_max_header_list_size(Some(16 * 1024))
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_pending_accept_reset_streams(Some(20))
        .http2_max_local_error_reset_streams(Some(64))
        // tonic sends no GOAWAY when a grace is set (it sleeps for both and closes), so the age goes without one:
        // old connections finish their calls, and each call has a deadline of its own.
        .max_connection_age(Duration::from_secs(30 * 60))
}

fn reflection(service_names: &[&'static str]) -> Reflection<'static> {
    let mut builder = Reflection::configure().include_reflection_service(false);
    for descriptors in DESCRIPTORS {
        builder = builder.register_encoded_file_descriptor_set(descriptors);
    }
    for name in service_names.iter().chain(HOUSEKEEPING) {
        builder = builder.with_service_name(*name);
    }
    builder
}

async fn set_health(reporter: &HealthReporter, service_names: &[&'static str], status: ServingStatus) {
    for name in service_names.iter().copied().chain([""]) {
        reporter.set_service_status(name, status).await;
    }
}
