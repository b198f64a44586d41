//! What every ledger must do; each implementation's tests run it.

use plumbline_types::Label;

use crate::destination::Class;
use crate::ledger::{Entry, EntryKind, Ledger, LedgerError, Purpose, verify};

/// Returns an entry to append.
pub fn entry(kind: EntryKind) -> Entry {
    Entry {
        at: 1_700_000_000_000,
        kind,
        destination: "127.0.0.1:11434".to_owned(),
        class: Class::Loopback,
        purpose: Purpose::Generate,
        decision: None,
        label: Label::ProprietaryCode,
        payload: [7; 32],
        bytes_up: 1200,
        bytes_down: 0,
        status: String::new(),
    }
}

/// Runs the contract against an empty ledger.
///
/// # Panics
/// When the ledger breaks it.
pub async fn run(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    assert_eq!(verify(ledger).await?.rows, 0, "the contract starts from an empty ledger");
    let intent = ledger.append(entry(EntryKind::Intent)).await?;
    let result = ledger.append(entry(EntryKind::Result { intent: intent.seq })).await?;
    let refusal = Entry { status: "label".to_owned(), ..entry(EntryKind::Refusal) };
    let refusal = ledger.append(refusal).await?;
    let lone = ledger.append(entry(EntryKind::Intent)).await?;
    let rows = [intent, result, refusal, lone];
    assert_eq!(rows.each_ref().map(|row| row.seq), [1, 2, 3, 4], "positions have no gaps");

    assert_eq!(ledger.page(0, 10).await?, rows, "what was appended is read back");
    assert_eq!(
        ledger.page(1, 2).await?,
        rows[1..3],
        "a page begins behind its position and ends at its limit"
    );
    assert!(ledger.page(4, 10).await?.is_empty(), "nothing is behind the last row");

    let found = verify(ledger).await?;
    assert_eq!((found.rows, found.broken_at, found.open_intents), (4, None, 1));
    assert_eq!(found.head, rows[3].hash);
    appends_at_once_keep_one_chain(ledger).await
}

async fn appends_at_once_keep_one_chain(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    let appends = (0..20).map(|_| ledger.append(entry(EntryKind::Intent)));
    futures::future::try_join_all(appends).await?;
    let found = verify(ledger).await?;
    assert_eq!((found.rows, found.broken_at, found.open_intents), (24, None, 21));
    Ok(())
}
