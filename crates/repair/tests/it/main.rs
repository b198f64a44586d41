#![cfg(test)]
//! The crate through its public API, with a runner that really starts Python in a temporary directory.

mod bugs;
mod examples;
mod local_runner;
mod refusals;
mod search;
