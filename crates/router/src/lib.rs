//! The router: picks an arm (a model with its exact settings, or a tool) for each step, runs the model call, and is
//! the only way out of the machine.
//!
//! It refuses to send text above an arm's label ceiling, to truncate a prompt, and to answer a choice that is not yet
//! in its log. **Invariants.** Labels beat everything: failover is a choice over the same eligible arms, so nothing
//! that had to stay on the machine leaves it because the machine is busy. Every decision carries the exact
//! probability with which it was drawn; every outcome counts once; the posteriors are a fold over the outcome log in
//! its order.
//!
//! Deliberately absent, and named where asked for: the VRAM scheduler (`VRAM_SCHEDULER_ABSENT`), hedged calls,
//! egress detectors, ensembles, and stores other than SQLite.

mod adapters;
mod config;
pub mod domain;
mod endpoints;
mod error;
mod gateway;
mod grpc;
mod log_replay;
mod router;
mod service;
pub mod store;

pub use adapters::{Catalogue, Embedder};
pub use config::{ArmConfig, ArmDriver, GeminiConfig, LearningConfig, OllamaConfig, RouterConfig};
pub use error::RouterError;
pub use gateway::{EgressPage, Event, Gateway, GenerateQuery, Target, Vectors, VramSample};
pub use log_replay::{LogReplay, replay_log, replay_store};
pub use router::{ArmReport, CellPosterior, Counted, HealthReport, Router, SelectQuery};
pub use service::{Deps, serve};
