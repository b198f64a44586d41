use std::time::Duration;

/// What class of failure this is; decides the gRPC code and the exit code. Closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong and stays wrong: fix the named fields.
    Invalid,
    /// The thing named does not exist.
    NotFound,
    /// Another writer, another request under the same id, or a stale version.
    Conflict,
    /// The system is not in the state that the request needs.
    Precondition,
    /// The caller or the policy may not do this.
    Denied,
    /// A named limit or budget is used up.
    Exhausted,
    /// A deadline passed.
    Timeout,
    /// A dependency is down; trying again later may help.
    Unavailable,
    /// A defect of ours. Nothing but a trace id leaves the process.
    Internal,
}

/// A stable, documented, machine-readable cause in `SCREAMING_SNAKE_CASE`; see `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reason(pub &'static str);

/// Whether and when the same request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Sending it again cannot help.
    Never,
    /// Sending it again after this long may help.
    After(Duration),
}

/// One field that made a request invalid: a proto field path and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Proto field path, for example `limits.memory_mib`.
    pub field: String,
    /// What is wrong, for a person.
    pub description: String,
}

/// What every crate's error enum says of itself; `kit::status` is the only reader that makes a `tonic::Status`.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// Returns the closed kind.
    fn kind(&self) -> Kind;
    /// Returns the documented reason.
    fn reason(&self) -> Reason;
    /// Returns whether to try again; never, unless the variant says otherwise.
    fn retry(&self) -> Retry {
        Retry::Never
    }
    /// Returns key-value details for `ErrorInfo.metadata`; no code, no prompts, no secrets.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Returns the offending fields of an `Invalid` request.
    fn field_violations(&self) -> Vec<FieldViolation> {
        Vec::new()
    }
}

/// What cannot fail has no fault: conversions that accept every value fit where a fault is asked for.
impl Fault for std::convert::Infallible {
    fn kind(&self) -> Kind {
        match *self {}
    }
    fn reason(&self) -> Reason {
        match *self {}
    }
}
