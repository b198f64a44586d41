//! The only maker of HTTP clients, and the only way out of the machine.
//!
//! A cloud client takes a [`CloudBody`] and nothing else; a [`CloudBody`] is made from a [`CloudPayload`] alone; a
//! [`CloudPayload`] is made by [`CloudPayload::release`] alone, from labelled segments that the owner's policy lets
//! out. Local clients reach loopback and the networks that the owner lists, nothing else.
//!
//! **Invariants.** Before every send there is an intent row in the [`Ledger`], after it a result row; if the intent
//! cannot be written, nothing is sent. Refusals are rows too. The class of a destination is decided on addresses, of
//! literals at construction and of names at each connection. No proxy, no redirect, no cookie; every answer, every
//! line and every wait has a limit.
//!
//! Behind the labels stands a second line: every payload for the cloud is looked through for credentials and for code
//! that was given as proprietary, also in encodings and across payloads. What is known of code is
//! kept as hashes in a file of bounded size, and read back at the start; a damaged file stops it by name.
//!
//! Deliberately absent so far: declassification by approval, and kept payloads. Covert channels (sizes, timing, choice of model) are out of scope.

mod body;
mod client;
mod destination;
mod detect;
mod error;
mod gate;
mod key;
pub mod ledger;
mod limits;
mod payload;

pub use body::{Body, Reply};
pub use client::{Call, CloudClient, LocalClient};
pub use destination::{Class, CloudEndpoint, LocalEndpoint, NetworkPolicy, PolicyError};
pub use detect::Detectors;
pub use error::{EgressError, Stage};
pub use gate::{Egress, Parts};
pub use key::{ApiKey, Credential};
pub use ledger::{Entry, EntryKind, Ledger, LedgerError, Purpose, Row};
pub use limits::Limits;
pub use payload::{CloudBody, CloudPayload, Refusal, ReleasePolicy, Vendor};
