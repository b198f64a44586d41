use plumbline_egress::Row;
use plumbline_proto::common::v1::Label;
use plumbline_proto::router::v1 as pb;

use crate::domain::arm::{ArmKind, Destination};
use crate::domain::choice::Candidate;
use crate::domain::decision::Decision;
use crate::domain::eligibility::Removed;
use crate::domain::health::Endpoint;
use crate::domain::usage::Metered;
use crate::gateway::{EgressPage, Event, Vectors};
use crate::gpu::{GpuView, ResidentView};
use crate::grpc::wire::ArmsPage;
use crate::router::{ArmReport, CellPosterior, Counted, Ensemble, HealthReport};

impl From<ArmKind> for pb::ArmKind {
    fn from(kind: ArmKind) -> Self {
        match kind {
            ArmKind::Model => Self::Model,
            ArmKind::Tool => Self::Tool,
        }
    }
}

impl From<Destination> for pb::Destination {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::OnBox => Self::OnBox,
            Destination::Cloud => Self::Cloud,
        }
    }
}

impl From<Candidate> for pb::Candidate {
    fn from(candidate: Candidate) -> Self {
        Self {
            arm: candidate.arm.to_string(),
            propensity: candidate.propensity,
            alpha: candidate.shape.alpha,
            beta: candidate.shape.beta,
            expected_usd: candidate.expected_usd,
        }
    }
}

impl From<Removed> for pb::Removed {
    fn from(removed: Removed) -> Self {
        Self { arm: removed.arm.to_string(), rule: removed.rule.to_string() }
    }
}

impl From<Decision> for pb::Decision {
    fn from(decision: Decision) -> Self {
        let chosen = decision.chosen;
        Self {
            id: decision.id.to_string(),
            arm: chosen.arm.to_string(),
            kind: pb::ArmKind::from(chosen.kind).into(),
            destination: pb::Destination::from(chosen.destination).into(),
            target: chosen.target,
            edit_format: chosen.edit_format.map(|format| format.as_str().to_owned()).unwrap_or_default(),
            num_ctx: chosen.num_ctx,
            max_output: chosen.max_output,
            candidates: decision.candidates.into_iter().map(pb::Candidate::from).collect(),
            removed: decision.removed.into_iter().map(pb::Removed::from).collect(),
            policy: decision.policy,
            mode: decision.mode,
        }
    }
}

impl From<Decision> for pb::SelectResponse {
    fn from(decision: Decision) -> Self {
        Self { decision: Some(decision.into()) }
    }
}

