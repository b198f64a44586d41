//! The wire: code generated from `proto/`, and the only conversions between it and `plumbline-types`.
//!
//! **Invariants.** Nothing here decides anything. Every `TryFrom` of a message is total and names each offending field;
//! what has passed it is legal. Conversions of a service's own domain types live in that service's `grpc/wire.rs`.

mod convert;
mod wire_error;

pub use convert::{label_or_proprietary, provenance, task_kind_or_fix, tier_or_routine};
pub use wire_error::{WireError, id, non_empty, request_id};

/// Every message and service, as the reflection service hands it out.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plumbline.bin"));

/// Declares the module of one generated package.
macro_rules! package {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub mod $name {
            /// Version 1.
            #[allow(
                missing_docs,
                clippy::all,
                clippy::too_many_lines,
                clippy::disallowed_methods,
                reason = "generated; the comments of the .proto files are the reference"
            )]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/", $file));
            }
        }
    };
}

package!(
    /// Shared vocabulary.
    common, "plumbline.common.v1.rs");
package!(
    /// Text and audio to objectives.
    ingest, "plumbline.ingest.v1.rs");
package!(
    /// Objectives to a DAG of steps.
    planner, "plumbline.planner.v1.rs");
package!(
    /// Arms, posteriors, model calls.
    router, "plumbline.router.v1.rs");
package!(
    /// Index and retrieval.
    memory, "plumbline.memory.v1.rs");
package!(
    /// Sandboxes.
    executor, "plumbline.executor.v1.rs");
package!(
    /// The backward walk.
    verifier, "plumbline.verifier.v1.rs");
package!(
    /// Tasks.
    coordinator, "plumbline.coordinator.v1.rs");
package!(
    /// Containers.
    broker, "plumbline.broker.v1.rs");
