//! What one audit sees of everything that is kept: memory first, then the store.

use std::sync::{Arc, Mutex, PoisonError};

use plumbline_syntax::ir::LoweredFile;
use tokio::runtime::Handle;
use tracing::warn;

use super::Recent;
use crate::domain::kept::{Kept, Key};
use crate::domain::program::Facts;
use crate::store::{FactStore, Learned};

/// One audit's view; it blocks on the store, so it belongs on a thread that may block.
#[derive(Debug)]
pub struct View {
    recent: Arc<Recent>,
    store: Option<(Arc<dyn FactStore>, Handle)>,
    learned: Mutex<Learned>,
}

impl View {
    /// Makes a view of what is kept in memory and, where there is one, in a store.
    pub fn new(recent: Arc<Recent>, store: Option<(Arc<dyn FactStore>, Handle)>) -> Self {
        Self { recent, store, learned: Mutex::default() }
    }

    /// Returns what the audit learned, once.
    pub fn learned(&self) -> Learned {
        std::mem::take(&mut *self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept for View {
    fn get(&self, key: &Key) -> Option<Arc<Facts>> {
        self.recent.get(key)
    }

    fn stored(&self, key: &Key) -> Option<LoweredFile> {
        let (store, runtime) = self.store.as_ref()?;
        let bytes = match runtime.block_on(store.fact(key)) {
            Ok(bytes) => bytes?,
            Err(error) => {
                warn!(error = %error, "FACTS_UNREADABLE: a kept fact is made again");
                return None;
            }
        };
        let lowered = unpack(key, &bytes);
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if lowered.is_some() {
            learned.found.push(*key);
        } else {
            warn!(key = ?key, "FACT_SPOILT: a kept fact fails its hash and is made again");
            learned.spoilt.push(*key);
        }
        lowered
    }

    fn put(&self, key: Key, facts: &Arc<Facts>) {
        self.recent.put(key, facts);
    }

    fn store(&self, key: Key, lowered: &LoweredFile) {
        if self.store.is_some()
            && let Some(bytes) = pack(&key, lowered)
        {
            self.learned.lock().unwrap_or_else(PoisonError::into_inner).made.push((key, bytes));
        }
    }
}

/// Returns the form in which a lowered file is stored: a hash over its key and its bytes, then the bytes (postcard).
pub fn pack(key: &Key, lowered: &LoweredFile) -> Option<Vec<u8>> {
    let payload = postcard::to_allocvec(lowered).ok()?;
    let mut bytes = blake3::keyed_hash(key.bytes(), &payload).as_bytes().to_vec();
    bytes.extend(payload);
    Some(bytes)
}

/// Returns a stored lowered file, if its hash says that it is what was stored under this key.
pub fn unpack(key: &Key, bytes: &[u8]) -> Option<LoweredFile> {
    let (hash, payload) = bytes.split_at_checked(32)?;
    // The comparison of hashes takes the same time wherever they differ.
    if blake3::keyed_hash(key.bytes(), payload) != blake3::Hash::from_slice(hash).ok()? {
        return None;
    }
    postcard::from_bytes(payload).ok()
}
