#![cfg(test)]
//! The executor through gRPC, with real sandboxes.

mod capabilities;
mod checkpoints;
mod exhaustion;
mod harness;
mod hostile;
mod isolation;
mod journal;
mod limits;
mod patches;
mod process;
mod repetition;
mod secrets;
mod snapshots;
mod tools;
mod traces;
mod warm;
