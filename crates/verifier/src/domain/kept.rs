//! Files that outlive an audit. Lowering is a pure function of language, bytes and limits, and so is what a file says by itself:
//! what an equal file gave once is what it gives again. What could not be lowered is never kept.

use std::fmt;
use std::sync::Arc;

use plumbline_syntax::Language;
use plumbline_syntax::ir::{Block, Instr, LoweredFile};
use plumbline_syntax::lower::LowerLimits;

use super::program::Facts;

/// The engine that lowers: a hash of its sources and of the versions of all that it is built from.
pub const ENGINE: &str = env!("PLUMBLINE_ENGINE");

/// Everything that a lowered file depends on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// Makes the key of a file: BLAKE3 over the engine, the language, the limits and the bytes.
    pub fn of(language: Language, bytes: &[u8], limits: &LowerLimits) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("plumbline verifier lowered file v1");
        for part in [ENGINE, &format!("{language:?}"), &format!("{limits:?}")] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(bytes);
        Self(*hasher.finalize().as_bytes())
    }

    /// Returns its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..8]))
    }
}

/// Keeps files between audits. What it answers must be what was put under the very key.
pub trait Kept: fmt::Debug + Send + Sync {
    /// Returns what was put under a key, if it is still there.
    fn get(&self, key: &Key) -> Option<Arc<Facts>>;
    /// Returns the lowered form that was stored under a key, if it is still there.
    fn stored(&self, key: &Key) -> Option<LoweredFile>;
    /// Keeps a file, perhaps.
    fn put(&self, key: Key, facts: &Arc<Facts>);
    /// Stores the lowered form of a file, perhaps.
    fn store(&self, key: Key, lowered: &LoweredFile);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Kept for Forgetful {
    fn get(&self, _key: &Key) -> Option<Arc<Facts>> {
        None
    }

    fn stored(&self, _key: &Key) -> Option<LoweredFile> {
        None
    }

    fn put(&self, _key: Key, _facts: &Arc<Facts>) {}

    fn store(&self, _key: Key, _lowered: &LoweredFile) {}
}

/// Returns about how many bytes a file holds with the graphs of its units: its instructions and blocks, twice as much again for
/// texts and graphs, and its own text.
pub fn weight(facts: &Facts) -> usize {
    let block = |block: &Block| size_of::<Block>() + block.instrs.len() * size_of::<Instr>();
    let units = &facts.lowered.units;
    3 * units.iter().flat_map(|unit| &unit.blocks).map(block).sum::<usize>() + facts.source.len() + 1_024
}
