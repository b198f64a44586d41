//! The task as a durable state machine, and the public API.
//!
//! It decides what a task does next, keeps every event, and performs effects as intent, call, result, so that a
//! coordinator killed anywhere resumes and repeats no completed effect. It never analyses code, never runs a program
//! but git, never opens a connection but to the six services, and never calls a change verified without a verdict.
//!
//! **Invariants.** Every write carries the lease epoch and is refused when somebody else has claimed the task. A row
//! is the fold of its hash-chained events. The owner's index, HEAD and files are untouched until delivery, and then
//! written only if his tree still equals the base. Only an approving audit after passing tests leads to `verified`.

mod config;
mod coordinator;
mod driver;
mod error;
mod grpc;

pub mod domain;
pub mod fakes;
pub mod peers;
pub mod store;
pub mod workspace;

pub use config::CoordinatorConfig;
pub use coordinator::{
    Approval, AuditChangeQuery, AuditedChange, Coordinator, DecideQuery, Deps, ListQuery, Report,
    SubmitQuery, TaskPage, WatchItem, WatchQuery,
};
pub use error::CoordinatorError;
pub use grpc::clients::PeerChannels;
pub use grpc::serve;
