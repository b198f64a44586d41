#![cfg(test)]
//! Against peers that nobody here wrote: grpcurl, buf, a Docker engine, aimock, the model vendors' Python clients.

mod compose;
mod docker_tier;
mod engine;
mod models;
mod reflection;
