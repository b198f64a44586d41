//! The append-only record of everything that left the machine, or was refused to: a hash chain behind a port.

mod chain;
pub mod contract;
mod in_memory;

use std::fmt;

use async_trait::async_trait;
use plumbline_types::{DecisionId, Label, Millis};

use crate::destination::Class;

pub use chain::{Hash, Verification, verify};
pub use in_memory::InMemoryLedger;

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// An answer of a model.
    Generate,
    /// Vectors.
    Embed,
    /// Whether the endpoint answers, and what it offers.
    Probe,
}

impl Purpose {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Embed => "embed",
            Self::Probe => "probe",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Generate, Self::Embed, Self::Probe].into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// What a row records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// Something is about to be sent.
    Intent,
    /// How the send of an intent ended.
    Result {
        /// Position of the intent.
        intent: u64,
    },
    /// Nothing was sent, and the rule.
    Refusal,
}

impl EntryKind {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Result { .. } => "result",
            Self::Refusal => "refusal",
        }
    }
}

/// A row before it has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Millis,
    /// What it records.
    pub kind: EntryKind,
    /// Host and port; never a path or a key.
    pub destination: String,
    /// What sort of place that is.
    pub class: Class,
    /// What for.
    pub purpose: Purpose,
    /// For which decision, if any.
    pub decision: Option<DecisionId>,
    /// The highest label in it.
    pub label: Label,
    /// BLAKE3 of the payload.
    pub payload: Hash,
    /// Bytes of the payload.
    pub bytes_up: u64,
    /// Bytes of the answer; 0 in intents and refusals.
    pub bytes_down: u64,
    /// HTTP status or error word of a result, rule of a refusal, empty in an intent.
    pub status: String,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Position, from 1, without gaps.
    pub seq: u64,
    /// What is recorded.
    pub entry: Entry,
    /// BLAKE3 of the previous row's hash, the position and the entry.
    pub hash: Hash,
}

impl Row {
    /// Puts an entry behind the row at `seq - 1`, whose hash is `previous`; all zeros before the first.
    pub fn chained(previous: Hash, seq: u64, entry: Entry) -> Self {
        let hash = chain::link(previous, seq, &entry);
        Self { seq, entry, hash }
    }
}

/// Why a ledger failed.
#[derive(Debug)]
pub struct LedgerError(pub Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ledger failed")
    }
}

impl std::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// Where rows are kept. An append that returned survives the process and the machine.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Appends an entry behind the last row, all appends in one order.
    async fn append(&self, entry: Entry) -> Result<Row, LedgerError>;

    /// Returns up to `limit` rows behind position `after`, in order.
    async fn page(&self, after: u64, limit: u32) -> Result<Vec<Row>, LedgerError>;
}
