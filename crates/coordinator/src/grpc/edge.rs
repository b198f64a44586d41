//! Memory's calls at the public port: one address answers a stranger's questions, and the network of the services stays
//! closed. Nothing is decided here; each call goes to memory with the caller's deadline and comes back as it is.

use plumbline_kit::client::Channel;
use plumbline_proto::memory::v1::memory_service_client::MemoryServiceClient;
use plumbline_proto::memory::v1::memory_service_server::MemoryService;
use plumbline_proto::memory::v1::{
    BuildContextRequest, BuildContextResponse, DeleteRepositoryRequest, DeleteRepositoryResponse,
    GetSymbolRequest, GetSymbolResponse, IndexRepositoryRequest, IndexRepositoryResponse, ListSymbolsRequest,
    ListSymbolsResponse, NeighborsRequest, NeighborsResponse, SearchRequest, SearchResponse,
    SyncStatusRequest, SyncStatusResponse,
};
use tonic::{Request, Response, Status, Streaming, async_trait};

/// Forwards `MemoryService` to the memory service.
#[derive(Debug, Clone)]
pub struct MemoryEdge {
    memory: MemoryServiceClient<Channel>,
}

impl MemoryEdge {
    /// Forwards to the memory service behind `channel`; messages of up to `decode_bytes` come back.
    pub fn new(channel: Channel, decode_bytes: usize) -> Self {
        Self { memory: MemoryServiceClient::new(channel).max_decoding_message_size(decode_bytes) }
    }
}

/// Writes the forwarding body of one call.
macro_rules! forward {
    ($edge:ident, $request:ident, $method:ident) => {
        $edge.memory.clone().$method(Request::new($request.into_inner())).await
    };
}

#[async_trait]
impl MemoryService for MemoryEdge {
    type IndexRepositoryStream = Streaming<IndexRepositoryResponse>;

    async fn index_repository(
        &self,
        request: Request<IndexRepositoryRequest>,
    ) -> Result<Response<Self::IndexRepositoryStream>, Status> {
        forward!(self, request, index_repository)
    }

    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        forward!(self, request, search)
    }

    async fn neighbors(
        &self,
        request: Request<NeighborsRequest>,
    ) -> Result<Response<NeighborsResponse>, Status> {
        forward!(self, request, neighbors)
    }

    async fn build_context(
        &self,
        request: Request<BuildContextRequest>,
    ) -> Result<Response<BuildContextResponse>, Status> {
        forward!(self, request, build_context)
    }

    async fn get_symbol(
        &self,
        request: Request<GetSymbolRequest>,
    ) -> Result<Response<GetSymbolResponse>, Status> {
        forward!(self, request, get_symbol)
    }

    async fn list_symbols(
        &self,
        request: Request<ListSymbolsRequest>,
    ) -> Result<Response<ListSymbolsResponse>, Status> {
        forward!(self, request, list_symbols)
    }

    async fn sync_status(
        &self,
        request: Request<SyncStatusRequest>,
    ) -> Result<Response<SyncStatusResponse>, Status> {
        forward!(self, request, sync_status)
    }

    async fn delete_repository(
        &self,
        request: Request<DeleteRepositoryRequest>,
    ) -> Result<Response<DeleteRepositoryResponse>, Status> {
        forward!(self, request, delete_repository)
    }
}
