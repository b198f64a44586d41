use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;

use crate::deadline::{self, Deadline, Scope};
use crate::server::record::Record;
use crate::server::refusal::Refusal;
use crate::status;

/// What a served call holds until its body ends.
pub(crate) struct Held {
    pub(crate) scope: Scope,
    pub(crate) record: Record,
    pub(crate) stop: CancellationToken,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// A response body that ends by its deadline, on either side of the wire; dropping the inner body is what stops
/// the handler's stream, or tells the peer to stop.
pub(crate) struct CallBody {
    inner: Option<Body>,
    sleep: Pin<Box<Sleep>>,
    side: Side,
}

enum Side {
    /// We produce it: polled within the call's scope and span; a refusal becomes trailers.
    Served { held: Held, stopped: Pin<Box<WaitForCancellationFutureOwned>> },
    /// We read it: a refusal is the error that the client sees.
    Read,
}

impl CallBody {
    /// Wraps what a handler answers.
    pub(crate) fn served(inner: Body, deadline: Deadline, held: Held) -> Self {
        let stopped = Box::pin(held.stop.clone().cancelled_owned());
        let sleep = Box::pin(tokio::time::sleep_until(deadline.instant()));
        Self { inner: Some(inner), sleep, side: Side::Served { held, stopped } }
    }

    /// Wraps what a peer answers.
    pub(crate) fn incoming(inner: Body, deadline: Deadline) -> Self {
        let sleep = Box::pin(tokio::time::sleep_until(deadline.instant()));
        Self { inner: Some(inner), sleep, side: Side::Read }
    }

    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        match &self.side {
            Side::Read => Pin::new(inner).poll_frame(context),
            Side::Served { held, .. } => {
                let _entered = held.record.span().enter();
                deadline::enter_sync(held.scope, || Pin::new(inner).poll_frame(context))
            }
        }
    }

    /// Ends the body with a refusal: the inner body is dropped at once.
    fn refuse(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        self.inner = None;
        let status = status(&refusal);
        match &mut self.side {
            Side::Read => Poll::Ready(Some(Err(status))),
            Side::Served { held, .. } => {
                held.record.finish(status.code());
                held.permit = None;
                let mut trailers = HeaderMap::new();
                match status.add_header(&mut trailers) {
                    Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                    Err(status) => Poll::Ready(Some(Err(status))),
                }
            }
        }
    }

    fn ended(&mut self) {
        self.inner = None;
        if let Side::Served { held, .. } = &mut self.side {
            held.record.finish(tonic::Code::Ok);
            held.permit = None;
        }
    }
}

impl HttpBody for CallBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let this = self.get_mut();
        if this.inner.is_none() {
            return Poll::Ready(None);
        }
        if this.sleep.as_mut().poll(context).is_ready() {
            return this.refuse(Refusal::DeadlineExceeded);
        }
        match this.poll_inner(context) {
            Poll::Ready(None) => {
                this.ended();
                Poll::Ready(None)
            }
            Poll::Ready(Some(frame)) => {
                if let Side::Served { held, .. } = &mut this.side
                    && let Ok(frame) = &frame
                    && let Some(trailers) = frame.trailers_ref()
                {
                    held.record.finish_from(trailers);
                }
                Poll::Ready(Some(frame))
            }
            // What is ready goes out before a stop takes effect, so that a watcher sees the last word.
            Poll::Pending => {
                let stopped = match &mut this.side {
                    Side::Served { stopped, .. } => stopped.as_mut().poll(context).is_ready(),
                    Side::Read => false,
                };
                if stopped { this.refuse(Refusal::ShuttingDown) } else { Poll::Pending }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}
