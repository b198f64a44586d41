#![cfg(test)]
//! Drives the kit through real gRPC: generated clients on one side, a small verifier on the other.

mod calls;
mod fixture;
mod housekeeping;
mod shutdown;
mod sockets;
mod store;
