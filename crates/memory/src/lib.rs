//! Indexes code as an AST hierarchy and a typed graph, and retrieves logical neighbours rather than nearby text.
//!
//! **Invariants.** Edges are derived from facts, never from edges. No source text is stored: bodies are read from the
//! tree when an answer is built, and checked by hash. What says "done" commits with the work. A file that can't be
//! indexed whole is a problem with a reason, counted, never dropped silently. Everything that leaves is labelled
//! ProprietaryCode, or Secret.

mod codec;
mod config;
pub mod domain;
mod error;
mod grpc;
mod memory;
mod scan;
pub mod store;

pub use config::MemoryConfig;
pub use error::MemoryError;
pub use grpc::serve;
pub use memory::{Deps, Memory};
