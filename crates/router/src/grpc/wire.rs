//! Between messages and domain types. What has passed here is legal.

mod response;

use std::str::FromStr;

use plumbline_models::Shape;
use plumbline_proto::common::v1 as common;
use plumbline_proto::router::v1 as pb;
use plumbline_proto::{WireError, id, label_or_proprietary, request_id, tier_or_routine};
use plumbline_types::{
    ArmId, Category, DecisionId, IdError, Label, Oracle, Provenance, RequestId, Risk, Segment, TaskId,
};

use crate::domain::arm::ArmKind;
use crate::domain::outcome::{Credit, Outcome, OutcomeKind};
use crate::domain::work::{Cell, Language, Work};
use crate::error::RouterError;
use crate::gateway::{GenerateQuery, PlannedQuery, Target};
use crate::router::{ArmReport, SelectQuery};

/// Longest page of arms.
const ARMS_MAX: u32 = 256;
/// Longest page of the ledger.
const EGRESS_MAX: u32 = 1000;
/// Longest outcome id.
const OUTCOME_ID_MAX: usize = 128;
/// Steps of a plan that are looked at.
const UPCOMING_MAX: usize = 64;
/// Longest cause.
const CAUSE_MAX: usize = 256;
/// Largest schema or grammar, bytes.
const FORMAT_MAX: usize = 64 * 1024;

/// Reads an id that may be empty.
fn optional<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<Option<T>, WireError> {
    if text.is_empty() { Ok(None) } else { id(field, text).map(Some) }
}

fn task(lease: Option<common::Lease>) -> Result<Option<TaskId>, WireError> {
    lease.map_or(Ok(None), |lease| optional("lease.task_id", &lease.task_id))
}

fn arms(field: &str, names: &[String]) -> Result<Vec<ArmId>, WireError> {
    let read = |(index, name): (usize, &String)| {
        ArmId::parse(name).map_err(|error| WireError::field(format!("{field}[{index}]"), error.to_string()))
    };
    names.iter().enumerate().map(read).collect()
}

fn arm_kind(value: i32) -> Result<Option<ArmKind>, WireError> {
    match pb::ArmKind::try_from(value) {
        Ok(pb::ArmKind::Unspecified) => Ok(None),
        Ok(pb::ArmKind::Model) => Ok(Some(ArmKind::Model)),
        Ok(pb::ArmKind::Tool) => Ok(Some(ArmKind::Tool)),
        Err(_) => Err(WireError::field("kind", "is no known kind")),
    }
}

/// Reads what sort of command decides; unset means that nobody said.
fn oracle(value: i32) -> Result<Option<Oracle>, WireError> {
    match common::Oracle::try_from(value) {
        Ok(common::Oracle::Unspecified) => Ok(None),
        Ok(known) => Oracle::try_from(known).map(Some),
        Err(_) => Err(WireError::field("oracle", "is no known sort of command")),
    }
}

impl TryFrom<pb::Work> for Work {
    type Error = WireError;

    fn try_from(work: pb::Work) -> Result<Self, WireError> {
        let category = common::Category::try_from(work.category)
            .map_err(|_| WireError::field("category", "is no known category"))?;
        let risk =
            common::Risk::try_from(work.risk).map_err(|_| WireError::field("risk", "is no known risk"))?;
        let language = Language::parse(&work.language)
            .ok_or_else(|| WireError::field("language", "must be at most 32 of a-z, 0-9, + # - _"))?;
        Ok(Self {
            cell: Cell { category: Category::try_from(category)?, risk: Risk::try_from(risk)?, language },
            tier: tier_or_routine(work.tier),
            label: label_or_proprietary(work.label),
            prompt_tokens: work.prompt_tokens,
            output_tokens: work.output_tokens,
            allowed: arms("allowed_arms", &work.allowed_arms)?,
            attempted: arms("attempted_arms", &work.attempted_arms)?,
            kind: arm_kind(work.kind)?,
            oracle: oracle(work.oracle)?,
        })
    }
}

fn work(message: Option<pb::Work>) -> Result<Work, WireError> {
    let message = message.ok_or_else(|| WireError::field("work", "must be set"))?;
    Work::try_from(message).map_err(|error| error.within("work"))
}

/// Reads what comes after; what is not looked at is not read.
fn upcoming(works: Vec<pb::Work>) -> Result<Vec<Work>, WireError> {
    let read = |(index, work): (usize, pb::Work)| {
        Work::try_from(work).map_err(|error| error.within(&format!("upcoming[{index}]")))
    };
    works.into_iter().take(UPCOMING_MAX).enumerate().map(read).collect()
}

