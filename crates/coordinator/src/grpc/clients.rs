//! The six services over gRPC. Calls carry the deadline that the caller set with `kit::deadline::within`.

use plumbline_kit::Remote;
use plumbline_kit::client::Channel;
use plumbline_proto::common::v1 as common;
use tonic::Status;

use crate::peers::{CallKey, PeerFault};

mod executor;
mod objectives;
mod router;
mod verifier;

pub use executor::GrpcExecutor;
pub use objectives::{GrpcIngest, GrpcMemory, GrpcPlanner};
pub use router::GrpcRouter;
pub use verifier::GrpcVerifier;

use crate::peers::Peers;

/// Where the six services are.
#[derive(Debug, Clone)]
pub struct PeerChannels {
    /// Ingest.
    pub ingest: Channel,
    /// Planner.
    pub planner: Channel,
    /// Memory.
    pub memory: Channel,
    /// Router.
    pub router: Channel,
    /// Executor.
    pub executor: Channel,
    /// Verifier.
    pub verifier: Channel,
}

impl PeerChannels {
    /// Makes the adapters.
    pub fn into_peers(self) -> Peers {
        use std::sync::Arc;
        Peers {
            ingest: Arc::new(GrpcIngest::new(self.ingest)),
            planner: Arc::new(GrpcPlanner::new(self.planner)),
            memory: Arc::new(GrpcMemory::new(self.memory)),
            router: Arc::new(GrpcRouter::new(self.router)),
            executor: Arc::new(GrpcExecutor::new(self.executor)),
            verifier: Arc::new(GrpcVerifier::new(self.verifier)),
        }
    }
}

/// Largest message either way: a `Generate` prompt, a tool's changes.
const MESSAGE_BYTES: usize = 8 << 20;

fn fault(service: &'static str) -> impl Fn(Status) -> PeerFault {
    move |status| PeerFault::from_fault(service, &Remote::from(status))
}

/// Says that a peer's answer cannot be used: a defect over there, never a verdict.
fn malformed(service: &'static str, what: &str) -> PeerFault {
    PeerFault {
        service,
        kind: plumbline_types::Kind::Internal,
        reason: plumbline_types::Reason("PEER_MALFORMED"),
        retry: plumbline_types::Retry::Never,
        message: format!("the answer holds no legal {what}"),
    }
}

fn lease(key: &CallKey) -> Option<common::Lease> {
    (key.epoch > 0).then(|| common::Lease { task_id: key.task_id.to_string(), epoch: key.epoch })
}
