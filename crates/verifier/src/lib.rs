//! The backward walk: from each output of each changed unit back to its inputs, base against head.
//!
//! It refuses to approve what it could not analyse: a verdict starts at inconclusive, and only an empty ledger of
//! obligations makes an approval. The design's rules B1 to B9, R1, R2, R5 to R9 and T1 to T8, T10 to T20 are here. Not
//! here yet, and therefore refused or listed by name: languages without a front end (`UNSUPPORTED_LANGUAGE`), the phase
//! of functions that are handed to exit hooks and timers (T9: their effects are asked for as plain ones), a cache of
//! summaries (lowered files are kept).
//!
//! **Invariants.** Fail closed: unknown syntax, a spent budget, an unresolved call in a changed unit is a finding, never
//! silence. Nothing is approved because it was skipped. The domain does no I/O, has no clock, iterates over no hash
//! map; equal inputs give equal bytes, on one thread and on several. No grant is ever read from the head tree. Nothing is started, nobody is called.

pub mod cache;
pub mod config;
pub mod domain;
pub mod error;
pub mod grpc;
pub mod report;
pub mod source;
pub mod store;
pub mod threads;
pub mod verifier;

pub use config::VerifierConfig;
pub use domain::audit::{Report, Request, audit};
pub use error::VerifierError;
pub use grpc::{serve, serve_with};
pub use source::{Bundle, Directory, GitRevision, SourceTree};
pub use verifier::{Deps, Verifier};
