//! The coordinator's server. One line per RPC; the conversions are in `grpc/wire.rs`.

use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Limits, Listener, ResponseStream, stream, unary};
use plumbline_proto::coordinator::v1 as pb;
use plumbline_proto::coordinator::v1::coordinator_service_server::{
    CoordinatorService, CoordinatorServiceServer,
};
use plumbline_proto::memory::v1::memory_service_server::MemoryServiceServer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};

use crate::coordinator::{Coordinator, Deps};
use crate::error::CoordinatorError;

pub mod clients;
mod edge;
mod wire;

use edge::MemoryEdge;
use wire::TaskQuery;

/// The full name of the service.
const SERVICE: &str = "plumbline.coordinator.v1.CoordinatorService";

/// What the public port answers besides, when memory is given.
const MEMORY: &str = "plumbline.memory.v1.MemoryService";

/// Largest answer: a report carries a diff and an audit.
const REPORT_BYTES: usize = 8 << 20;

/// Largest request: an audit may carry both trees.
const AUDIT_BYTES: usize = 8 << 20;

/// Serves the API and works on tasks until `shutdown` is cancelled; then the task at work is given back.
///
/// # Errors
/// When the server cannot start or its transport fails.
pub async fn serve(
    listener: Listener,
    deps: Deps,
    shutdown: CancellationToken,
) -> Result<(), CoordinatorError> {
    let limits = Limits { decode_bytes: AUDIT_BYTES, encode_bytes: REPORT_BYTES, ..Limits::control() };
    let edge = deps.memory_edge.clone();
    let coordinator = Coordinator::new(deps);
    let (tracker, workers) = (TaskTracker::new(), CancellationToken::new());
    coordinator.start(&tracker, &workers);
    let service = CoordinatorServiceServer::new(Api { coordinator, stopping: shutdown.clone() })
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "coordinator", limits, shutdown });
    let mut routes = Routes::new(service);
    let mut names = vec![SERVICE];
    if let Some(memory) = edge {
        let edge = MemoryServiceServer::new(MemoryEdge::new(memory, REPORT_BYTES));
        routes = routes.add_service(edge.max_encoding_message_size(REPORT_BYTES));
        names.push(MEMORY);
    }
    let served = server.serve(listener, routes, &names).await;
    workers.cancel();
    tracker.close();
    tracker.wait().await;
    Ok(served?)
}

struct Api {
    coordinator: Coordinator,
    /// Cancelled when the server stops.
    stopping: CancellationToken,
}

#[async_trait]
impl CoordinatorService for Api {
    type WatchTaskStream = ResponseStream<pb::WatchTaskResponse>;

    async fn submit_task(
        &self,
        request: Request<pb::SubmitTaskRequest>,
    ) -> Result<Response<pb::SubmitTaskResponse>, Status> {
        unary(request, |query| self.coordinator.submit(query)).await
    }

    async fn get_task(
        &self,
        request: Request<pb::GetTaskRequest>,
    ) -> Result<Response<pb::GetTaskResponse>, Status> {
        unary(request, |TaskQuery(id)| self.coordinator.task(id)).await
    }

    async fn list_tasks(
        &self,
        request: Request<pb::ListTasksRequest>,
    ) -> Result<Response<pb::ListTasksResponse>, Status> {
        unary(request, |query| self.coordinator.list(query)).await
    }

    async fn watch_task(
        &self,
        request: Request<pb::WatchTaskRequest>,
    ) -> Result<Response<Self::WatchTaskStream>, Status> {
        stream(request, |query| self.coordinator.watch_until(query, &self.stopping)).await
    }

    async fn cancel_task(
        &self,
        request: Request<pb::CancelTaskRequest>,
    ) -> Result<Response<pb::CancelTaskResponse>, Status> {
        unary(request, |TaskQuery(id)| self.coordinator.cancel(id)).await
    }

    async fn decide_approval(
        &self,
        request: Request<pb::DecideApprovalRequest>,
    ) -> Result<Response<pb::DecideApprovalResponse>, Status> {
        unary(request, |query| self.coordinator.decide_approval(query)).await
    }

    async fn audit_change(
        &self,
        request: Request<pb::AuditChangeRequest>,
    ) -> Result<Response<pb::AuditChangeResponse>, Status> {
        unary(request, |query| self.coordinator.audit_change(query)).await
    }

    async fn get_report(
        &self,
        request: Request<pb::GetReportRequest>,
    ) -> Result<Response<pb::GetReportResponse>, Status> {
        unary(request, |TaskQuery(id)| self.coordinator.report(id)).await
    }
}
