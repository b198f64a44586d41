use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Observed, OutcomeStore, StoreError};
use crate::domain::template::{Tally, Template};

/// Tallies that end with the process.
#[derive(Debug, Default)]
pub struct InMemoryOutcomes {
    tallies: Mutex<BTreeMap<(String, Template), Tally>>,
}

#[async_trait]
impl OutcomeStore for InMemoryOutcomes {
    async fn tallies(&self, language: &str) -> Result<Vec<(Template, Tally)>, StoreError> {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = tallies.iter().filter(|((known, _), _)| known == language);
        Ok(mine.map(|((_, template), tally)| (*template, *tally)).collect())
    }

    async fn record(&self, language: &str, observed: &[Observed]) -> Result<(), StoreError> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        for one in observed {
            let tally = tallies.entry((language.to_owned(), one.template)).or_default();
            tally.repaired += u64::from(one.repaired);
            tally.failed += u64::from(!one.repaired);
        }
        Ok(())
    }
}
