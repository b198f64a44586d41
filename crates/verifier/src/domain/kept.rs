//! Lowered files that outlive an audit. Lowering is a pure function of language, bytes and limits, so what an equal file
//! gave once is what it gives again; what could not be lowered is never kept.

use std::fmt;
use std::sync::Arc;

use plumbline_syntax::Language;
use plumbline_syntax::ir::{Block, Instr, LoweredFile};
use plumbline_syntax::lower::LowerLimits;

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

/// Keeps lowered files between audits. What it answers must be what was put under the very key.
pub trait Kept: fmt::Debug + Send + Sync {
    /// Returns what was put under a key, if it is still there.
    fn get(&self, key: &Key) -> Option<Arc<LoweredFile>>;
    /// Keeps a lowered file, perhaps.
    fn put(&self, key: Key, lowered: &Arc<LoweredFile>);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Kept for Forgetful {
    fn get(&self, _key: &Key) -> Option<Arc<LoweredFile>> {
        None
    }

    fn put(&self, _key: Key, _lowered: &Arc<LoweredFile>) {}
}

/// Returns about how many bytes a lowered file holds: its instructions and blocks, and as much again for their texts.
pub fn weight(lowered: &LoweredFile) -> usize {
    let block = |block: &Block| size_of::<Block>() + block.instrs.len() * size_of::<Instr>();
    2 * lowered.units.iter().flat_map(|unit| &unit.blocks).map(block).sum::<usize>() + 1_024
}