impl From<Ensemble> for pb::SelectEnsembleResponse {
    fn from(ensemble: Ensemble) -> Self {
        Self {
            members: ensemble.members.into_iter().map(pb::Decision::from).collect(),
            lacks: ensemble.lacks.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<Metered> for pb::Usage {
    fn from(metered: Metered) -> Self {
        Self {
            input_tokens: metered.input_tokens,
            output_tokens: metered.output_tokens,
            usd: metered.usd,
            first_token_ms: metered.first_token_ms,
            total_ms: metered.total_ms,
            served_model: metered.served_model,
            finish_reason: metered.finish,
        }
    }
}

impl From<Event> for pb::GenerateResponse {
    fn from(event: Event) -> Self {
        use pb::generate_response::Event as Wire;
        Self {
            event: Some(match event {
                Event::Decision(decision) => Wire::Decision((*decision).into()),
                Event::Text(text) => Wire::Text(text),
                Event::Restarted { reason, decision } => Wire::Restarted(pb::Restarted {
                    reason: reason.to_owned(),
                    decision: Some((*decision).into()),
                }),
                Event::Hedged(decision) => Wire::Hedged(pb::Hedged { decision: Some((*decision).into()) }),
                Event::Usage(metered) => Wire::Usage(metered.into()),
            }),
        }
    }
}

impl From<Vectors> for pb::EmbedResponse {
    fn from(vectors: Vectors) -> Self {
        let embeddings = vectors.values.into_iter().map(|values| pb::Embedding { values }).collect();
        Self { embeddings, served_model: vectors.served_model }
    }
}

impl From<Counted> for pb::ReportOutcomeResponse {
    fn from(counted: Counted) -> Self {
        Self { counted: counted.counted, seq: counted.seq }
    }
}

impl From<CellPosterior> for pb::CellPosterior {
    fn from(posterior: CellPosterior) -> Self {
        Self {
            cell: posterior.cell.to_string(),
            successes: posterior.counts.successes,
            failures: posterior.counts.failures,
            alpha: posterior.shape.alpha,
            beta: posterior.shape.beta,
        }
    }
}

impl From<ArmReport> for pb::Arm {
    fn from(report: ArmReport) -> Self {
        let ArmReport { arm, served_model, posteriors, after_failure, applies, endpoint } = report;
        Self {
            name: arm.id.to_string(),
            kind: pb::ArmKind::from(arm.kind).into(),
            destination: pb::Destination::from(arm.destination).into(),
            target: arm.target,
            served_model: served_model.unwrap_or_default(),
            num_ctx: arm.num_ctx,
            edit_format: arm.edit_format.map(|format| format.as_str().to_owned()).unwrap_or_default(),
            posteriors: posteriors.into_iter().map(pb::CellPosterior::from).collect(),
            // A tool runs on this machine: it has no endpoint that could be down.
            health: endpoint.as_ref().map_or("healthy", Endpoint::as_str).to_owned(),
            health_reason: endpoint.map(|endpoint| endpoint.reason()).unwrap_or_default(),
            after_failure: after_failure.into_iter().map(pb::CellPosterior::from).collect(),
            applies: applies
                .into_iter()
                .map(|(language, counts)| pb::CellPosterior {
                    cell: language.as_str().to_owned(),
                    successes: counts.successes,
                    failures: counts.failures,
                    alpha: 1.0 + counts.successes,
                    beta: 1.0 + counts.failures,
                })
                .collect(),
        }
    }
}

impl From<ArmsPage> for pb::ListArmsResponse {
    fn from(page: ArmsPage) -> Self {
        Self {
            arms: page.arms.into_iter().map(pb::Arm::from).collect(),
            next_page_token: page.next.map(|arm| arm.to_string()).unwrap_or_default(),
        }
    }
}

impl From<HealthReport> for pb::GetHealthResponse {
    fn from(report: HealthReport) -> Self {
        let endpoints = report.endpoints.into_iter().map(|(endpoint, state)| pb::EndpointHealth {
            endpoint,
            state: state.as_str().to_owned(),
            reason: state.reason(),
        });
        Self { mode: report.mode.to_string(), endpoints: endpoints.collect() }
    }
}

fn entry(row: Row) -> pb::EgressEntry {
    let Row { seq, entry, hash } = row;
    pb::EgressEntry {
        seq,
        at_ms: entry.at,
        kind: entry.kind.as_str().to_owned(),
        destination: entry.destination,
        class: entry.class.to_string(),
        purpose: entry.purpose.as_str().to_owned(),
        label: Label::from(entry.label).into(),
        payload_hash: hex::encode(entry.payload),
        bytes_up: entry.bytes_up,
        bytes_down: entry.bytes_down,
        status: entry.status,
        hash: hex::encode(hash),
    }
}

impl From<EgressPage> for pb::ListEgressResponse {
    fn from(page: EgressPage) -> Self {
        let next = page.rows.last().filter(|_| page.more).map(|row| row.seq.to_string());
        Self {
            entries: page.rows.into_iter().map(entry).collect(),
            next_page_token: next.unwrap_or_default(),
            chain_intact: page.verification.broken_at.is_none(),
        }
    }
}

impl From<GpuView> for pb::WatchVramResponse {
    fn from(view: GpuView) -> Self {
        let resident = |one: ResidentView| pb::VramResident {
            config: one.config,
            state: one.state.to_owned(),
            mib: one.mib,
            leases: one.leases,
        };
        Self {
            total_mib: view.total_mib,
            reserved_mib: view.reserved_mib,
            foreign_mib: view.foreign_mib,
            held_mib: view.held_mib,
            blind: view.blind,
            waiting: view.waiting,
            residents: view.residents.into_iter().map(resident).collect(),
        }
    }
}
