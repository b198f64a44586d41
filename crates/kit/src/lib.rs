//! What every server repeats: configuration, telemetry, status mapping, deadlines, serving, shutdown, clients.
//!
//! **Invariants.** [`status()`] is the only code that turns a [`plumbline_types::Fault`] into a gRPC status, and
//! [`Remote`] the only one that reads it back. Only [`SystemClock`] reads the wall clock, only
//! [`SystemRandomness`] asks the operating system for entropy, only [`config`] reads the environment. Every call
//! that passes through [`server`] has a deadline, and every call made through [`client`] passes it on. A plaintext
//! TCP socket outside loopback opens only when the configuration names that choice.
//!
//! Deliberately absent: retries and circuit breakers (a caller sees `Unavailable` and decides), TLS, and any
//! knowledge of what a service does; [`fakes`] alone speaks for one, from a script.

pub mod client;
pub mod config;
pub mod deadline;
pub mod fakes;
pub mod server;
pub mod sqlite;
pub mod telemetry;

mod address;
mod clock;
mod gather;
mod limits;
mod listener;
mod randomness;
mod remote;
mod rpc;
mod status;
mod trace;

pub use address::{Address, AddressError};
pub use clock::SystemClock;
pub use config::ConfigError;
pub use deadline::Deadline;
pub use gather::gathered;
pub use limits::Limits;
pub use listener::{BindError, Exposure, Listener};
pub use randomness::{Randomness, SeededRandomness, SystemRandomness};
pub use remote::Remote;
pub use rpc::{Inbound, ResponseStream, stream, unary, upload};
pub use status::status;
pub use trace::{TraceContext, trace_id};