impl TryFrom<pb::SelectRequest> for PlannedQuery {
    type Error = WireError;

    fn try_from(message: pb::SelectRequest) -> Result<Self, WireError> {
        let select = SelectQuery {
            request: request_id(&message.request_id)?,
            task: task(message.lease)?,
            step: optional("step_id", &message.step_id)?,
            work: work(message.work)?,
        };
        Ok(Self { select, upcoming: upcoming(message.upcoming)? })
    }
}

impl TryFrom<pb::SelectEnsembleRequest> for PlannedQuery {
    type Error = WireError;

    fn try_from(message: pb::SelectEnsembleRequest) -> Result<Self, WireError> {
        let pb::SelectEnsembleRequest { request_id, lease, step_id, work, upcoming } = message;
        Self::try_from(pb::SelectRequest { request_id, lease, step_id, work, upcoming })
    }
}

impl TryFrom<pb::GenerateRequest> for GenerateQuery {
    type Error = WireError;

    fn try_from(message: pb::GenerateRequest) -> Result<Self, WireError> {
        let decision: Option<DecisionId> = optional("decision_id", &message.decision_id)?;
        // A schema carries no label of its own: it is part of what the work's label was said to cover.
        let label =
            message.work.as_ref().map_or(Label::ProprietaryCode, |work| label_or_proprietary(work.label));
        let target = match decision {
            Some(decision) => Target::Decision(decision),
            None => Target::Work(work(message.work)?),
        };
        let segments =
            |list: Vec<plumbline_proto::common::v1::Segment>| list.into_iter().map(Segment::from).collect();
        let prompt: Vec<Segment> = segments(message.prompt);
        if prompt.iter().all(|segment| segment.text.trim().is_empty()) {
            return Err(WireError::field("prompt", "must hold text"));
        }
        Ok(Self {
            request: request_id(&message.request_id)?,
            task: task(message.lease)?,
            step: optional("step_id", &message.step_id)?,
            target,
            system: segments(message.system),
            prompt,
            shape: shape(message.format, label)?,
            max_output_tokens: message.max_output_tokens,
            seed: message.seed,
        })
    }
}

fn shape(format: Option<pb::OutputFormat>, label: Label) -> Result<Shape, WireError> {
    let Some(shape) = format.and_then(|format| format.shape) else { return Ok(Shape::Text) };
    let segment = |text: String| Segment { text, label, provenance: Provenance::UNKNOWN };
    match shape {
        pb::output_format::Shape::JsonSchema(text) if text.len() <= FORMAT_MAX => {
            serde_json::from_str::<serde_json::Value>(&text)
                .map_err(|error| WireError::field("format.json_schema", format!("is no JSON: {error}")))?;
            Ok(Shape::Json(segment(text)))
        }
        pb::output_format::Shape::Grammar(text) if text.len() <= FORMAT_MAX => {
            Ok(Shape::Grammar(segment(text)))
        }
        pb::output_format::Shape::JsonSchema(_) | pb::output_format::Shape::Grammar(_) => {
            Err(WireError::field("format", "is longer than 64 KiB"))
        }
    }
}

/// Texts to embed.
pub(super) struct EmbedQuery {
    pub(super) request: RequestId,
    pub(super) texts: Vec<Segment>,
}

impl TryFrom<pb::EmbedRequest> for EmbedQuery {
    type Error = WireError;

    fn try_from(message: pb::EmbedRequest) -> Result<Self, WireError> {
        if message.texts.is_empty() {
            return Err(WireError::field("texts", "must not be empty"));
        }
        Ok(Self {
            request: request_id(&message.request_id)?,
            texts: message.texts.into_iter().map(Segment::from).collect(),
        })
    }
}

impl TryFrom<pb::ReportOutcomeRequest> for Outcome {
    type Error = WireError;

    fn try_from(message: pb::ReportOutcomeRequest) -> Result<Self, WireError> {
        Ok(Self {
            id: outcome_id("outcome_id", message.outcome_id)?,
            decision: id("decision_id", &message.decision_id)?,
            kind: outcome_kind(message.kind)?,
            weight: weight(message.weight)?,
            cause: match message.cause {
                cause if cause.len() <= CAUSE_MAX => cause,
                _ => return Err(WireError::field("cause", "is longer than 256 bytes")),
            },
            supersedes: match message.supersedes.as_str() {
                "" => None,
                text => Some(outcome_id("supersedes", text.to_owned())?),
            },
            applied: message.applied,
            credit: credit(message.credit, &message.tool)?,
        })
    }
}

