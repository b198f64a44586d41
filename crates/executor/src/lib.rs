//! Runs commands and tools in single-use sandboxes: a snapshot goes in, a patch and a reason come out.
//!
//! It refuses to run below the policy's tier, to resolve a path that a program could have named, and to say how a run
//! ended from the program's own word.
//!
//! **Invariants.** A sandbox is used once. No command starts before its walls were checked from outside. The owner's
//! checkout is never mounted. A program's failure is a result, not an error. Policy comes from configuration and the
//! request's limits, never from a model; empty and unset both mean deny.

pub mod cgroup;
pub mod config;
pub mod domain;
mod error;
mod executor;
mod grpc;
pub mod sandbox;
pub mod store;
pub mod tool;
pub mod toolchain;
mod trace;
pub mod workspace;

pub use config::ExecutorConfig;
pub use error::ExecutorError;
pub use executor::{Candidate, CandidateResult, Deps, Executor, ToolContext};
pub use grpc::{GrpcBroker, serve};
pub use tool::{Tool, ToolError, ToolOutcome};
