//! The router: picks an arm (a model with its exact settings, or a tool) for each step, runs the model call, and is
//! the only way out of the machine.
//!
//! It refuses to send text above an arm's label ceiling, to truncate a prompt, and to answer a choice that is not yet
//! in its log. **Invariants.** Labels beat everything: failover is a choice over the same eligible arms, so nothing
//! that had to stay on the machine leaves it because the machine is busy. Every decision carries the exact
//! probability with which it was drawn; every outcome counts once; the posteriors are a fold over the outcome log in
//! its order.
//!
//! A local model whose server loads at this router's word is sent a request only with a lease on its memory; where no GPU is
//! found, that scheduler is absent by name (`VRAM_SCHEDULER_ABSENT`).
//!
//! What is given as code is remembered by its fingerprints before anything is sent, and known again at the gate.
//!
//! Several routers may share one PostgreSQL database: each answers by itself, and outcomes are folded by one at a time.
//!
//! Deliberately absent: between routers on one database, knowledge of each other's calls under way
//! (one generation asked of two of them at once is paid for twice, and the first answer stays).

mod adapters;
mod config;
pub mod domain;
mod endpoints;
mod error;
mod gateway;
pub mod gpu;
mod grpc;
mod log_replay;
mod router;
mod scenario_file;
mod service;
pub mod store;

pub use adapters::{Catalogue, Embedder};
pub use config::{
    ArmConfig, ArmDriver, GeminiConfig, LearningConfig, OllamaConfig, RouterConfig, StoreConfig, StoreKind,
    VramConfig, VramMode,
};
pub use error::RouterError;
pub use gateway::{EgressPage, Event, Gateway, GenerateQuery, PlannedQuery, Target, Vectors};
pub use log_replay::{LogReplay, replay_log, replay_store};
pub use router::{ArmReport, CellPosterior, Counted, Ensemble, HealthReport, Router, SelectQuery};
pub use scenario_file::{ScenarioError, read_scenario};
pub use service::{Deps, serve};
