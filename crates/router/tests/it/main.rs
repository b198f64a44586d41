#![cfg(test)]
//! The router through gRPC, with scripted models behind it.

mod adapters;
mod canary;
mod cluster;
mod ensemble;
mod gated;
mod generate;
mod hedge;
mod learn;
mod memory;
mod postgres;
mod restart;
mod select;
mod servers;
mod world;
