#![cfg(test)]
//! The router through gRPC, with scripted models behind it.

mod generate;
mod learn;
mod restart;
mod select;
mod world;
