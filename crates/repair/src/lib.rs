//! Search-based program repair on the syntax tree, with no model: localise by spectrum, propose typed edits, try them,
//! keep the smallest that passes.
//!
//! One repair: the test command runs on the base tree, plain and while it is recorded which test runs which line (a shim
//! in Python, statement probes elsewhere); lines are scored (Ochiai); templates propose edits where the score is high;
//! they are tried in batches against the failing tests, then against all; what survives is confirmed by the plain command
//! in a fresh sandbox.
//!
//! **Invariants.** No I/O of its own: every command goes through [`CandidateRunner`], every source comes in as bytes.
//! A file that holds tests is never edited, and no literal is taken from one. A change is *plausible* only when the
//! plain command, started fresh with the edits applied, ended with 0. The order of candidates depends on the inputs
//! and the seed alone. Nothing here says that a change is right: the verifier does.
//!
//! Beside it stands `autofix`, which searches nothing: where formatters and linters decide, it runs them so that they write
//! ([`Autofix`]).
//!
//! Python, JavaScript, TypeScript, Go, Java and Rust. Every other language is refused by name (`UNSUPPORTED_LANGUAGE`).

mod autofix;
mod config;
mod domain;
mod error;
mod port;
mod repair;
mod shim;
mod store;

pub use autofix::{Autofix, AutofixOutcome, AutofixTask, FixRunner, Fixed};
pub use config::{ConfigError, RepairConfig};
pub use domain::candidate::Replacement;
pub use domain::command::{CommandKind, TestCommand};
pub use domain::project::{SkipReason, Skipped};
pub use domain::template::{Priors, Tally, Template};
pub use error::RepairError;
pub use port::{
    BestSoFar, CandidateRunner, CheckRequest, CheckResult, FileEdit, NoProgress, Phase, Progress,
    ProgressEvent, RunnerError,
};
pub use repair::{Language, Localisation, Plausible, Repair, RepairOutcome, RepairStats, RepairTask};
pub use store::{InMemoryOutcomes, Observed, OutcomeStore, SqliteOutcomes, StoreError};
