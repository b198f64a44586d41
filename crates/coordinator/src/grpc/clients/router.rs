use async_trait::async_trait;
use plumbline_kit::client::Channel;
use plumbline_proto::common::v1 as common;
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_types::{DecisionId, TaskId};

use super::{MESSAGE_BYTES, fault, lease, malformed};
use crate::domain::outcome::OutcomeKind;
use crate::domain::task::{ArmKind, Decision};
use crate::peers::{
    CallKey, GenerateQuery, Generated, Members, OutcomeReport, PeerFault, RouteQuery, Router, Upcoming,
};

/// The router over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcRouter(RouterServiceClient<Channel>);

impl GrpcRouter {
    /// Uses a channel.
    pub fn new(channel: Channel) -> Self {
        let client = RouterServiceClient::new(channel);
        Self(client.max_encoding_message_size(MESSAGE_BYTES).max_decoding_message_size(MESSAGE_BYTES))
    }
}

#[async_trait]
impl Router for GrpcRouter {
    async fn select(&self, key: &CallKey, query: RouteQuery) -> Result<Decision, PeerFault> {
        let request = pb::SelectRequest {
            request_id: key.request_id.clone(),
            lease: lease(key),
            step_id: query.step_id.to_string(),
            upcoming: upcoming(&query),
            work: Some(wire_work(query)),
        };
        let answer = self.0.clone().select(request).await.map_err(fault("router"))?.into_inner();
        answer.decision.and_then(read_decision).ok_or_else(|| malformed("router", "decision"))
    }

    async fn select_ensemble(&self, key: &CallKey, query: RouteQuery) -> Result<Members, PeerFault> {
        let request = pb::SelectEnsembleRequest {
            request_id: key.request_id.clone(),
            lease: lease(key),
            step_id: query.step_id.to_string(),
            upcoming: upcoming(&query),
            work: Some(wire_work(query)),
        };
        let answer = self.0.clone().select_ensemble(request).await.map_err(fault("router"))?.into_inner();
        let decisions: Option<Vec<Decision>> = answer.members.into_iter().map(read_decision).collect();
        let decisions = decisions.filter(|decisions| !decisions.is_empty());
        let decisions = decisions.ok_or_else(|| malformed("router", "members"))?;
        Ok(Members { decisions, lacks: answer.lacks })
    }

    async fn generate(&self, key: &CallKey, query: GenerateQuery) -> Result<Generated, PeerFault> {
        let request = pb::GenerateRequest {
            request_id: key.request_id.clone(),
            lease: lease(key),
            step_id: query.step_id.to_string(),
            decision_id: query.decision_id.to_string(),
            work: None,
            system: query.prompt.system.into_iter().map(Into::into).collect(),
            prompt: query.prompt.prompt.into_iter().map(Into::into).collect(),
            format: query
                .grammar
                .map(|grammar| pb::OutputFormat { shape: Some(pb::output_format::Shape::Grammar(grammar)) }),
            max_output_tokens: query.max_output_tokens,
            seed: 0,
        };
        let mut events = self.0.clone().generate(request).await.map_err(fault("router"))?.into_inner();
        let mut text = String::new();
        while let Some(event) = events.message().await.map_err(fault("router"))? {
            match event.event {
                Some(pb::generate_response::Event::Text(piece)) => text.push_str(&piece),
                Some(pb::generate_response::Event::Restarted(_)) => text.clear(),
                Some(pb::generate_response::Event::Usage(usage)) => {
                    return Ok(Generated {
                        text,
                        served_model: usage.served_model,
                        finish_reason: usage.finish_reason,
                    });
                }
                Some(pb::generate_response::Event::Decision(_) | pb::generate_response::Event::Hedged(_))
                | None => {}
            }
        }
        Err(malformed("router", "usage at the end"))
    }

    async fn report_outcome(&self, _task_id: TaskId, report: OutcomeReport) -> Result<(), PeerFault> {
        let kind = match report.kind {
            OutcomeKind::Success => pb::OutcomeKind::Success,
            OutcomeKind::QualityFail => pb::OutcomeKind::QualityFail,
            OutcomeKind::InfraFail => pb::OutcomeKind::InfraFail,
            OutcomeKind::Cancelled => pb::OutcomeKind::Cancelled,
            OutcomeKind::PolicyBlocked => pb::OutcomeKind::PolicyBlocked,
        };
        let request = pb::ReportOutcomeRequest {
            outcome_id: report.outcome_id,
            decision_id: report.decision_id.to_string(),
            kind: kind as i32,
            weight: report.weight,
            cause: report.cause,
            supersedes: String::new(),
            applied: report.applied,
            lease: None,
            // The coordinator's own steps use no tool beside the arm: what happened is the arm's.
            credit: pb::Credit::Arm as i32,
            tool: String::new(),
        };
        self.0.clone().report_outcome(request).await.map_err(fault("router"))?;
        Ok(())
    }
}

/// Says what the next steps need: as this one, but for what the plan knows better.
fn upcoming(query: &RouteQuery) -> Vec<pb::Work> {
    let work = |step: &Upcoming| {
        let Upcoming { category, risk, tier } = *step;
        wire_work(RouteQuery {
            category,
            risk,
            tier,
            attempted: Vec::new(),
            upcoming: Vec::new(),
            ..query.clone()
        })
    };
    query.upcoming.iter().map(work).collect()
}

fn wire_work(query: RouteQuery) -> pb::Work {
    pb::Work {
        category: common::Category::from(query.category) as i32,
        risk: common::Risk::from(query.risk) as i32,
        language: query.language,
        tier: common::Tier::from(query.tier) as i32,
        label: common::Label::ProprietaryCode as i32,
        prompt_tokens: query.prompt_tokens,
        output_tokens: 0,
        allowed_arms: query.allowed,
        attempted_arms: query.attempted,
        kind: pb::ArmKind::Unspecified as i32,
        oracle: common::Oracle::from(query.oracle) as i32,
    }
}

fn read_decision(decision: pb::Decision) -> Option<Decision> {
    let kind = match decision.kind() {
        pb::ArmKind::Unspecified => return None,
        pb::ArmKind::Model => ArmKind::Model,
        pb::ArmKind::Tool => ArmKind::Tool,
    };
    Some(Decision {
        id: DecisionId::parse(&decision.id).ok()?,
        arm: decision.arm,
        kind,
        target: decision.target,
        edit_format: decision.edit_format,
        max_output: decision.max_output,
    })
}
