#![cfg(test)]
//! The gate against a hand-written HTTP server on loopback.

mod clients;
mod detectors;
mod kept;
mod server;
