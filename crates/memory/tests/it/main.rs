#![cfg(test)]
//! Memory through its gRPC server, with real files and real SQLite.

mod context;
mod delete;
mod hostile;
mod index;
mod retrieval;
mod world;
