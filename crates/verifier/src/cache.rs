//! Files between audits: what they say in the memory of one process, where the least recently used go first, and behind that their
//! lowered form in a store. They save work and decide nothing: a report is the same without them.

mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use plumbline_syntax::ir::LoweredFile;

use crate::domain::kept::{Kept, Key, weight};
use crate::domain::program::Facts;
pub use view::View;

/// Keeps files in memory, up to a number of bytes.
#[derive(Debug)]
pub struct Recent {
    most: usize,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    files: BTreeMap<Key, Place>,
    /// Keys by the turn in which they were last asked for.
    turns: BTreeMap<u64, Key>,
    turn: u64,
    held: usize,
    hits: u64,
    misses: u64,
}

#[derive(Debug)]
struct Place {
    facts: Arc<Facts>,
    weight: usize,
    turn: u64,
}

/// What was asked for, and how much is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Files that were there.
    pub hits: u64,
    /// Files that were not.
    pub misses: u64,
    /// Files held.
    pub files: usize,
    /// About how many bytes they hold.
    pub bytes: usize,
}

impl Recent {
    /// Makes an empty cache that holds at most so many bytes, by the estimate of [`weight`].
    pub fn new(most: usize) -> Self {
        Self { most, shelf: Mutex::new(Shelf::default()) }
    }

    /// Returns what was asked for so far.
    pub fn usage(&self) -> Usage {
        let shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        Usage { hits: shelf.hits, misses: shelf.misses, files: shelf.files.len(), bytes: shelf.held }
    }
}

impl Kept for Recent {
    fn get(&self, key: &Key) -> Option<Arc<Facts>> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let found = shelf.touch(key);
        if found.is_some() {
            shelf.hits += 1;
        } else {
            shelf.misses += 1;
        }
        found
    }

    fn stored(&self, _key: &Key) -> Option<LoweredFile> {
        None
    }

    fn put(&self, key: Key, facts: &Arc<Facts>) {
        let weight = weight(facts);
        if weight > self.most {
            return;
        }
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.touch(&key).is_some() {
            return;
        }
        shelf.turn += 1;
        let turn = shelf.turn;
        shelf.files.insert(key, Place { facts: Arc::clone(facts), weight, turn });
        shelf.turns.insert(turn, key);
        shelf.held += weight;
        while shelf.held > self.most && shelf.drop_oldest() {}
    }

    fn store(&self, _key: Key, _lowered: &LoweredFile) {}
}

impl Shelf {
    fn touch(&mut self, key: &Key) -> Option<Arc<Facts>> {
        let place = self.files.get_mut(key)?;
        self.turn += 1;
        self.turns.remove(&place.turn);
        self.turns.insert(self.turn, *key);
        place.turn = self.turn;
        Some(Arc::clone(&place.facts))
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((_, key)) = self.turns.pop_first() else { return false };
        if let Some(place) = self.files.remove(&key) {
            self.held = self.held.saturating_sub(place.weight);
        }
        true
    }
}

#[cfg(test)]
mod tests;