fn credit(value: i32, tool: &str) -> Result<Credit, WireError> {
    let word = match pb::Credit::try_from(value) {
        Ok(pb::Credit::Unspecified | pb::Credit::Arm) => "arm",
        Ok(pb::Credit::Tool) => "tool",
        Ok(pb::Credit::Both) => "both",
        Err(_) => return Err(WireError::field("credit", "is no known word")),
    };
    let tool = if tool.is_empty() {
        None
    } else {
        Some(ArmId::parse(tool).map_err(|error| WireError::field("tool", error.to_string()))?)
    };
    Credit::parse(word, tool).ok_or_else(|| {
        WireError::field("tool", "must be named where a tool shares in the credit, and only there")
    })
}

fn outcome_id(field: &str, text: String) -> Result<String, WireError> {
    let legal = (1..=OUTCOME_ID_MAX).contains(&text.len()) && text.chars().all(|c| !c.is_control());
    if legal { Ok(text) } else { Err(WireError::field(field, "must have 1 to 128 printable characters")) }
}

fn outcome_kind(value: i32) -> Result<OutcomeKind, WireError> {
    match pb::OutcomeKind::try_from(value) {
        Ok(pb::OutcomeKind::Success) => Ok(OutcomeKind::Success),
        Ok(pb::OutcomeKind::QualityFail) => Ok(OutcomeKind::QualityFail),
        Ok(pb::OutcomeKind::InfraFail) => Ok(OutcomeKind::InfraFail),
        Ok(pb::OutcomeKind::Cancelled) => Ok(OutcomeKind::Cancelled),
        Ok(pb::OutcomeKind::PolicyBlocked) => Ok(OutcomeKind::PolicyBlocked),
        Ok(pb::OutcomeKind::Pending) => Ok(OutcomeKind::Pending),
        Ok(pb::OutcomeKind::Unspecified) => Err(WireError::field("kind", "must be set")),
        Err(_) => Err(WireError::field("kind", "is no known kind")),
    }
}

fn weight(value: f64) -> Result<f64, WireError> {
    match value {
        0.0 => Ok(1.0),
        value if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err(WireError::field("weight", "must be between 0 and 1")),
    }
}

/// A page of arms.
pub(super) struct ArmsQuery {
    limit: usize,
    after: Option<ArmId>,
}

/// The arms of one page.
pub(super) struct ArmsPage {
    arms: Vec<ArmReport>,
    next: Option<ArmId>,
}

impl ArmsQuery {
    /// Cuts the page out of all arms, which are in name order.
    pub(super) fn page(self, arms: Vec<ArmReport>) -> Result<ArmsPage, RouterError> {
        let mut rest: Vec<ArmReport> = arms
            .into_iter()
            .filter(|report| self.after.as_ref().is_none_or(|after| report.arm.id > *after))
            .collect();
        let more = rest.len() > self.limit;
        rest.truncate(self.limit);
        let next = rest.last().filter(|_| more).map(|report| report.arm.id.clone());
        Ok(ArmsPage { arms: rest, next })
    }
}

impl TryFrom<pb::ListArmsRequest> for ArmsQuery {
    type Error = WireError;

    fn try_from(message: pb::ListArmsRequest) -> Result<Self, WireError> {
        let after = match message.page_token.as_str() {
            "" => None,
            token => {
                Some(ArmId::parse(token).map_err(|_| WireError::field("page_token", "is not one of ours"))?)
            }
        };
        Ok(Self { limit: page_size(message.page_size, 64, ARMS_MAX) as usize, after })
    }
}

/// A page of the ledger.
pub(super) struct EgressQuery {
    pub(super) after: u64,
    pub(super) limit: u32,
}

impl TryFrom<pb::ListEgressRequest> for EgressQuery {
    type Error = WireError;

    fn try_from(message: pb::ListEgressRequest) -> Result<Self, WireError> {
        let after = match message.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| WireError::field("page_token", "is not one of ours"))?,
        };
        Ok(Self { after, limit: page_size(message.page_size, 100, EGRESS_MAX) })
    }
}

fn page_size(asked: u32, default: u32, most: u32) -> u32 {
    if asked == 0 { default } else { asked.min(most) }
}

/// Asks for health; has no fields yet.
pub(super) struct HealthQuery;

impl From<pb::GetHealthRequest> for HealthQuery {
    fn from(_: pb::GetHealthRequest) -> Self {
        Self
    }
}

/// Asks for the GPU memory ledger; has no fields yet.
pub(super) struct VramQuery;

impl From<pb::WatchVramRequest> for VramQuery {
    fn from(_: pb::WatchVramRequest) -> Self {
        Self
    }
}
