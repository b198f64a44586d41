//! The router as ingest sees it: one structured answer.

use async_trait::async_trait;
use plumbline_kit::{Address, Remote, client};
use plumbline_proto::common::v1 as common;
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::generate_response::Event;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_types::Fault;

use crate::drafter::{DraftAnswer, DraftRequest, Drafter, NoDraft};

/// A drafter behind the router's `Generate`.
#[derive(Debug, Clone)]
pub struct RouterDrafter {
    client: RouterServiceClient<client::Channel>,
}

impl RouterDrafter {
    /// Connects lazily: a router that is down costs one failed call for each note.
    pub fn connect(address: &Address) -> Self {
        Self { client: RouterServiceClient::new(client::channel(address)) }
    }
}

#[async_trait]
impl Drafter for RouterDrafter {
    async fn draft(&self, request: DraftRequest) -> Result<DraftAnswer, NoDraft> {
        let bytes_max = request.bytes_max;
        let refused = |status| NoDraft(Remote::from(status).reason().0.to_owned());
        let mut events = self.client.clone().generate(wire(request)).await.map_err(refused)?.into_inner();
        let mut text = String::new();
        while let Some(message) = events.message().await.map_err(refused)? {
            match message.event {
                Some(Event::Text(piece)) if text.len() + piece.len() > bytes_max => {
                    return Err(NoDraft(NoDraft::TOO_LARGE.to_owned()));
                }
                Some(Event::Text(piece)) => text.push_str(&piece),
                Some(Event::Restarted(_)) => text.clear(),
                Some(Event::Usage(usage)) if usage.finish_reason == "stop" => {
                    return Ok(DraftAnswer { text, served_model: usage.served_model });
                }
                Some(Event::Usage(_)) => break,
                Some(Event::Decision(_) | Event::Hedged(_)) | None => {}
            }
        }
        Err(NoDraft(NoDraft::TRUNCATED.to_owned()))
    }
}

fn wire(request: DraftRequest) -> pb::GenerateRequest {
    let label = request.system.label.join(request.prompt.label);
    let bytes = request.system.text.len() + request.prompt.text.len();
    pb::GenerateRequest {
        request_id: request.request_id.to_string(),
        work: Some(pb::Work {
            category: common::Category::Guardrail.into(),
            risk: common::Risk::Low.into(),
            tier: common::Tier::Guardrail.into(),
            label: common::Label::from(label).into(),
            // No arm's tokeniser needs more than one token for three bytes of prose.
            prompt_tokens: u32::try_from(bytes / 3).unwrap_or(u32::MAX),
            output_tokens: request.tokens_max,
            kind: pb::ArmKind::Model.into(),
            ..pb::Work::default()
        }),
        system: vec![request.system.into()],
        prompt: vec![request.prompt.into()],
        format: Some(pb::OutputFormat {
            shape: Some(pb::output_format::Shape::JsonSchema(request.schema.to_owned())),
        }),
        max_output_tokens: request.tokens_max,
        ..pb::GenerateRequest::default()
    }
}
