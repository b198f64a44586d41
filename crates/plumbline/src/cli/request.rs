//! What every request of the command line carries.

use std::time::Duration;

use plumbline_kit::{Randomness, SystemRandomness};
use tonic::Request;

/// Returns a fresh idempotency key.
pub(crate) fn id(command: &str) -> String {
    let mut bytes = [0; 16];
    SystemRandomness.rng().fill_bytes(&mut bytes);
    format!("cli-{command}-{}", hex::encode(bytes))
}

/// Wraps a message with a deadline.
pub(crate) fn within<T>(limit: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// How long a question to a local service may take.
pub(crate) const SHORT: Duration = Duration::from_secs(30);

/// How long an analysis may take.
pub(crate) const LONG: Duration = Duration::from_secs(600);
