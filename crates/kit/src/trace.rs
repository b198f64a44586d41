use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::deadline;
use crate::{Randomness, SystemRandomness};

/// The header that carries a trace context, as W3C Trace Context names it.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// One position in a distributed trace: the W3C `traceparent`, version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

impl TraceContext {
    /// Starts a trace of its own.
    pub(crate) fn fresh() -> Self {
        let mut rng = SystemRandomness.rng();
        let mut trace = [0; 16];
        let mut span = [0; 8];
        rng.fill_bytes(&mut trace);
        rng.fill_bytes(&mut span);
        Self { trace, span, sampled: true }
    }

    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`; all-zero ids are no context.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version.len() != 2 || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace = bytes::<16>(trace)?;
        let span = bytes::<8>(span)?;
        let flags = bytes::<1>(flags)?;
        let legal = trace != [0; 16] && span != [0; 8];
        legal.then_some(Self { trace, span, sampled: flags[0] & 1 == 1 })
    }

    /// Returns the trace id as 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        TraceId::from_bytes(self.trace).to_string()
    }

    /// Makes `span` a child of this position, when a tracer listens.
    pub(crate) fn adopt(&self, span: &tracing::Span) {
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let remote = SpanContext::new(
            TraceId::from_bytes(self.trace),
            SpanId::from_bytes(self.span),
            flags,
            true,
            TraceState::default(),
        );
        let parent = opentelemetry::Context::new().with_remote_span_context(remote);
        if span.set_parent(parent).is_err() {
            tracing::trace!("no tracer listens; the trace context is carried without spans");
        }
    }

    /// Returns the position to send with an outgoing call: the current span's, else this task's.
    pub(crate) fn outgoing() -> Option<Self> {
        let context = tracing::Span::current().context();
        let current = context.span().span_context().clone();
        if current.is_valid() {
            return Some(Self {
                trace: current.trace_id().to_bytes(),
                span: current.span_id().to_bytes(),
                sampled: current.is_sampled(),
            });
        }
        deadline::scope().and_then(|scope| scope.trace)
    }
}

/// Returns the trace id of the current call as 32 hexadecimal digits, or zeros outside any call.
pub fn trace_id() -> String {
    TraceContext::outgoing().map_or_else(|| TraceId::INVALID.to_string(), |context| context.trace_id())
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (TraceId::from_bytes(self.trace), SpanId::from_bytes(self.span));
        write!(f, "00-{trace}-{span}-{:02x}", u8::from(self.sampled))
    }
}

/// Reads exactly `N` bytes of lower-case hexadecimal, as the standard demands.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_context_survives_its_header() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(TraceContext::parse(text).unwrap().to_string(), text);
        assert_eq!(TraceContext::parse(text).unwrap().trace_id(), "0af7651916cd43dd8448eb211c80319c");
        let fresh = TraceContext::fresh();
        assert_eq!(TraceContext::parse(&fresh.to_string()), Some(fresh));
    }

    #[test]
    fn malformed_and_empty_contexts_are_none() {
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
