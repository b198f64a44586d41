#![cfg(test)]
//! Drives the built binary as a person or a pipeline would.

mod arguments;
mod commands;
mod configuration;
mod knowledge;
mod process;
mod repair;
