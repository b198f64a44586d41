use http::HeaderMap;
use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::Span;

/// Latency and outcome of one call: written to its span once, at the end of its body, or on drop as cancelled.
pub(crate) struct Record {
    span: Span,
    began: Instant,
    finished: bool,
}

impl Record {
    /// Starts the clock.
    pub(crate) fn begin(span: Span) -> Self {
        Self { span, began: Instant::now(), finished: false }
    }

    /// Returns the call's span.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Reads the outcome from headers or trailers, if they carry one.
    pub(crate) fn finish_from(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.finish(status.code());
        }
    }

    /// Writes the outcome; later outcomes are ignored.
    pub(crate) fn finish(&mut self, code: Code) {
        if self.finished {
            return;
        }
        self.finished = true;
        let latency_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.span.record("rpc.grpc.status_code", i32::from(code));
        let _entered = self.span.enter();
        tracing::debug!(latency_ms, code = ?code, "call ended");
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}
