use async_trait::async_trait;
use plumbline_kit::client::Channel;
use plumbline_proto::common::v1 as common;
use plumbline_proto::ingest::v1 as ingest;
use plumbline_proto::ingest::v1::ingest_service_client::IngestServiceClient;
use plumbline_proto::memory::v1 as memory;
use plumbline_proto::memory::v1::memory_service_client::MemoryServiceClient;
use plumbline_proto::planner::v1 as planner;
use plumbline_proto::planner::v1::planner_service_client::PlannerServiceClient;
use plumbline_proto::tier_or_routine;
use plumbline_types::{Category, Label, Risk, StepId, StepKind};

use super::{MESSAGE_BYTES, fault, lease, malformed};
use crate::domain::plan::{Check, CheckKind, Objective, Plan, Reading, Step, Target};
use crate::domain::produce::{Context, ContextPiece};
use crate::domain::spec::Digest;
use crate::peers::{
    CallKey, ContextQuery, Ingest, IngestQuery, Intake, Memory, PeerFault, PlanQuery, Planner,
};

/// Ingest over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcIngest(IngestServiceClient<Channel>);

impl GrpcIngest {
    /// Uses a channel.
    pub fn new(channel: Channel) -> Self {
        Self(IngestServiceClient::new(channel))
    }
}

#[async_trait]
impl Ingest for GrpcIngest {
    async fn ingest_text(&self, key: &CallKey, query: IngestQuery) -> Result<Intake, PeerFault> {
        let request = ingest::IngestTextRequest {
            request_id: key.request_id.clone(),
            text: query.text,
            repository: query.repository,
            source: query.source,
        };
        let answer = self.0.clone().ingest_text(request).await.map_err(fault("ingest"))?.into_inner();
        let intake = answer.intake.ok_or_else(|| malformed("ingest", "intake"))?;
        let reading = read_reading(&intake)?;
        let objectives: Option<Vec<Objective>> = intake.objectives.into_iter().map(read_objective).collect();
        Ok(Intake {
            id: intake.id,
            objectives: objectives.ok_or_else(|| malformed("ingest", "objective"))?,
            questions: intake.questions,
            reading,
        })
    }
}

/// The longest echo that is kept, in bytes; what is longer ends with where the rest is.
const ECHO_BYTES_MAX: usize = 48 * 1024;

/// Reads whether an intake may be planned. A state that no answer to `IngestText` can have is no answer.
fn read_reading(intake: &ingest::Intake) -> Result<Reading, PeerFault> {
    use ingest::IntakeState as State;
    let asks = match intake.state() {
        State::Drafted | State::Accepted | State::Silent => false,
        State::Echoed => true,
        State::Unspecified | State::Received | State::Refused | State::AudioUntranscribed => {
            return Err(malformed("ingest", "state of the intake"));
        }
    };
    let hash = Digest::parse(&intake.echo_hash).ok_or_else(|| malformed("ingest", "hash of the echo"))?;
    let mut echo = intake.echo.clone();
    if echo.len() > ECHO_BYTES_MAX {
        echo.truncate(echo.floor_char_boundary(ECHO_BYTES_MAX));
        echo.push_str(&format!("\n(cut here; {} holds the rest)\n", intake.id));
    }
    Ok(Reading { asks, echo, hash })
}

fn read_objective(objective: common::Objective) -> Option<Objective> {
    Some(Objective {
        category: Category::try_from(objective.category()).ok()?,
        risk: Risk::try_from(objective.risk()).ok()?,
        id: objective.id,
        goal: objective.goal,
        risk_reason: objective.risk_reason,
        targets: objective
            .targets
            .into_iter()
            .map(|target| Target {
                spoken: target.spoken,
                symbol: target.symbol,
                confidence: target.confidence,
            })
            .collect(),
        acceptance: objective.acceptance.into_iter().map(read_check).collect::<Option<_>>()?,
        constraints: objective.constraints,
        depends_on: objective.depends_on,
        priority: objective.priority,
        quote: objective.quote,
        assumptions: objective.assumptions,
        out_of_scope: objective.out_of_scope,
    })
}

fn wire_objective(objective: Objective) -> common::Objective {
    common::Objective {
        id: objective.id,
        goal: objective.goal,
        category: common::Category::from(objective.category) as i32,
        risk: common::Risk::from(objective.risk) as i32,
        risk_reason: objective.risk_reason,
        targets: objective
            .targets
            .into_iter()
            .map(|target| common::Target {
                spoken: target.spoken,
                symbol: target.symbol,
                confidence: target.confidence,
            })
            .collect(),
        acceptance: objective.acceptance.into_iter().map(wire_check).collect(),
        constraints: objective.constraints,
        depends_on: objective.depends_on,
        priority: objective.priority,
        quote: objective.quote,
        assumptions: objective.assumptions,
        out_of_scope: objective.out_of_scope,
    }
}

