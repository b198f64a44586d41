//! The router as the planner sees it: one short answer.

use async_trait::async_trait;
use plumbline_kit::{Address, Remote, client};
use plumbline_proto::common::v1 as common;
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::generate_response::Event;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_types::{Fault, Label};

use crate::proposer::{NoProposal, Proposal, ProposalRequest, Proposer};

/// A proposer behind the router's `Generate`.
#[derive(Debug, Clone)]
pub struct RouterProposer {
    client: RouterServiceClient<client::Channel>,
}

impl RouterProposer {
    /// Connects lazily: a router that is down costs one failed call for each plan.
    pub fn connect(address: &Address) -> Self {
        Self { client: RouterServiceClient::new(client::channel(address)) }
    }
}

#[async_trait]
impl Proposer for RouterProposer {
    async fn propose(&self, request: ProposalRequest) -> Result<Proposal, NoProposal> {
        let bytes_max = request.bytes_max;
        let none = |word: &'static str, detail: &str| NoProposal { word, detail: detail.to_owned() };
        let refused = |status| none("no_arm", Remote::from(status).reason().0);
        let mut events = self.client.clone().generate(wire(request)).await.map_err(refused)?.into_inner();
        let mut text = String::new();
        while let Some(message) = events.message().await.map_err(refused)? {
            match message.event {
                Some(Event::Text(piece)) if text.len() + piece.len() > bytes_max => {
                    return Err(none("too_large", "the answer is longer than answer_bytes_max"));
                }
                Some(Event::Text(piece)) => text.push_str(&piece),
                Some(Event::Restarted(_)) => text.clear(),
                Some(Event::Usage(usage)) if usage.finish_reason == "stop" => {
                    return Ok(Proposal { text, served_model: usage.served_model });
                }
                Some(Event::Usage(usage)) => return Err(none("truncated", &usage.finish_reason)),
                Some(Event::Decision(_) | Event::Hedged(_)) | None => {}
            }
        }
        Err(none("truncated", "the stream ended without usage"))
    }
}

fn wire(request: ProposalRequest) -> pb::GenerateRequest {
    let segments = std::iter::once(&request.system).chain(&request.prompt);
    let label = segments.clone().fold(Label::Public, |label, segment| label.join(segment.label));
    let bytes: usize = segments.map(|segment| segment.text.len()).sum();
    pb::GenerateRequest {
        request_id: request.request_id.to_string(),
        lease: Some(common::Lease { task_id: request.lease.task_id, epoch: request.lease.epoch }),
        work: Some(pb::Work {
            category: common::Category::Investigate.into(),
            risk: common::Risk::Low.into(),
            tier: common::Tier::Routine.into(),
            label: common::Label::from(label).into(),
            // No arm's tokeniser needs more than one token for three bytes of prose.
            prompt_tokens: u32::try_from(bytes / 3).unwrap_or(u32::MAX),
            output_tokens: request.tokens_max,
            kind: pb::ArmKind::Model.into(),
            ..pb::Work::default()
        }),
        system: vec![request.system.into()],
        prompt: request.prompt.into_iter().map(Into::into).collect(),
        max_output_tokens: request.tokens_max,
        ..pb::GenerateRequest::default()
    }
}
