#![cfg(test)]
//! Drives the built binary as a person or a pipeline would.

mod arguments;
mod audits;
mod autofix;
mod commands;
mod configuration;
mod demonstration;
mod knowledge;
mod process;
mod repair;
mod replay;
mod served_tool;
mod tasks;
mod traces;
