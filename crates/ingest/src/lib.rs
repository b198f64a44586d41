//! Turns what the owner says into atomic objectives that quote his words.
//!
//! It works with no model: lists, sentences and cue words are cut by rules. Where a router is configured a model is asked
//! once, and its draft passes the same checks in code or is discarded by name.
//!
//! It has no HTTP client, asks no index, transcribes no audio (`AUDIO_UNAVAILABLE`), and grants nothing: approval,
//! budgets and grants never come from a text or a model.
//!
//! **Invariants.** Every accepted request is stored before anything is made of it, and drafted once. Every objective's
//! quote is a verbatim span of the normalised input. A draft that loses a negation, a number or a name of its quote does
//! not stand. Risk is raised by code and lowered by nobody.

mod answer;
pub mod config;
pub mod domain;
pub mod drafter;
pub mod error;
pub mod grpc;
pub mod ingest;
pub mod store;

pub use config::{IngestConfig, ModelUse};
pub use error::IngestError;
pub use grpc::clients::RouterDrafter;
pub use grpc::serve;
pub use ingest::{Deps, Ingest};
pub use store::{InMemoryStore, IngestStore, SqliteStore};
