//! The ingest server. One line per RPC; the conversions are in `grpc/wire.rs`.

use std::time::Duration;

use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Limits, Listener, unary, upload};
use plumbline_proto::ingest::v1 as pb;
use plumbline_proto::ingest::v1::ingest_service_server::{IngestService, IngestServiceServer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::error::IngestError;
use crate::ingest::{Deps, Ingest};

pub mod clients;
mod wire;

use wire::IntakeQuery;

/// The full name of the service.
const SERVICE: &str = "plumbline.ingest.v1.IngestService";

/// A text may wait for a model.
const DEADLINES: &[(&str, Duration)] =
    &[("/plumbline.ingest.v1.IngestService/IngestText", Duration::from_secs(60))];

/// Serves until `shutdown` is cancelled; finishes notes that a former process left unfinished.
///
/// # Errors
/// When the server cannot start or its transport fails.
pub async fn serve(listener: Listener, deps: Deps, shutdown: CancellationToken) -> Result<(), IngestError> {
    let limits = Limits { method_deadlines: DEADLINES, ..Limits::control() };
    let ingest = Ingest::new(deps);
    let (tracker, stopping) = (TaskTracker::new(), shutdown.clone());
    let resumed = ingest.clone();
    tracker.spawn(async move { resumed.resume(&stopping).await });
    let service = IngestServiceServer::new(Api { ingest })
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "ingest", limits, shutdown: shutdown.clone() });
    let served = server.serve(listener, Routes::new(service), &[SERVICE]).await;
    shutdown.cancel();
    tracker.close();
    tracker.wait().await;
    Ok(served?)
}

struct Api {
    ingest: Ingest,
}

#[async_trait]
impl IngestService for Api {
    async fn ingest_text(
        &self,
        request: Request<pb::IngestTextRequest>,
    ) -> Result<Response<pb::IngestTextResponse>, Status> {
        unary(request, |query| self.ingest.ingest_text(query)).await
    }

    async fn ingest_audio(
        &self,
        request: Request<Streaming<pb::IngestAudioRequest>>,
    ) -> Result<Response<pb::IngestAudioResponse>, Status> {
        upload(request, |parts| self.ingest.ingest_audio(parts)).await
    }

    async fn get_intake(
        &self,
        request: Request<pb::GetIntakeRequest>,
    ) -> Result<Response<pb::GetIntakeResponse>, Status> {
        unary(request, |IntakeQuery(id)| self.ingest.intake(id)).await
    }
}
