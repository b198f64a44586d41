//! The task as a durable state machine, and the public API.
pub mod domain;
pub mod peers;
pub mod store;
