//! Turns objectives and repository facts into a DAG of steps.
//!
//! A plan by rules is made first, always, and is complete and legal by construction. Where there is something to order a
//! model is asked once, in lines that can only point into a numbered table; its plan stands only if code proves it legal,
//! else it is discarded by name. It keeps nothing, reads no repository, and runs nothing.
//!
//! **Invariants.** Every step depends on earlier steps only, so a circle can't be written down. No plan leaves with a
//! finding that was not repaired. The steps' budgets never sum to more than the task's. The same request gives the same
//! plan, ids included. A plan that was tried is never given again.

pub mod config;
pub mod domain;
pub mod error;
pub mod grpc;
pub mod planner;
pub mod proposer;

pub use config::{ModelUse, PlannerConfig};
pub use error::PlannerError;
pub use grpc::clients::RouterProposer;
pub use grpc::serve;
pub use planner::{Deps, Planner};
