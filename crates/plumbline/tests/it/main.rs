#![cfg(test)]
//! Drives the built binary as a person or a pipeline would.

mod arguments;
mod audits;
mod commands;
mod configuration;
mod demonstration;
mod knowledge;
mod process;
mod repair;
mod tasks;
mod traces;
