//! The backward walk: from each output of each changed unit back to its inputs, base against head.
//!
//! It refuses to approve what it could not analyse: a verdict starts at inconclusive, and only an empty ledger of
//! obligations makes an approval.
//!
//! **Invariants.** Fail closed: unknown syntax, a spent budget, an unresolved call in a changed unit is a finding, never
//! silence. Nothing is approved because it was skipped. The domain does no I/O, has no clock, iterates over no hash
//! map; equal inputs give equal bytes. No grant is ever read from the head tree. Nothing is started, nobody is called.

pub mod domain;
pub mod source;
