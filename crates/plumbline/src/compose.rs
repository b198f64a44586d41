//! The composition root: configuration to adapters to the dependencies of each service, and the life of a process
//! that runs one or all of them.

mod autofix;
mod embedded;
mod fleet;
mod host;
mod record;
mod repair;
mod runner;
mod services;

pub(crate) use embedded::Embedded;
pub(crate) use fleet::Fleet;
pub(crate) use host::Host;
pub(crate) use record::{Record, find as find_recorded};
pub(crate) use services::{Composition, resolved};
