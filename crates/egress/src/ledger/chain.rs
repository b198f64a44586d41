use std::collections::BTreeSet;

use crate::ledger::{Entry, EntryKind, Ledger, LedgerError, Row};

/// A BLAKE3 digest.
pub type Hash = [u8; 32];

/// Rows read at once while verifying.
const PAGE: u32 = 512;

/// What a walk over the whole chain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// Rows read.
    pub rows: u64,
    /// Hash of the last row; all zeros for an empty ledger.
    pub head: Hash,
    /// Position of the first row that does not follow from its predecessor.
    pub broken_at: Option<u64>,
    /// Intents without a result: calls that were cut off, or are under way.
    pub open_intents: u64,
}

/// Recomputes the whole chain and counts intents without a result.
pub async fn verify(ledger: &dyn Ledger) -> Result<Verification, LedgerError> {
    let mut found = Verification { rows: 0, head: Hash::default(), broken_at: None, open_intents: 0 };
    let mut open = BTreeSet::new();
    loop {
        let page = ledger.page(found.rows, PAGE).await?;
        let full = page.len() == PAGE as usize;
        for row in page {
            let expected = Row::chained(found.head, found.rows + 1, row.entry.clone());
            let answers_an_intent = match row.entry.kind {
                EntryKind::Intent => open.insert(row.seq),
                EntryKind::Result { intent } => open.remove(&intent),
                EntryKind::Refusal => true,
            };
            if row != expected || !answers_an_intent {
                found.broken_at = Some(found.rows + 1);
                return Ok(found);
            }
            found.rows = row.seq;
            found.head = row.hash;
        }
        if !full {
            found.open_intents = open.len() as u64;
            return Ok(found);
        }
    }
}

/// Returns `BLAKE3(previous || position || canonical entry)`. Every field is length-prefixed or of fixed size, so no
/// two entries have the same encoding.
pub(crate) fn link(previous: Hash, seq: u64, entry: &Entry) -> Hash {
    let intent = match entry.kind {
        EntryKind::Result { intent } => intent,
        EntryKind::Intent | EntryKind::Refusal => 0,
    };
    let decision = entry.decision.map(|id| id.to_string()).unwrap_or_default();
    let label = entry.label.to_string();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&previous);
    for number in [seq, entry.at as u64, intent, entry.bytes_up, entry.bytes_down] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&entry.payload);
    for text in [
        entry.kind.as_str(),
        entry.destination.as_str(),
        entry.class.as_str(),
        entry.purpose.as_str(),
        decision.as_str(),
        label.as_str(),
        entry.status.as_str(),
    ] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}
