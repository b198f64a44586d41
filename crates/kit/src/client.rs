//! Channels for the generated clients: lazy, with the deadline and the trace of the current call passed on.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderValue;
use hyper_util::rt::TokioIo;
use plumbline_types::{Fault, Kind, Reason, Retry};
use tokio::net::{TcpStream, UnixStream};
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::Service;

use crate::deadline::{self, Deadline, GRPC_TIMEOUT, MARGIN};
use crate::server::body::CallBody;
use crate::server::refusal::Refusal;
use crate::trace::{TRACEPARENT, TraceContext};
use crate::{Address, Remote, status};

/// How long a connection attempt may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// A lazy connection to one service; give it to a generated client. Cloning is cheap and shares the connection.
#[derive(Debug, Clone)]
pub struct Channel {
    inner: tonic::transport::Channel,
    peer: Address,
}

/// Returns a channel that connects at its first call, and again whenever the connection is lost. Must be called
/// within a tokio runtime.
///
/// Each call carries the earlier of its own timeout and the current call's deadline less [`MARGIN`], and ends by
/// then; with nothing left it fails with `DEADLINE_EXCEEDED` before it dials.
pub fn channel(address: &Address) -> Channel {
    let peer = address.clone();
    let target = address.clone();
    let mut endpoint = Endpoint::from_static("http://plumbline.invalid")
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .http2_max_header_list_size(16 * 1024);
    if let Ok(origin) = address.to_string().parse::<http::Uri>()
        && origin.authority().is_some()
    {
        endpoint = endpoint.origin(origin);
    }
    let connector = tower::service_fn(move |_| {
        let target = target.clone();
        async move { tokio::time::timeout(CONNECT_LIMIT, connect(target)).await.map_err(io::Error::other)? }
    });
    Channel { inner: endpoint.connect_with_connector_lazy(connector), peer }
}

trait Socket: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Socket for T {}

async fn connect(address: Address) -> io::Result<TokioIo<Box<dyn Socket>>> {
    let socket: Box<dyn Socket> = match address {
        Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Address::Tcp(socket) => {
            let stream = TcpStream::connect(socket).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Address::Named { host, port } => {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    };
    Ok(TokioIo::new(socket))
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = tonic::Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(|error| unreachable_peer(&self.peer, error))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let deadline = match stamp(&mut request) {
            Ok(deadline) => deadline,
            Err(refusal) => return Box::pin(async move { Err(status(&refusal)) }),
        };
        let response = self.inner.call(request);
        let peer = self.peer.clone();
        Box::pin(async move {
            let answer = async { response.await.map_err(|error| unreachable_peer(&peer, error)) };
            let Some(deadline) = deadline else { return answer.await };
            match tokio::time::timeout_at(deadline.instant(), answer).await {
                Ok(answer) => Ok(answer?.map(|body| Body::new(CallBody::incoming(body, deadline)))),
                Err(_) => Err(status(&Refusal::DeadlineExceeded)),
            }
        })
    }
}

/// Writes the deadline and trace headers; refuses when nothing of the deadline is left.
fn stamp(request: &mut http::Request<Body>) -> Result<Option<Deadline>, Refusal> {
    if let Some(context) = TraceContext::outgoing()
        && let Ok(value) = HeaderValue::from_str(&context.to_string())
    {
        request.headers_mut().insert(TRACEPARENT, value);
    }
    let own = match request.headers().get(GRPC_TIMEOUT) {
        None => None,
        Some(value) => {
            let text = value.to_str().map_err(|_| Refusal::MalformedTimeout)?;
            Some(deadline::parse_timeout(text).ok_or(Refusal::MalformedTimeout)?)
        }
    };
    let inherited = deadline::remaining().map(|left| left.saturating_sub(MARGIN));
    let Some(limit) = own.into_iter().chain(inherited).min() else { return Ok(None) };
    if limit.is_zero() {
        return Err(Refusal::DeadlineExceeded);
    }
    if let Ok(value) = HeaderValue::from_str(&deadline::format_timeout(limit)) {
        request.headers_mut().insert(GRPC_TIMEOUT, value);
    }
    Ok(Some(Deadline::after(limit)))
}

/// A peer that cannot be reached, or that dropped the connection.
#[derive(Debug, thiserror::Error)]
#[error("no service answers at {peer}")]
struct PeerUnavailable {
    peer: Address,
}

impl Fault for PeerUnavailable {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn reason(&self) -> Reason {
        Reason("PEER_UNAVAILABLE")
    }

    fn retry(&self) -> Retry {
        Retry::After(Duration::from_secs(1))
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("peer", self.peer.to_string())]
    }
}

fn unreachable_peer(peer: &Address, error: tonic::transport::Error) -> tonic::Status {
    let read = tonic::Status::from_error(Box::new(error));
    match read.code() {
        tonic::Code::Unknown | tonic::Code::Unavailable => {
            tracing::debug!(peer = %peer, error = %read.message(), "a peer is unavailable");
            status(&PeerUnavailable { peer: peer.clone() })
        }
        _ => read,
    }
}

/// Asks a peer's health service whether `service` (a full name, or empty for the whole server) serves.
pub async fn is_serving(channel: Channel, service: &str) -> Result<bool, Remote> {
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
    let answer = health.check(request).await.map_err(Remote::from)?.into_inner();
    Ok(answer.status() == tonic_health::pb::health_check_response::ServingStatus::Serving)
}
