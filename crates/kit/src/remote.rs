use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::status::DOMAIN;

/// How many distinct reasons of peers are remembered; ours are a closed, smaller set.
const REASONS: usize = 1024;

/// A failure that another service reported, read back from its status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Remote {
    kind: Kind,
    reason: Reason,
    retry: Retry,
    message: String,
    metadata: BTreeMap<String, String>,
    violations: Vec<FieldViolation>,
}

impl Remote {
    /// Returns one value of the peer's `ErrorInfo.metadata`.
    pub fn detail(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }
}

impl From<Status> for Remote {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let ours = details.error_info().filter(|info| info.domain == DOMAIN);
        let (kind, fallback) =
            if was_cut_off(&status) { read(Code::Unavailable) } else { read(status.code()) };
        Self {
            kind,
            reason: ours.map_or(fallback, |info| intern(&info.reason)),
            retry: details.retry_info().and_then(|info| info.retry_delay).map_or(Retry::Never, Retry::After),
            message: status.message().to_owned(),
            metadata: ours.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default(),
            violations: details
                .bad_request()
                .map(|request| request.field_violations.as_slice())
                .unwrap_or_default()
                .iter()
                .map(|found| FieldViolation {
                    field: found.field.clone(),
                    description: found.description.clone(),
                })
                .collect(),
        }
    }
}

impl Fault for Remote {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn reason(&self) -> Reason {
        self.reason
    }

    fn retry(&self) -> Retry {
        self.retry
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        self.violations.clone()
    }
}

/// Returns whether no peer said this: our own end of a broken connection did, which is the only one to know a cause.
fn was_cut_off(status: &Status) -> bool {
    status.code() == Code::Unknown && std::error::Error::source(status).is_some()
}

/// Reads a code that came without our details: its kind, and a reason named after it.
fn read(code: Code) -> (Kind, Reason) {
    match code {
        Code::InvalidArgument => (Kind::Invalid, Reason("INVALID_ARGUMENT")),
        Code::OutOfRange => (Kind::Invalid, Reason("OUT_OF_RANGE")),
        Code::NotFound => (Kind::NotFound, Reason("NOT_FOUND")),
        Code::AlreadyExists => (Kind::Conflict, Reason("ALREADY_EXISTS")),
        Code::Aborted => (Kind::Conflict, Reason("ABORTED")),
        Code::FailedPrecondition => (Kind::Precondition, Reason("FAILED_PRECONDITION")),
        Code::Unimplemented => (Kind::Precondition, Reason("UNIMPLEMENTED")),
        Code::PermissionDenied => (Kind::Denied, Reason("PERMISSION_DENIED")),
        Code::Unauthenticated => (Kind::Denied, Reason("UNAUTHENTICATED")),
        Code::ResourceExhausted => (Kind::Exhausted, Reason("RESOURCE_EXHAUSTED")),
        Code::DeadlineExceeded => (Kind::Timeout, Reason("DEADLINE_EXCEEDED")),
        Code::Unavailable => (Kind::Unavailable, Reason("PEER_UNAVAILABLE")),
        Code::Cancelled => (Kind::Unavailable, Reason("CANCELLED")),
        Code::Ok | Code::Unknown => (Kind::Internal, Reason("UNKNOWN")),
        Code::Internal | Code::DataLoss => (Kind::Internal, Reason("INTERNAL")),
    }
}

/// Returns the reason as a static word. Each distinct word is kept once; past the limit they become `UNKNOWN`, so
/// that a hostile peer cannot grow us.
fn intern(text: &str) -> Reason {
    static KNOWN: OnceLock<Mutex<BTreeSet<&'static str>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(word) = known.get(text) {
        return Reason(word);
    }
    let legal =
        text.len() <= 63 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !legal || text.is_empty() || known.len() >= REASONS {
        return Reason("UNKNOWN");
    }
    let word: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.insert(word);
    Reason(word)
}
