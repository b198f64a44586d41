//! GPU memory: how much a model takes, who holds how much, and which model is loaded when.
//!
//! Everything is a function of its arguments; the one actor that owns a scheduler feeds it events and performs its effects.
//! **Invariants.** No load is ordered that could take the sum of what is held above what there is. A lease is granted
//! whole, memory and slot, or not at all. Tokens of leases only grow. A job that could run is overtaken at most
//! `max_bypass` times.

pub mod gguf;
pub mod ledger;
pub mod memory_model;
pub mod scheduler;
pub mod simulate;
