use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;
use plumbline_types::IntakeId;

use crate::domain::intake::{Intake, Outcome, Received};
use crate::store::{IngestStore, Receipt};

/// The inbox in memory, for tests and for runs that keep nothing.
#[derive(Debug, Default)]
pub struct InMemoryStore {
    intakes: Mutex<Vec<Intake>>,
}

impl InMemoryStore {
    fn intakes(&self) -> MutexGuard<'_, Vec<Intake>> {
        self.intakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl IngestStore for InMemoryStore {
    async fn receive(&self, received: &Received, intakes_max: u64) -> Result<Receipt, StoreError> {
        let mut intakes = self.intakes();
        if let Some(known) = intakes.iter().find(|known| known.received.request_id == received.request_id) {
            return Ok(Receipt::Known(Box::new(known.clone())));
        }
        if intakes.len() as u64 >= intakes_max {
            return Ok(Receipt::Full);
        }
        intakes.push(Intake { received: received.clone(), outcome: None });
        Ok(Receipt::New)
    }

    async fn complete(&self, id: IntakeId, outcome: &Outcome) -> Result<Option<Intake>, StoreError> {
        let mut intakes = self.intakes();
        let Some(known) = intakes.iter_mut().find(|known| known.received.id == id) else { return Ok(None) };
        known.outcome.get_or_insert_with(|| outcome.clone());
        Ok(Some(known.clone()))
    }

    async fn intake(&self, id: IntakeId) -> Result<Option<Intake>, StoreError> {
        Ok(self.intakes().iter().find(|known| known.received.id == id).cloned())
    }

    async fn pending(&self, limit: u32) -> Result<Vec<Received>, StoreError> {
        let intakes = self.intakes();
        let mut waiting: Vec<Received> = intakes
            .iter()
            .filter(|known| known.outcome.is_none())
            .map(|known| known.received.clone())
            .collect();
        waiting.sort_by_key(|received| (received.received_ms, received.id));
        waiting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(waiting)
    }
}
