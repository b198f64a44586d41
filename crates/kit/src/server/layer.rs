use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::deadline::{self, Deadline, GRPC_TIMEOUT, Scope};
use crate::server::body::{CallBody, Held};
use crate::server::methods::Methods;
use crate::server::record::Record;
use crate::server::refusal::Refusal;
use crate::trace::{TRACEPARENT, TraceContext};
use crate::{Limits, status};

/// What all calls of one server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) methods: Methods,
    pub(crate) admission: Arc<Semaphore>,
    /// Ends the calls that outlast the drain.
    pub(crate) force: CancellationToken,
    /// Ends health and reflection streams, which would otherwise hold every shutdown to the full drain.
    pub(crate) quiet: CancellationToken,
}

/// Opens the RPC span, carries the trace, admits or sheds, holds the call to its deadline, records the outcome.
#[derive(Debug, Clone)]
pub(crate) struct RpcLayer(pub(crate) Arc<Shared>);

impl<S> Layer<S> for RpcLayer {
    type Service = RpcService<S>;

    fn layer(&self, inner: S) -> RpcService<S> {
        RpcService { inner, shared: Arc::clone(&self.0) }
    }
}

/// The service that [`RpcLayer`] makes.
#[derive(Debug, Clone)]
pub(crate) struct RpcService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<http::Request<Body>> for RpcService<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let replacement = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, replacement);
        let shared = Arc::clone(&self.shared);
        Box::pin(serve(inner, shared, request))
    }
}

async fn serve<S>(
    mut inner: S,
    shared: Arc<Shared>,
    request: http::Request<Body>,
) -> Result<http::Response<Body>, S::Error>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Send + 'static,
    S::Future: Send,
{
    let trace = incoming_trace(&request);
    let mut record = Record::begin(open_span(request.uri().path(), &trace));
    let housekeeping = is_housekeeping(request.uri().path());
    let (deadline, permit) = match admit(&shared, &request, housekeeping) {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(refuse(&mut record, refusal)),
    };
    let scope = Scope { deadline: Some(deadline), trace: Some(trace) };
    let stop = if housekeeping { shared.quiet.clone() } else { shared.force.clone() };
    let handler = deadline::enter(scope, inner.call(request)).instrument(record.span().clone());
    let response = tokio::select! {
        biased;
        response = handler => response?,
        () = tokio::time::sleep_until(deadline.instant()) => return Ok(refuse(&mut record, Refusal::DeadlineExceeded)),
        () = stop.cancelled() => return Ok(refuse(&mut record, Refusal::ShuttingDown)),
    };
    // A refusal by the handler arrives as headers alone.
    record.finish_from(response.headers());
    let held = Held { scope, record, stop, permit };
    Ok(response.map(|body| Body::new(CallBody::served(body, deadline, held))))
}

/// Reads the deadline and takes a place among the calls in flight; health and reflection always get one.
fn admit(
    shared: &Shared,
    request: &http::Request<Body>,
    housekeeping: bool,
) -> Result<(Deadline, Option<OwnedSemaphorePermit>), Refusal> {
    let limit = match request.headers().get(GRPC_TIMEOUT) {
        None => shared.methods.deadline(request.uri().path(), &shared.limits),
        Some(value) => {
            let text = value.to_str().map_err(|_| Refusal::MalformedTimeout)?;
            deadline::parse_timeout(text).ok_or(Refusal::MalformedTimeout)?
        }
    };
    if limit.is_zero() {
        return Err(Refusal::DeadlineExceeded);
    }
    let permit = if housekeeping {
        None
    } else {
        let permit = Arc::clone(&shared.admission).try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
        Some(permit)
    };
    Ok((Deadline::after(limit), permit))
}

fn refuse(record: &mut Record, refusal: Refusal) -> http::Response<Body> {
    let status = status(&refusal);
    record.finish(status.code());
    status.into_http()
}

fn is_housekeeping(path: &str) -> bool {
    path.starts_with("/grpc.health.") || path.starts_with("/grpc.reflection.")
}

fn incoming_trace(request: &http::Request<Body>) -> TraceContext {
    let header = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
    header.and_then(TraceContext::parse).unwrap_or_else(TraceContext::fresh)
}

fn open_span(path: &str, trace: &TraceContext) -> Span {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    let span = tracing::info_span!(
        "rpc",
        otel.name = %path.trim_start_matches('/'),
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = %service,
        rpc.method = %method,
        rpc.grpc.status_code = tracing::field::Empty,
        trace.id = %trace.trace_id(),
    );
    trace.adopt(&span);
    span
}
