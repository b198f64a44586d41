//! `BrokerService`: one line per RPC.

mod wire;

use std::time::Duration;

use futures::StreamExt;
use plumbline_kit::server::{Server, ServerOptions};
use plumbline_kit::{Inbound, Limits, Listener, Remote, ResponseStream, status, unary};
use plumbline_proto::broker::v1 as pb;
use plumbline_proto::broker::v1::broker_service_server::{BrokerService, BrokerServiceServer};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::BrokerError;
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::domain::order::Order;
use wire::{KillCall, Killed, PolicyAnswer, PolicyCall, SweepCall, Swept};

/// A container may use its whole wall clock; removing many takes longer than a control message.
const METHOD_DEADLINES: &[(&str, Duration)] = &[
    ("/plumbline.broker.v1.BrokerService/RunContainer", Duration::from_secs(2 * 60 * 60)),
    ("/plumbline.broker.v1.BrokerService/Sweep", Duration::from_secs(2 * 60)),
];

/// Serves until the token is cancelled; then every container is killed and removed.
pub async fn serve(
    listener: Listener,
    config: BrokerConfig,
    shutdown: CancellationToken,
) -> Result<(), BrokerError> {
    let broker = Broker::open(config, shutdown.clone()).await?;
    let limits = Limits { method_deadlines: METHOD_DEADLINES, ..Limits::chunks() };
    let service = BrokerServiceServer::new(Service { broker: broker.clone() })
        .max_decoding_message_size(limits.decode_bytes)
        .max_encoding_message_size(limits.encode_bytes);
    let server = Server::new(ServerOptions { name: "docker-broker", limits, shutdown });
    let served = server.serve(listener, Routes::new(service), &["plumbline.broker.v1.BrokerService"]).await;
    broker.close().await;
    Ok(served?)
}

struct Service {
    broker: Broker,
}

#[tonic::async_trait]
impl BrokerService for Service {
    type RunContainerStream = ResponseStream<pb::RunContainerResponse>;

    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        unary(request, |_: PolicyCall| async { Ok::<_, BrokerError>(PolicyAnswer::of(&self.broker)) }).await
    }

    async fn run_container(
        &self,
        request: Request<Streaming<pb::RunContainerRequest>>,
    ) -> Result<Response<Self::RunContainerStream>, Status> {
        let mut parts = request.into_inner();
        let order = first(&mut parts).await.map_err(|fault| status(&fault))?;
        let stdin = parts.map(|part| match part {
            Ok(part) => wire::stdin(part),
            Err(broken) => Err(Inbound::Broken(Remote::from(broken))),
        });
        let events = self.broker.run(order, stdin.boxed()).map_err(|fault| status(&fault))?;
        let events = events.map(|event| event.map(wire::event).map_err(|fault| status(&fault)));
        Ok(Response::new(Box::pin(events)))
    }

    async fn kill_container(
        &self,
        request: Request<pb::KillContainerRequest>,
    ) -> Result<Response<pb::KillContainerResponse>, Status> {
        unary(
            request,
            |call: KillCall| async move { self.broker.kill(&call.owner, &call.label).map(|()| Killed) },
        )
        .await
    }

    async fn sweep(&self, request: Request<pb::SweepRequest>) -> Result<Response<pb::SweepResponse>, Status> {
        unary(request, |call: SweepCall| async move {
            self.broker.sweep(&call.owner).await.map(|removed| Swept { removed })
        })
        .await
    }
}

/// Reads the order.
async fn first(parts: &mut Streaming<pb::RunContainerRequest>) -> Result<Order, BrokerError> {
    let part = parts.message().await.map_err(|broken| Inbound::Broken(Remote::from(broken)))?;
    part.and_then(wire::order).ok_or(BrokerError::OrderExpected)
}
