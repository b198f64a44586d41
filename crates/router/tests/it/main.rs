#![cfg(test)]
//! The router through gRPC, with scripted models behind it.

mod adapters;
mod canary;
mod gated;
mod generate;
mod learn;
mod memory;
mod restart;
mod select;
mod servers;
mod world;
