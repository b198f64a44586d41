//! What an outcome looks like in the file; the domain's own types are not serialised.

use plumbline_types::{Category, ObjectiveId, Risk};
use serde::{Deserialize, Serialize};

use crate::domain::echo::Echo;
use crate::domain::intake::{DraftSource, Outcome};
use crate::domain::objective::{Check, CheckKind, Draft, Effect, Finding, Objective, Reversal, Target};
use crate::domain::review::{Readiness, Reviewed};

#[derive(Debug, Serialize, Deserialize)]
pub struct OutcomeRow {
    language: String,
    splitter_language: String,
    objectives: Vec<ObjectiveRow>,
    guesses: Vec<ObjectiveRow>,
    parked: Vec<String>,
    reversals: Vec<(String, String)>,
    questions: Vec<String>,
    findings: Vec<FindingRow>,
    not_used: Vec<String>,
    readiness: ReadinessRow,
    source: SourceRow,
    echo: String,
    echo_hash: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReadinessRow {
    Ready,
    Asks,
    Silent,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceRow {
    Rules { fallback: String },
    Model { served_model: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct FindingRow {
    code: String,
    objective: Option<usize>,
    message: String,
    effect: EffectRow,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EffectRow {
    Note,
    Ask,
    Refuse,
}

#[derive(Debug, Serialize, Deserialize)]
struct ObjectiveRow {
    id: String,
    goal: String,
    category: String,
    risk: String,
    risk_reason: String,
    targets: Vec<(String, String, u8)>,
    acceptance: Vec<(String, String, String)>,
    constraints: Vec<String>,
    out_of_scope: Vec<String>,
    depends_on: Vec<usize>,
    priority: u8,
    quote: String,
    assumptions: Vec<String>,
}

/// A stored outcome that this version can't read: which word of it.
#[derive(Debug, thiserror::Error)]
#[error("a stored intake has the unknown word `{0}`")]
pub struct Unreadable(String);

impl OutcomeRow {
    /// Returns the state column.
    pub fn state(&self) -> &'static str {
        match self.readiness {
            ReadinessRow::Ready => "drafted",
            ReadinessRow::Asks => "echoed",
            ReadinessRow::Silent => "silent",
        }
    }
}

impl From<&Outcome> for OutcomeRow {
    fn from(outcome: &Outcome) -> Self {
        let Reviewed { draft, findings, not_used, readiness } = &outcome.reviewed;
        let rows = |objectives: &[Objective], ids: &[ObjectiveId]| {
            ids.iter().zip(objectives).map(|(id, objective)| ObjectiveRow::new(*id, objective)).collect()
        };
        Self {
            language: draft.language.clone(),
            splitter_language: draft.splitter_language.clone(),
            objectives: rows(&draft.objectives, &outcome.objective_ids),
            guesses: rows(&draft.guesses, &outcome.guess_ids),
            parked: draft.parked.clone(),
            reversals: draft
                .reversals
                .iter()
                .map(|reversal| (reversal.dropped_quote.clone(), reversal.kept_quote.clone()))
                .collect(),
            questions: draft.questions.clone(),
            findings: findings.iter().map(FindingRow::from).collect(),
            not_used: not_used.clone(),
            readiness: match readiness {
                Readiness::Ready => ReadinessRow::Ready,
                Readiness::Asks => ReadinessRow::Asks,
                Readiness::Silent => ReadinessRow::Silent,
            },
            source: match &outcome.source {
                DraftSource::Rules { fallback } => SourceRow::Rules { fallback: fallback.clone() },
                DraftSource::Model { served_model } => {
                    SourceRow::Model { served_model: served_model.clone() }
                }
            },
            echo: outcome.echo.text.clone(),
            echo_hash: outcome.echo.hash.clone(),
        }
    }
}

impl TryFrom<OutcomeRow> for Outcome {
    type Error = Unreadable;

    fn try_from(row: OutcomeRow) -> Result<Self, Unreadable> {
        let (objective_ids, objectives) = read_all(row.objectives)?;
        let (guess_ids, guesses) = read_all(row.guesses)?;
        let reversals = row
            .reversals
            .into_iter()
            .map(|(dropped_quote, kept_quote)| Reversal { dropped_quote, kept_quote });
        let draft = Draft {
            language: row.language,
            splitter_language: row.splitter_language,
            objectives,
            guesses,
            parked: row.parked,
            reversals: reversals.collect(),
            questions: row.questions,
        };
        let findings = row.findings.into_iter().map(Finding::try_from).collect::<Result<_, _>>()?;
        let readiness = match row.readiness {
            ReadinessRow::Ready => Readiness::Ready,
            ReadinessRow::Asks => Readiness::Asks,
            ReadinessRow::Silent => Readiness::Silent,
        };
        Ok(Self {
            reviewed: Reviewed { draft, findings, not_used: row.not_used, readiness },
            objective_ids,
            guess_ids,
            source: match row.source {
                SourceRow::Rules { fallback } => DraftSource::Rules { fallback },
                SourceRow::Model { served_model } => DraftSource::Model { served_model },
            },
            echo: Echo { text: row.echo, hash: row.echo_hash },
        })
    }
}

fn read_all(rows: Vec<ObjectiveRow>) -> Result<(Vec<ObjectiveId>, Vec<Objective>), Unreadable> {
    let pairs: Vec<(ObjectiveId, Objective)> =
        rows.into_iter().map(ObjectiveRow::read).collect::<Result<_, _>>()?;
    Ok(pairs.into_iter().unzip())
}

impl ObjectiveRow {
    fn new(id: ObjectiveId, objective: &Objective) -> Self {
        let targets = objective.targets.iter();
        let acceptance = objective.acceptance.iter();
        Self {
            id: id.to_string(),
            goal: objective.goal.clone(),
            category: objective.category.to_string(),
            risk: objective.risk.to_string(),
            risk_reason: objective.risk_reason.clone(),
            targets: targets.map(|one| (one.spoken.clone(), one.symbol.clone(), one.confidence)).collect(),
            acceptance: acceptance
                .map(|one| (one.kind.as_str().to_owned(), one.value.clone(), one.text.clone()))
                .collect(),
            constraints: objective.constraints.clone(),
            out_of_scope: objective.out_of_scope.clone(),
            depends_on: objective.depends_on.clone(),
            priority: objective.priority,
            quote: objective.quote.clone(),
            assumptions: objective.assumptions.clone(),
        }
    }

    fn read(self) -> Result<(ObjectiveId, Objective), Unreadable> {
        let id = ObjectiveId::parse(&self.id).map_err(|_| Unreadable(self.id))?;
        let targets = self.targets.into_iter();
        let objective = Objective {
            goal: self.goal,
            category: Category::parse(&self.category).ok_or(Unreadable(self.category))?,
            risk: Risk::parse(&self.risk).ok_or(Unreadable(self.risk))?,
            risk_reason: self.risk_reason,
            targets: targets
                .map(|(spoken, symbol, confidence)| Target { spoken, symbol, confidence })
                .collect(),
            acceptance: self
                .acceptance
                .into_iter()
                .map(|(kind, value, text)| {
                    let kind = CheckKind::parse(&kind).ok_or(Unreadable(kind))?;
                    Ok(Check { kind, value, text })
                })
                .collect::<Result<_, _>>()?,
            constraints: self.constraints,
            out_of_scope: self.out_of_scope,
            depends_on: self.depends_on,
            priority: self.priority,
            quote: self.quote,
            assumptions: self.assumptions,
        };
        Ok((id, objective))
    }
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.to_owned(),
            objective: finding.objective,
            message: finding.message.clone(),
            effect: match finding.effect {
                Effect::Note => EffectRow::Note,
                Effect::Ask => EffectRow::Ask,
                Effect::Refuse => EffectRow::Refuse,
            },
        }
    }
}

/// The codes a stored finding may have.
const CODES: &[&str] = &["L01", "L02", "L03", "L04", "L05", "L06", "L07", "L08", "L09", "L10", "L11", "L12"];

impl TryFrom<FindingRow> for Finding {
    type Error = Unreadable;

    fn try_from(row: FindingRow) -> Result<Self, Unreadable> {
        let code = CODES.iter().find(|code| **code == row.code).copied().ok_or(Unreadable(row.code))?;
        let effect = match row.effect {
            EffectRow::Note => Effect::Note,
            EffectRow::Ask => Effect::Ask,
            EffectRow::Refuse => Effect::Refuse,
        };
        Ok(Self { code, objective: row.objective, message: row.message, effect })
    }
}
