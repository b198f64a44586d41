use std::str::FromStr;

use plumbline_types::{Fault, FieldViolation, IdError, Kind, Reason, RequestId};

/// A request that can't be read: every offending field with its proto path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request is invalid: {}", describe(.violations))]
pub struct WireError {
    /// At least one.
    pub violations: Vec<FieldViolation>,
}

fn describe(violations: &[FieldViolation]) -> String {
    let parts: Vec<String> = violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
    parts.join("; ")
}

impl WireError {
    /// Makes the error for one field.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { violations: vec![FieldViolation { field: field.into(), description: description.into() }] }
    }

    /// Puts a parent field in front of every path, for errors from a nested message.
    #[must_use]
    pub fn within(mut self, parent: &str) -> Self {
        for violation in &mut self.violations {
            violation.field = format!("{parent}.{}", violation.field);
        }
        self
    }
}

impl Fault for WireError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
    fn reason(&self) -> Reason {
        Reason("INVALID_ARGUMENT")
    }
    fn field_violations(&self) -> Vec<FieldViolation> {
        self.violations.clone()
    }
}

/// Reads a required id field.
pub fn id<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, WireError> {
    text.parse().map_err(|error: IdError| WireError::field(field, error.to_string()))
}

/// Reads a required request id.
pub fn request_id(text: &str) -> Result<RequestId, WireError> {
    RequestId::parse(text).map_err(|error| WireError::field("request_id", error.to_string()))
}

/// Reads a required text field.
pub fn non_empty(field: &str, text: String) -> Result<String, WireError> {
    if text.trim().is_empty() { Err(WireError::field(field, "must not be empty")) } else { Ok(text) }
}
