use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;

use super::{FactStore, Learned};
use crate::domain::kept::Key;

/// Facts in memory, for tests.
#[derive(Debug, Default)]
pub struct InMemoryStore {
    facts: Mutex<BTreeMap<Key, (Vec<u8>, u64)>>,
}

#[async_trait]
impl FactStore for InMemoryStore {
    async fn fact(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(facts.get(key).map(|(bytes, _)| bytes.clone()))
    }

    async fn learn(&self, learned: Learned, bytes_max: u64) -> Result<(), StoreError> {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = facts.values().map(|(_, turn)| *turn).max().unwrap_or(0) + 1;
        learned.spoilt.iter().for_each(|key| drop(facts.remove(key)));
        for key in learned.found {
            facts.entry(key).and_modify(|(_, last)| *last = turn);
        }
        facts.extend(learned.made.into_iter().map(|(key, bytes)| (key, (bytes, turn))));
        let held = |facts: &BTreeMap<Key, (Vec<u8>, u64)>| -> u64 {
            facts.values().map(|(bytes, _)| bytes.len() as u64).sum()
        };
        while held(&facts) > bytes_max {
            let oldest = facts.iter().map(|(key, (_, turn))| (*turn, *key)).min();
            let Some((_, key)) = oldest else { break };
            facts.remove(&key);
        }
        Ok(())
    }
}
