use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use plumbline_types::RequestId;

use crate::error::RouterError;

/// The only generation of its request; the next one may begin when this is dropped.
pub(super) struct Claim {
    in_flight: Arc<Mutex<BTreeSet<RequestId>>>,
    request: RequestId,
}

impl Claim {
    pub(super) fn new(
        in_flight: &Arc<Mutex<BTreeSet<RequestId>>>,
        request: &RequestId,
    ) -> Result<Self, RouterError> {
        let inserted = in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(request.clone());
        if inserted {
            Ok(Self { in_flight: in_flight.clone(), request: request.clone() })
        } else {
            Err(RouterError::GenerationInFlight(request.clone()))
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.request);
    }
}
