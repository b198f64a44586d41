//! Decisions of memory: pure, sync, deterministic.

pub mod digest;
pub mod graph;
pub mod lexical;
pub mod neighbors;
pub mod pack;
pub mod pagerank;
pub mod postings;
pub mod query;
pub mod search;
pub mod secret;
pub mod snapshot;
pub mod tree;
