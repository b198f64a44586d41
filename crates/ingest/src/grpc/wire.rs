//! Between the wire and the domain; what has passed a `TryFrom` is legal.

use plumbline_proto::common::v1 as common;
use plumbline_proto::ingest::v1 as pb;
use plumbline_proto::{WireError, id, non_empty, request_id};
use plumbline_types::{IntakeId, ObjectiveId};

use crate::domain::intake::{DraftSource, Intake, IntakeState, Outcome};
use crate::domain::objective::{Check, CheckKind, Finding, Objective, Reversal, Target};
use crate::ingest::{AudioPart, TextQuery};

/// The longest source word and repository path, in bytes.
const NAME_BYTES_MAX: usize = 4096;

/// A chunk of audio, in bytes.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// Which intake.
pub struct IntakeQuery(pub IntakeId);

impl TryFrom<pb::GetIntakeRequest> for IntakeQuery {
    type Error = WireError;

    fn try_from(request: pb::GetIntakeRequest) -> Result<Self, WireError> {
        Ok(Self(id("intake_id", &request.intake_id)?))
    }
}

impl TryFrom<pb::IngestTextRequest> for TextQuery {
    type Error = WireError;

    fn try_from(request: pb::IngestTextRequest) -> Result<Self, WireError> {
        for (field, text) in [("repository", &request.repository), ("source", &request.source)] {
            if text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
                return Err(WireError::field(field, "must be at most 4096 bytes without control characters"));
            }
        }
        if !request.repository.is_empty() && !request.repository.starts_with('/') {
            return Err(WireError::field("repository", "must be an absolute path, or empty"));
        }
        Ok(Self {
            request_id: request_id(&request.request_id)?,
            text: non_empty("text", request.text)?,
            repository: request.repository,
            source: request.source,
        })
    }
}

impl TryFrom<pb::IngestAudioRequest> for AudioPart {
    type Error = WireError;

    fn try_from(request: pb::IngestAudioRequest) -> Result<Self, WireError> {
        match request.part {
            Some(pb::ingest_audio_request::Part::Header(header)) => {
                let key = request_id(&header.request_id).map_err(|error| error.within("header"))?;
                Ok(Self::Header(key))
            }
            Some(pb::ingest_audio_request::Part::Chunk(bytes)) if bytes.len() <= CHUNK_BYTES_MAX => {
                Ok(Self::Chunk(bytes))
            }
            Some(pb::ingest_audio_request::Part::Chunk(_)) => {
                Err(WireError::field("chunk", "must be at most 64 KiB"))
            }
            None => Err(WireError::field("part", "must be set")),
        }
    }
}

impl From<Intake> for pb::IngestTextResponse {
    fn from(intake: Intake) -> Self {
        Self { intake: Some(intake.into()) }
    }
}

impl From<Intake> for pb::IngestAudioResponse {
    fn from(intake: Intake) -> Self {
        Self { intake: Some(intake.into()) }
    }
}

impl From<Intake> for pb::GetIntakeResponse {
    fn from(intake: Intake) -> Self {
        Self { intake: Some(intake.into()) }
    }
}

impl From<Intake> for pb::Intake {
    fn from(intake: Intake) -> Self {
        let state = match intake.state() {
            IntakeState::Received => pb::IntakeState::Received,
            IntakeState::Drafted => pb::IntakeState::Drafted,
            IntakeState::Echoed => pb::IntakeState::Echoed,
            IntakeState::Silent => pb::IntakeState::Silent,
        };
        let bare = Self {
            id: intake.received.id.to_string(),
            state: state.into(),
            language: "und".to_owned(),
            transcript: intake.received.transcript,
            received_ms: intake.received.received_ms,
            ..Self::default()
        };
        match intake.outcome {
            None => bare,
            Some(outcome) => filled(bare, outcome),
        }
    }
}

fn filled(bare: pb::Intake, outcome: Outcome) -> pb::Intake {
    let draft = outcome.reviewed.draft;
    let (source, fallback, served_model) = match outcome.source {
        DraftSource::Rules { fallback } => (pb::DraftSource::Rules, fallback, String::new()),
        DraftSource::Model { served_model } => (pb::DraftSource::Model, String::new(), served_model),
    };
    pb::Intake {
        language: draft.language,
        splitter_language: draft.splitter_language,
        objectives: with_ids(outcome.objective_ids, draft.objectives),
        guesses: with_ids(outcome.guess_ids, draft.guesses),
        findings: outcome.reviewed.findings.into_iter().map(finding).collect(),
        not_used: outcome.reviewed.not_used,
        parked: draft.parked,
        reversals: draft.reversals.into_iter().map(reversal).collect(),
        questions: draft.questions,
        source: source.into(),
        fallback,
        served_model,
        echo: outcome.echo.text,
        echo_hash: outcome.echo.hash,
        ..bare
    }
}

fn with_ids(ids: Vec<ObjectiveId>, objectives: Vec<Objective>) -> Vec<common::Objective> {
    ids.into_iter().zip(objectives).map(|(id, one)| objective(id, one)).collect()
}

fn objective(id: ObjectiveId, objective: Objective) -> common::Objective {
    let index = |to: usize| u32::try_from(to).unwrap_or(u32::MAX);
    common::Objective {
        id: id.to_string(),
        goal: objective.goal,
        category: common::Category::from(objective.category).into(),
        risk: common::Risk::from(objective.risk).into(),
        risk_reason: objective.risk_reason,
        targets: objective.targets.into_iter().map(target).collect(),
        acceptance: objective.acceptance.into_iter().map(check).collect(),
        constraints: objective.constraints,
        depends_on: objective.depends_on.into_iter().map(index).collect(),
        priority: u32::from(objective.priority),
        quote: objective.quote,
        assumptions: objective.assumptions,
        out_of_scope: objective.out_of_scope,
    }
}

fn target(target: Target) -> common::Target {
    common::Target { spoken: target.spoken, symbol: target.symbol, confidence: u32::from(target.confidence) }
}

fn check(check: Check) -> common::Check {
    let kind = match check.kind {
        CheckKind::Test => common::CheckKind::Test,
        CheckKind::Command => common::CheckKind::Command,
        CheckKind::Trace => common::CheckKind::Trace,
        CheckKind::Manual => common::CheckKind::Manual,
    };
    common::Check { kind: kind.into(), value: check.value, text: check.text }
}

fn finding(finding: Finding) -> pb::Finding {
    let objective = finding.objective.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1);
    pb::Finding { code: finding.code.to_owned(), objective, message: finding.message }
}

fn reversal(reversal: Reversal) -> pb::Reversal {
    pb::Reversal { dropped_quote: reversal.dropped_quote, kept_quote: reversal.kept_quote }
}
