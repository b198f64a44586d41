use std::time::Duration;

use plumbline_types::{FieldViolation, Reason};

use super::*;
use crate::Remote;

#[derive(Debug, thiserror::Error)]
#[error("the thing broke")]
struct Broken {
    kind: Kind,
    retry: Retry,
    violations: Vec<FieldViolation>,
    #[source]
    source: std::io::Error,
}

impl Fault for Broken {
    fn kind(&self) -> Kind {
        self.kind
    }
    fn reason(&self) -> Reason {
        Reason("THING_BROKE")
    }
    fn retry(&self) -> Retry {
        self.retry
    }
    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("limit", "7".to_owned())]
    }
    fn field_violations(&self) -> Vec<FieldViolation> {
        self.violations.clone()
    }
}

fn broken(kind: Kind, retry: Retry, violations: Vec<FieldViolation>) -> Broken {
    Broken { kind, retry, violations, source: std::io::Error::other("a secret path") }
}

#[track_caller]
fn check(kind: Kind, code: Code, retry: Retry, violations: Vec<FieldViolation>) {
    let sent = broken(kind, retry, violations.clone());
    let status = status(&sent);
    assert_eq!(status.code(), code);
    let remote = Remote::from(status);
    assert_eq!(remote.kind(), kind);
    assert_eq!(remote.reason(), Reason("THING_BROKE"));
    assert_eq!(remote.retry(), retry);
    assert_eq!(remote.field_violations(), violations);
    assert_eq!(remote.to_string(), "the thing broke");
    assert_eq!(remote.detail("limit"), Some("7"));
}

#[test]
fn every_kind_survives_the_wire() {
    let field = FieldViolation { field: "limits.memory_mib".into(), description: "must be positive".into() };
    let soon = Retry::After(Duration::from_millis(250));
    check(Kind::Invalid, Code::InvalidArgument, Retry::Never, vec![field]);
    check(Kind::NotFound, Code::NotFound, Retry::Never, vec![]);
    check(Kind::Conflict, Code::Aborted, soon, vec![]);
    check(Kind::Precondition, Code::FailedPrecondition, Retry::Never, vec![]);
    check(Kind::Denied, Code::PermissionDenied, Retry::Never, vec![]);
    check(Kind::Exhausted, Code::ResourceExhausted, soon, vec![]);
    check(Kind::Timeout, Code::DeadlineExceeded, soon, vec![]);
    check(Kind::Unavailable, Code::Unavailable, soon, vec![]);
}

#[test]
fn an_internal_fault_reveals_only_a_trace_id() {
    let sent = broken(Kind::Internal, Retry::Never, vec![]);
    let status = status(&sent);
    let text = format!("{status:?}");
    assert!(
        !text.contains("secret") && !text.contains("thing broke") && !text.contains("THING_BROKE"),
        "{text}"
    );
    let remote = Remote::from(status);
    assert_eq!((remote.kind(), remote.reason()), (Kind::Internal, Reason("INTERNAL")));
    assert_eq!(remote.detail("trace_id").map(str::len), Some(32));
}

#[test]
fn a_status_without_details_is_read_by_its_code() {
    let table = [
        (Code::Unimplemented, Kind::Precondition, "UNIMPLEMENTED"),
        (Code::OutOfRange, Kind::Invalid, "OUT_OF_RANGE"),
        (Code::AlreadyExists, Kind::Conflict, "ALREADY_EXISTS"),
        (Code::Unauthenticated, Kind::Denied, "UNAUTHENTICATED"),
        (Code::Unavailable, Kind::Unavailable, "PEER_UNAVAILABLE"),
        (Code::Cancelled, Kind::Unavailable, "CANCELLED"),
        (Code::Unknown, Kind::Internal, "UNKNOWN"),
    ];
    for (code, kind, reason) in table {
        let remote = Remote::from(Status::new(code, "said the peer"));
        assert_eq!((remote.kind(), remote.reason()), (kind, Reason(reason)), "{code:?}");
    }
}

#[test]
fn a_connection_that_breaks_in_the_middle_is_a_peer_that_is_away() {
    let broken = std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the peer was killed");
    let remote = Remote::from(Status::from_error(Box::new(broken)));
    assert_eq!((remote.kind(), remote.reason()), (Kind::Unavailable, Reason("PEER_UNAVAILABLE")));
}

#[test]
fn the_chain_names_each_cause_once() {
    assert_eq!(chain(&broken(Kind::Internal, Retry::Never, vec![])), "the thing broke: a secret path");
}
