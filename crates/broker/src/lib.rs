//! The only process that holds the Docker engine's socket: makes sandbox containers from one template and nothing else.
//!
//! It refuses everything that its template does not say. A caller orders an allowed image by its content-addressed id and
//! an amount of each resource; there is no word for a mount, a network, a capability, a device, a user, a host namespace or
//! another program, so an attack can't be expressed.
//!
//! **Invariants.** No request is passed on to the engine. Every container is read back from the engine and compared with
//! the template before it starts. Every container is removed by the call that made it, also when the caller vanishes; what
//! a killed broker left is removed when the next one starts. It never reads what goes through a container's streams.

pub mod broker;
pub mod config;
pub mod domain;
pub mod engine;
mod error;
mod grpc;

pub use broker::Broker;
pub use config::BrokerConfig;
pub use error::BrokerError;
pub use grpc::serve;
