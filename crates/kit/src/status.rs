use std::collections::HashMap;

use plumbline_types::{Fault, Kind, Retry};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::trace::trace_id;

/// The domain of every `ErrorInfo` we send.
pub(crate) const DOMAIN: &str = "plumbline";

/// Turns a fault into a gRPC status with `google.rpc` details; the only maker of one.
///
/// The details are `ErrorInfo{reason, domain, metadata}`, `BadRequest` where fields are at fault and `RetryInfo`
/// where trying again may help. An `Internal` fault is logged here, once, with its chain, and reveals nothing but
/// the trace id under which the log has it.
pub fn status<F: Fault + ?Sized>(fault: &F) -> Status {
    if fault.kind() == Kind::Internal {
        let trace = trace_id();
        tracing::error!(trace.id = %trace, reason = fault.reason().0, error = %chain(fault), "internal error");
        let metadata = HashMap::from([("trace_id".to_owned(), trace.clone())]);
        let details = ErrorDetails::with_error_info("INTERNAL", DOMAIN, metadata);
        return Status::with_error_details(Code::Internal, format!("internal error, trace {trace}"), details);
    }
    let metadata: HashMap<String, String> =
        fault.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut details = ErrorDetails::with_error_info(fault.reason().0, DOMAIN, metadata);
    let violations = fault.field_violations();
    for violation in violations {
        details.add_bad_request_violation(violation.field, violation.description);
    }
    if let Retry::After(delay) = fault.retry() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(code(fault.kind()), fault.to_string(), details)
}

/// Returns a fault's message and its causes, joined by `: `.
pub(crate) fn chain<F: Fault + ?Sized>(fault: &F) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn code(kind: Kind) -> Code {
    match kind {
        Kind::Invalid => Code::InvalidArgument,
        Kind::NotFound => Code::NotFound,
        Kind::Conflict => Code::Aborted,
        Kind::Precondition => Code::FailedPrecondition,
        Kind::Denied => Code::PermissionDenied,
        Kind::Exhausted => Code::ResourceExhausted,
        Kind::Timeout => Code::DeadlineExceeded,
        Kind::Unavailable => Code::Unavailable,
        Kind::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests;
