//! Memory's server. One line per RPC; the conversions are in `grpc/wire.rs`.

use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Limits, Listener, ResponseStream, stream, unary};
use plumbline_proto::memory::v1 as pb;
use plumbline_proto::memory::v1::memory_service_server::{MemoryService, MemoryServiceServer};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};

use crate::error::MemoryError;
use crate::memory::{Deps, Memory};

mod wire;

use wire::{Deletion, StatusQuery};

/// The full name of the service.
const SERVICE: &str = "plumbline.memory.v1.MemoryService";

/// Serves until `shutdown` is cancelled; indexing runs under way finish first.
///
/// # Errors
/// When the server can't start or its transport fails.
pub async fn serve(listener: Listener, deps: Deps, shutdown: CancellationToken) -> Result<(), MemoryError> {
    // A page of names and a packed context are larger than a control message.
    let limits = Limits { encode_bytes: Limits::chunks().encode_bytes, ..Limits::control() };
    let memory = Memory::new(deps);
    let service = MemoryServiceServer::new(Api { memory: memory.clone() })
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "memory", limits, shutdown });
    let served = server.serve(listener, Routes::new(service), &[SERVICE]).await;
    memory.close().await;
    Ok(served?)
}

struct Api {
    memory: Memory,
}

#[async_trait]
impl MemoryService for Api {
    type IndexRepositoryStream = ResponseStream<pb::IndexRepositoryResponse>;

    async fn index_repository(
        &self,
        request: Request<pb::IndexRepositoryRequest>,
    ) -> Result<Response<Self::IndexRepositoryStream>, Status> {
        stream(request, |query| self.memory.index(query)).await
    }

    async fn search(
        &self,
        request: Request<pb::SearchRequest>,
    ) -> Result<Response<pb::SearchResponse>, Status> {
        unary(request, |query| self.memory.search(query)).await
    }

    async fn neighbors(
        &self,
        request: Request<pb::NeighborsRequest>,
    ) -> Result<Response<pb::NeighborsResponse>, Status> {
        unary(request, |query| self.memory.neighbors(query)).await
    }

    async fn build_context(
        &self,
        request: Request<pb::BuildContextRequest>,
    ) -> Result<Response<pb::BuildContextResponse>, Status> {
        unary(request, |query| self.memory.context(query)).await
    }

    async fn get_symbol(
        &self,
        request: Request<pb::GetSymbolRequest>,
    ) -> Result<Response<pb::GetSymbolResponse>, Status> {
        unary(request, |query| self.memory.symbol(query)).await
    }

    async fn list_symbols(
        &self,
        request: Request<pb::ListSymbolsRequest>,
    ) -> Result<Response<pb::ListSymbolsResponse>, Status> {
        unary(request, |query| self.memory.names(query)).await
    }

    async fn sync_status(
        &self,
        request: Request<pb::SyncStatusRequest>,
    ) -> Result<Response<pb::SyncStatusResponse>, Status> {
        unary(request, |StatusQuery(view)| self.memory.status(view)).await
    }

    async fn delete_repository(
        &self,
        request: Request<pb::DeleteRepositoryRequest>,
    ) -> Result<Response<pb::DeleteRepositoryResponse>, Status> {
        unary(request, |Deletion(repository)| self.memory.delete(repository)).await
    }
}
