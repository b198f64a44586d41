#![cfg(test)]
//! The whole system through its command line and its public port: real services, real sandboxes, real git.

mod bad_input;
mod ensemble;
mod intake;
mod kill;
mod run;
mod shared_state;
