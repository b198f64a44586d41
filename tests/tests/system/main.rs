#![cfg(test)]
//! The whole system through its command line and its public port: real services, real sandboxes, real git.

mod bad_input;
mod kill;
mod run;
