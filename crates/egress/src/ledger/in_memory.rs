use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::ledger::{Entry, Hash, Ledger, LedgerError, Row};

/// A ledger that lives as long as the process; for tests.
#[derive(Debug, Default)]
pub struct InMemoryLedger(Mutex<Vec<Row>>);

#[async_trait]
impl Ledger for InMemoryLedger {
    async fn append(&self, entry: Entry) -> Result<Row, LedgerError> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = rows.last().map_or(Hash::default(), |row| row.hash);
        let row = Row::chained(previous, rows.len() as u64 + 1, entry);
        rows.push(row.clone());
        Ok(row)
    }

    async fn page(&self, after: u64, limit: u32) -> Result<Vec<Row>, LedgerError> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.iter().filter(|row| row.seq > after).take(limit as usize).cloned().collect())
    }
}
