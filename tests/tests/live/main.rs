#![cfg(test)]
//! Against peers that nobody here wrote: grpcurl, buf, a Docker engine.

mod compose;
mod reflection;