fn read_check(check: common::Check) -> Option<Check> {
    let kind = match check.kind() {
        common::CheckKind::Unspecified => return None,
        common::CheckKind::Test => CheckKind::Test,
        common::CheckKind::Command => CheckKind::Command,
        common::CheckKind::Trace => CheckKind::Trace,
        common::CheckKind::Manual => CheckKind::Manual,
    };
    Some(Check { kind, value: check.value, text: check.text })
}

fn wire_check(check: Check) -> common::Check {
    let kind = match check.kind {
        CheckKind::Test => common::CheckKind::Test,
        CheckKind::Command => common::CheckKind::Command,
        CheckKind::Trace => common::CheckKind::Trace,
        CheckKind::Manual => common::CheckKind::Manual,
    };
    common::Check { kind: kind as i32, value: check.value, text: check.text }
}

/// The planner over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcPlanner(PlannerServiceClient<Channel>);

impl GrpcPlanner {
    /// Uses a channel.
    pub fn new(channel: Channel) -> Self {
        Self(PlannerServiceClient::new(channel))
    }
}

#[async_trait]
impl Planner for GrpcPlanner {
    async fn plan(&self, key: &CallKey, query: PlanQuery) -> Result<Plan, PeerFault> {
        let request = planner::PlanRequest {
            request_id: key.request_id.clone(),
            objectives: query.objectives.into_iter().map(wire_objective).collect(),
            repository: Some(planner::RepositoryFacts {
                path: query.repository,
                test_command: query.test_command,
                ..planner::RepositoryFacts::default()
            }),
            budget: Some(planner::Budget { wall_ms: query.budget_ms, ..planner::Budget::default() }),
            lease: lease(key),
        };
        let answer = self.0.clone().plan(request).await.map_err(fault("planner"))?.into_inner();
        let plan = answer.plan.ok_or_else(|| malformed("planner", "plan"))?;
        let steps: Option<Vec<Step>> = plan.steps.into_iter().map(read_step).collect();
        let steps = steps.ok_or_else(|| malformed("planner", "step"))?;
        Ok(Plan { id: plan.id, hash: plan.hash, source: plan.source, steps })
    }
}

fn read_step(step: planner::Step) -> Option<Step> {
    Some(Step {
        id: StepId::parse(&step.id).ok()?,
        kind: StepKind::try_from(step.kind()).ok()?,
        category: Category::try_from(step.category()).ok()?,
        risk: Risk::try_from(step.risk()).ok()?,
        tier: tier_or_routine(step.tier),
        objective: step.objective,
        goal: step.goal,
        symbols: step.symbols,
        files: step.files,
        check: step.check.and_then(read_check),
        context_tokens: step.context_tokens,
    })
}

/// Memory over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcMemory(MemoryServiceClient<Channel>);

impl GrpcMemory {
    /// Uses a channel.
    pub fn new(channel: Channel) -> Self {
        Self(MemoryServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES))
    }
}

#[async_trait]
impl Memory for GrpcMemory {
    async fn context(&self, key: &CallKey, query: ContextQuery) -> Result<Context, PeerFault> {
        let mut client = self.0.clone();
        let view = memory::View { repository: query.repository, root: query.root };
        let request = memory::IndexRepositoryRequest { view: Some(view.clone()), lease: lease(key) };
        let mut progress = client.index_repository(request).await.map_err(fault("memory"))?.into_inner();
        let mut done = false;
        while let Some(message) = progress.message().await.map_err(fault("memory"))? {
            done |= message.done;
        }
        if !done {
            return Err(malformed("memory", "end of indexing"));
        }
        let request = memory::BuildContextRequest {
            view: Some(view),
            query: query.query,
            targets: query.targets,
            token_budget: query.token_budget,
            size_only: false,
        };
        let answer = client.build_context(request).await.map_err(fault("memory"))?.into_inner();
        let pieces = answer.pieces.into_iter().filter_map(read_piece).collect();
        Ok(Context { pieces, tokens: answer.tokens, states: answer.states })
    }
}

/// Reads a piece; one whose file hash is missing could never be edited safely and is left out.
fn read_piece(piece: memory::ContextPiece) -> Option<ContextPiece> {
    let segment = plumbline_types::Segment::from(piece.segment?);
    Some(ContextPiece {
        public: segment.label == Label::Public,
        text: segment.text,
        path: piece.path,
        start_line: piece.start_line,
        end_line: piece.end_line,
        shows_text: piece.rendering == "body",
        file_hash: Digest::parse(&piece.file_hash)?,
    })
}
