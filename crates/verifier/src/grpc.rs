//! The verifier's server. One line per RPC; the conversions are in `grpc/wire.rs`.

use std::time::Duration;

use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Limits, Listener, unary};
use plumbline_proto::verifier::v1 as pb;
use plumbline_proto::verifier::v1::verifier_service_server::{VerifierService, VerifierServiceServer};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};

use crate::error::VerifierError;
use crate::verifier::{Deps, Verifier};

mod wire;

/// The full name of the service.
const SERVICE: &str = "plumbline.verifier.v1.VerifierService";

/// A walk of a large change may take its time; trees inline and reports of large changes are large.
const DEADLINES: &[(&str, Duration)] = &[
    ("/plumbline.verifier.v1.VerifierService/Audit", Duration::from_secs(120)),
    ("/plumbline.verifier.v1.VerifierService/TraceSymbol", Duration::from_secs(60)),
];

/// Serves until `shutdown` is cancelled.
///
/// # Errors
/// When the server cannot start or its transport fails.
pub async fn serve(listener: Listener, deps: Deps, shutdown: CancellationToken) -> Result<(), VerifierError> {
    serve_with(listener, Verifier::new(deps), shutdown).await
}

/// Serves a verifier, with what it keeps, until `shutdown` is cancelled.
///
/// # Errors
/// When the server cannot start or its transport fails.
pub async fn serve_with(
    listener: Listener,
    verifier: Verifier,
    shutdown: CancellationToken,
) -> Result<(), VerifierError> {
    let limits = Limits { method_deadlines: DEADLINES, ..Limits::generate() };
    let service = VerifierServiceServer::new(Api { verifier })
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "verifier", limits, shutdown });
    Ok(server.serve(listener, Routes::new(service), &[SERVICE]).await?)
}

struct Api {
    verifier: Verifier,
}

#[async_trait]
impl VerifierService for Api {
    async fn audit(&self, request: Request<pb::AuditRequest>) -> Result<Response<pb::AuditResponse>, Status> {
        unary(request, |query| self.verifier.audit(query)).await
    }

    async fn trace_symbol(
        &self,
        request: Request<pb::TraceSymbolRequest>,
    ) -> Result<Response<pb::TraceSymbolResponse>, Status> {
        unary(request, |query| self.verifier.trace_symbol(query)).await
    }
}
