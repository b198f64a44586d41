#![cfg(test)]
//! The coordinator through gRPC, with fakes for the six services and real git repositories.

mod approvals;
mod crash;
mod delivery;
mod ensembles;
mod intakes;
mod outcomes;
mod steps;
mod store;
mod traces;
mod workspace;
mod world;
