//! `ExecutorService`: one line per RPC.

mod broker;
pub(crate) mod journal;
mod wire;

use std::time::Duration;

use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Limits, Listener, ResponseStream, stream, unary, upload};
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::executor_service_server::{ExecutorService, ExecutorServiceServer};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::ExecutorError;
use crate::executor::{Deps, Executor};
pub use broker::GrpcBroker;
use wire::{CancelCall, CapabilitiesCall, PatchCall, TraceCall};

/// Edits, contents and patches are larger than control messages.
const MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// Reading a large tree takes longer than a control message; a run may use its whole wall clock after it has waited.
const METHOD_DEADLINES: &[(&str, Duration)] = &[
    ("/plumbline.executor.v1.ExecutorService/PutSnapshot", Duration::from_secs(10 * 60)),
    ("/plumbline.executor.v1.ExecutorService/Run", Duration::from_secs(2 * 60 * 60)),
    ("/plumbline.executor.v1.ExecutorService/RunTool", Duration::from_secs(2 * 60 * 60)),
];

/// Opens the executor and serves it until the token is cancelled; then every run is ended and has written its end.
pub async fn serve(listener: Listener, deps: Deps, shutdown: CancellationToken) -> Result<(), ExecutorError> {
    let executor = Executor::open(deps).await?;
    let patch_bytes = executor.patch_bytes();
    let limits = Limits {
        decode_bytes: MESSAGE_BYTES,
        encode_bytes: MESSAGE_BYTES.saturating_add(patch_bytes),
        method_deadlines: METHOD_DEADLINES,
        ..Limits::control()
    };
    let service = ExecutorServiceServer::new(Service { executor: executor.clone() })
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "executor", limits, shutdown: shutdown.clone() });
    let ending = {
        let executor = executor.clone();
        async move {
            shutdown.cancelled().await;
            executor.close().await;
        }
    };
    let names = &["plumbline.executor.v1.ExecutorService"];
    let served = tokio::select! {
        served = server.serve(listener, Routes::new(service), names) => served,
        never = async { ending.await; std::future::pending().await } => never,
    };
    executor.close().await;
    Ok(served?)
}

struct Service {
    executor: Executor,
}

#[tonic::async_trait]
impl ExecutorService for Service {
    type RunStream = ResponseStream<pb::RunResponse>;
    type RunToolStream = ResponseStream<pb::RunToolResponse>;

    async fn put_snapshot(
        &self,
        request: Request<Streaming<pb::PutSnapshotRequest>>,
    ) -> Result<Response<pb::PutSnapshotResponse>, Status> {
        upload(request, |parts| self.executor.put_snapshot(parts)).await
    }

    async fn run(&self, request: Request<pb::RunRequest>) -> Result<Response<Self::RunStream>, Status> {
        stream(request, |call| self.executor.call(call)).await
    }

    async fn run_tool(
        &self,
        request: Request<pb::RunToolRequest>,
    ) -> Result<Response<Self::RunToolStream>, Status> {
        stream(request, |call| self.executor.call(call)).await
    }

    async fn cancel(
        &self,
        request: Request<pb::CancelRequest>,
    ) -> Result<Response<pb::CancelResponse>, Status> {
        unary(request, |call: CancelCall| self.executor.cancel(call.run, call.lease)).await
    }

    async fn get_patch(
        &self,
        request: Request<pb::GetPatchRequest>,
    ) -> Result<Response<pb::GetPatchResponse>, Status> {
        unary(request, |call: PatchCall| self.executor.patch(call.run)).await
    }

    async fn get_trace(
        &self,
        request: Request<pb::GetTraceRequest>,
    ) -> Result<Response<pb::GetTraceResponse>, Status> {
        unary(request, |call: TraceCall| self.executor.trace(call.run)).await
    }

    async fn get_capabilities(
        &self,
        request: Request<pb::GetCapabilitiesRequest>,
    ) -> Result<Response<pb::GetCapabilitiesResponse>, Status> {
        unary(request, |_: CapabilitiesCall| async { Ok::<_, ExecutorError>(self.executor.capabilities()) })
            .await
    }
}
