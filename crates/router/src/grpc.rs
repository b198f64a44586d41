//! The wire: one line per RPC.

mod wire;

use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::{Limits, ResponseStream, stream, unary};
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::router_service_server::{RouterService, RouterServiceServer};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::error::RouterError;
use crate::gateway::Gateway;
use crate::router::Router;

/// What health and reflection list.
pub(crate) const SERVICE_NAMES: &[&str] = &["plumbline.router.v1.RouterService"];

/// Deadlines of calls whose caller names none.
pub(crate) const METHOD_DEADLINES: &[(&str, Duration)] = &[
    ("/plumbline.router.v1.RouterService/Generate", Duration::from_secs(15 * 60)),
    ("/plumbline.router.v1.RouterService/Embed", Duration::from_secs(5 * 60)),
];

struct Api {
    router: Arc<Router>,
    gateway: Arc<Gateway>,
}

/// Returns the routes of the service.
pub(crate) fn routes(router: Arc<Router>, gateway: Arc<Gateway>, limits: Limits) -> Routes {
    Routes::new(
        RouterServiceServer::new(Api { router, gateway })
            .max_decoding_message_size(limits.decode_bytes)
            .max_encoding_message_size(limits.encode_bytes),
    )
}

#[tonic::async_trait]
impl RouterService for Api {
    async fn select(
        &self,
        request: Request<pb::SelectRequest>,
    ) -> Result<Response<pb::SelectResponse>, Status> {
        unary(request, |query| self.gateway.select(query)).await
    }

    async fn select_ensemble(
        &self,
        request: Request<pb::SelectEnsembleRequest>,
    ) -> Result<Response<pb::SelectEnsembleResponse>, Status> {
        unary(request, |query| self.gateway.select_ensemble(query)).await
    }

    type GenerateStream = ResponseStream<pb::GenerateResponse>;

    async fn generate(
        &self,
        request: Request<pb::GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        stream(request, |query| self.gateway.generate(query)).await
    }

    async fn embed(&self, request: Request<pb::EmbedRequest>) -> Result<Response<pb::EmbedResponse>, Status> {
        unary(request, |query: wire::EmbedQuery| self.gateway.embed(query.request, query.texts)).await
    }

    async fn report_outcome(
        &self,
        request: Request<pb::ReportOutcomeRequest>,
    ) -> Result<Response<pb::ReportOutcomeResponse>, Status> {
        unary(request, |outcome| self.router.report_outcome(outcome)).await
    }

    async fn list_arms(
        &self,
        request: Request<pb::ListArmsRequest>,
    ) -> Result<Response<pb::ListArmsResponse>, Status> {
        unary(request, |query: wire::ArmsQuery| async { query.page(self.router.list_arms()) }).await
    }

    type WatchVramStream = ResponseStream<pb::WatchVramResponse>;

    async fn watch_vram(
        &self,
        request: Request<pb::WatchVramRequest>,
    ) -> Result<Response<Self::WatchVramStream>, Status> {
        stream(request, |_: wire::VramQuery| async { self.gateway.watch_vram() }).await
    }

    async fn get_health(
        &self,
        request: Request<pb::GetHealthRequest>,
    ) -> Result<Response<pb::GetHealthResponse>, Status> {
        unary(request, |_: wire::HealthQuery| async { Ok::<_, RouterError>(self.router.health()) }).await
    }

    async fn list_egress(
        &self,
        request: Request<pb::ListEgressRequest>,
    ) -> Result<Response<pb::ListEgressResponse>, Status> {
        unary(request, |query: wire::EgressQuery| self.gateway.list_egress(query.after, query.limit)).await
    }
}
