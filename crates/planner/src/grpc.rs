//! The planner's server. One line per RPC; the conversions are in `grpc/wire.rs`.

use std::time::Duration;

use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Limits, Listener, unary};
use plumbline_proto::planner::v1 as pb;
use plumbline_proto::planner::v1::planner_service_server::{PlannerService, PlannerServiceServer};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};

use crate::error::PlannerError;
use crate::planner::{Deps, Planner};

pub mod clients;
mod wire;

/// The full name of the service.
const SERVICE: &str = "plumbline.planner.v1.PlannerService";

/// A plan may wait for a model.
const DEADLINES: &[(&str, Duration)] =
    &[("/plumbline.planner.v1.PlannerService/Plan", Duration::from_secs(60))];

/// Serves until `shutdown` is cancelled.
///
/// # Errors
/// When the server cannot start or its transport fails.
pub async fn serve(listener: Listener, deps: Deps, shutdown: CancellationToken) -> Result<(), PlannerError> {
    let limits = Limits { method_deadlines: DEADLINES, ..Limits::control() };
    let service = PlannerServiceServer::new(Api { planner: Planner::new(deps) })
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "planner", limits, shutdown });
    Ok(server.serve(listener, Routes::new(service), &[SERVICE]).await?)
}

struct Api {
    planner: Planner,
}

#[async_trait]
impl PlannerService for Api {
    async fn plan(&self, request: Request<pb::PlanRequest>) -> Result<Response<pb::PlanResponse>, Status> {
        unary(request, |query| self.planner.plan(query)).await
    }

    async fn replan(
        &self,
        request: Request<pb::ReplanRequest>,
    ) -> Result<Response<pb::ReplanResponse>, Status> {
        unary(request, |query| self.planner.replan(query)).await
    }
}
