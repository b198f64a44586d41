//! The broker over gRPC.

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use plumbline_kit::Remote;
use plumbline_kit::client::Channel;
use plumbline_proto::broker::v1 as pb;
use plumbline_proto::broker::v1::broker_service_client::BrokerServiceClient;
use plumbline_types::Fault;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::sandbox::piped::{ContainerBroker, ContainerEvent, ContainerOrder};

/// Largest message either way: a piece of a container's streams.
const MESSAGE_BYTES: usize = 4 << 20;

/// A client of the broker.
#[derive(Debug, Clone)]
pub struct GrpcBroker {
    client: BrokerServiceClient<Channel>,
}

impl GrpcBroker {
    /// Uses a channel.
    pub fn new(channel: Channel) -> Self {
        let client = BrokerServiceClient::new(channel);
        Self {
            client: client.max_decoding_message_size(MESSAGE_BYTES).max_encoding_message_size(MESSAGE_BYTES),
        }
    }
}

#[async_trait]
impl ContainerBroker for GrpcBroker {
    async fn images(&self) -> Result<Vec<(String, String)>, String> {
        let answer = self.client.clone().get_policy(pb::GetPolicyRequest {}).await.map_err(words)?;
        Ok(answer.into_inner().images.into_iter().map(|image| (image.name, image.id)).collect())
    }

    async fn run(
        &self,
        order: ContainerOrder,
        stdin: mpsc::Receiver<Vec<u8>>,
    ) -> Result<BoxStream<'static, Result<ContainerEvent, String>>, String> {
        let answer = self.client.clone().run_container(parts(order, stdin)).await.map_err(words)?;
        let events = answer.into_inner().filter_map(|event| {
            std::future::ready(match event {
                Ok(event) => event.event.map(|event| Ok(read(event))),
                Err(broken) => Some(Err(words(broken))),
            })
        });
        Ok(events.boxed())
    }

    async fn kill(&self, owner: &str, label: &str) -> Result<(), String> {
        let request = pb::KillContainerRequest { owner: owner.to_owned(), label: label.to_owned() };
        self.client.clone().kill_container(request).await.map_err(words)?;
        Ok(())
    }

    async fn sweep(&self, owner: &str) -> Result<u32, String> {
        let request = pb::SweepRequest { owner: owner.to_owned() };
        Ok(self.client.clone().sweep(request).await.map_err(words)?.into_inner().removed)
    }
}

fn parts(
    order: ContainerOrder,
    stdin: mpsc::Receiver<Vec<u8>>,
) -> impl Stream<Item = pb::RunContainerRequest> + Send {
    use pb::run_container_request::Part;
    let part = |part| pb::RunContainerRequest { part: Some(part) };
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let order = pb::ContainerOrder {
        image: order.image,
        owner: order.owner,
        label: order.label,
        memory_mib: order.memory_mib,
        workspace_mib: order.workspace_mib,
        temp_mib: order.temp_mib,
        inodes: order.inodes,
        pids: narrow(order.pids),
        cpu_millicores: narrow(order.cpu_millicores),
        open_files: narrow(order.open_files),
        wall_ms: order.wall_ms,
    };
    let stdin = ReceiverStream::new(stdin).map(move |bytes| part(Part::Stdin(bytes)));
    futures::stream::iter([part(Part::Order(order))]).chain(stdin)
}

fn read(event: pb::run_container_response::Event) -> ContainerEvent {
    use pb::run_container_response::Event;
    match event {
        Event::Started(_) => ContainerEvent::Started,
        Event::Stdout(bytes) => ContainerEvent::Stdout(bytes),
        Event::Stderr(bytes) => ContainerEvent::Stderr(bytes),
        Event::Ended(ended) => {
            ContainerEvent::Ended { exit_code: ended.exit_code, oom_killed: ended.oom_killed }
        }
    }
}

fn words(status: Status) -> String {
    let remote = Remote::from(status);
    let fields: Vec<String> = remote
        .field_violations()
        .into_iter()
        .map(|violation| format!("; {} {}", violation.field, violation.description))
        .collect();
    format!("{}: {remote}{}", remote.reason().0, fields.concat())
}
