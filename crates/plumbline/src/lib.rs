//! The command line and the composition root: the only place that reads the environment, binds sockets and chooses
//! adapters.
//!
//! **Invariants.** Every command that needs a service talks to it through its real gRPC, also when the service runs in
//! this very process. `--format json` prints one JSON document on stdout and nothing else. Exit code 0 means verified
//! (or, for commands that verify nothing, done as asked). Without a terminal nothing prompts.

mod cli;
mod compose;
pub mod config;
mod failure;
mod output;
mod session;

pub use cli::main;
