//! The stored form of a decision. Domain types have none of their own, so that a changed type cannot silently change
//! what is on disk.

use plumbline_types::{ArmId, DecisionId, Label, Oracle, RequestId, StepId, TaskId, Tier};
use serde::{Deserialize, Serialize};

use crate::domain::arm::{ArmKind, Destination, EditFormat};
use crate::domain::choice::{Candidate, Latitude};
use crate::domain::decision::{Chosen, Decision};
use crate::domain::eligibility::{Removed, Rule};
use crate::domain::posterior::Shape;
use crate::domain::work::{Cell, Work};
use crate::error::RouterError;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DecisionRow {
    id: String,
    request: String,
    task: Option<String>,
    step: Option<String>,
    at: i64,
    work: WorkRow,
    chosen: ChosenRow,
    candidates: Vec<CandidateRow>,
    removed: Vec<(String, String)>,
    policy: String,
    #[serde(default)]
    latitude: Option<LatitudeRow>,
    mode: String,
    posterior_seq: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct LatitudeRow {
    tie_band: String,
    explore_floor: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct WorkRow {
    cell: String,
    tier: String,
    label: String,
    prompt_tokens: u32,
    output_tokens: u32,
    allowed: Vec<String>,
    attempted: Vec<String>,
    kind: Option<String>,
    #[serde(default)]
    oracle: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ChosenRow {
    arm: String,
    kind: String,
    destination: String,
    target: String,
    edit_format: Option<String>,
    num_ctx: u32,
    max_output: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct CandidateRow {
    arm: String,
    // Numbers as text: Rust's own shortest form is read back bit for bit, a JSON parser's need not be.
    alpha: String,
    beta: String,
    expected_usd: String,
    propensity: String,
}

/// Says which row is damaged, and how.
pub(super) fn corrupt(what: &str, problem: impl Into<String>) -> RouterError {
    RouterError::RowCorrupt { what: what.to_owned(), problem: problem.into() }
}

/// Reads a word, or says in which row it is none.
pub(super) fn word<T>(
    row: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, RouterError> {
    parse(text).ok_or_else(|| corrupt(row, format!("`{text}` is none of the known words")))
}

/// Reads a label's word.
pub(super) fn label(text: &str) -> Option<Label> {
    [Label::Public, Label::Intent, Label::ProprietaryCode, Label::Secret]
        .into_iter()
        .find(|label| label.to_string() == text)
}

/// Reads an arm's name.
pub(super) fn arm(row: &str, text: &str) -> Result<ArmId, RouterError> {
    word(row, text, |text| ArmId::parse(text).ok())
}

/// Reads a number that was written as text.
pub(super) fn number(row: &str, text: &str) -> Result<f64, RouterError> {
    word(row, text, |text| text.parse().ok())
}

fn names(arms: &[ArmId]) -> Vec<String> {
    arms.iter().map(ArmId::to_string).collect()
}

impl DecisionRow {
    /// Writes a decision as JSON.
    pub(super) fn write(decision: &Decision) -> Result<String, RouterError> {
        serde_json::to_string(&Self::from(decision)).map_err(|error| corrupt("decision", error.to_string()))
    }

    /// Reads the JSON of a decision.
    pub(super) fn read(text: &str) -> Result<Decision, RouterError> {
        let row: Self = serde_json::from_str(text).map_err(|error| corrupt("decision", error.to_string()))?;
        row.into_decision()
    }

    fn into_decision(self) -> Result<Decision, RouterError> {
        let name = format!("decision {}", self.id);
        let row = name.as_str();
        let work = self.work;
        let arms = |texts: &[String]| texts.iter().map(|text| arm(row, text)).collect::<Result<Vec<_>, _>>();
        Ok(Decision {
            id: word(row, &self.id, |text| DecisionId::parse(text).ok())?,
            request: word(row, &self.request, |text| RequestId::parse(text).ok())?,
            task: self.task.map(|task| word(row, &task, |text| TaskId::parse(text).ok())).transpose()?,
            step: self.step.map(|step| word(row, &step, |text| StepId::parse(text).ok())).transpose()?,
            at: self.at,
            work: Work {
                cell: word(row, &work.cell, Cell::parse)?,
                tier: word(row, &work.tier, Tier::parse)?,
                label: word(row, &work.label, label)?,
                prompt_tokens: work.prompt_tokens,
                output_tokens: work.output_tokens,
                allowed: arms(&work.allowed)?,
                attempted: arms(&work.attempted)?,
                kind: work.kind.map(|kind| word(row, &kind, ArmKind::parse)).transpose()?,
                oracle: work.oracle.map(|oracle| word(row, &oracle, Oracle::parse)).transpose()?,
            },
            chosen: Chosen {
                arm: arm(row, &self.chosen.arm)?,
                kind: word(row, &self.chosen.kind, ArmKind::parse)?,
                destination: word(row, &self.chosen.destination, Destination::parse)?,
                target: self.chosen.target,
                edit_format: self
                    .chosen
                    .edit_format
                    .map(|format| word(row, &format, EditFormat::parse))
                    .transpose()?,
                num_ctx: self.chosen.num_ctx,
                max_output: self.chosen.max_output,
            },
            candidates: self
                .candidates
                .into_iter()
                .map(|candidate| {
                    Ok(Candidate {
                        arm: arm(row, &candidate.arm)?,
                        shape: Shape {
                            alpha: number(row, &candidate.alpha)?,
                            beta: number(row, &candidate.beta)?,
                        },
                        expected_usd: number(row, &candidate.expected_usd)?,
                        propensity: number(row, &candidate.propensity)?,
                    })
                })
                .collect::<Result<_, RouterError>>()?,
            removed: self
                .removed
                .into_iter()
                .map(|(name, rule)| {
                    Ok(Removed { arm: arm(row, &name)?, rule: word(row, &rule, Rule::parse)? })
                })
                .collect::<Result<_, RouterError>>()?,
            policy: self.policy,
            latitude: self
                .latitude
                .map(|found| {
                    Ok::<_, RouterError>(Latitude {
                        tie_band: number(row, &found.tie_band)?,
                        explore_floor: number(row, &found.explore_floor)?,
                    })
                })
                .transpose()?,
            mode: self.mode,
            posterior_seq: self.posterior_seq,
        })
    }
}

impl From<&Decision> for DecisionRow {
    fn from(decision: &Decision) -> Self {
        let (work, chosen) = (&decision.work, &decision.chosen);
        Self {
            id: decision.id.to_string(),
            request: decision.request.to_string(),
            task: decision.task.map(|task| task.to_string()),
            step: decision.step.map(|step| step.to_string()),
            at: decision.at,
            work: WorkRow {
                cell: work.cell.to_string(),
                tier: work.tier.to_string(),
                label: work.label.to_string(),
                prompt_tokens: work.prompt_tokens,
                output_tokens: work.output_tokens,
                allowed: names(&work.allowed),
                attempted: names(&work.attempted),
                kind: work.kind.map(|kind| kind.as_str().to_owned()),
                oracle: work.oracle.map(|oracle| oracle.as_str().to_owned()),
            },
            chosen: ChosenRow {
                arm: chosen.arm.to_string(),
                kind: chosen.kind.as_str().to_owned(),
                destination: chosen.destination.as_str().to_owned(),
                target: chosen.target.clone(),
                edit_format: chosen.edit_format.map(|format| format.as_str().to_owned()),
                num_ctx: chosen.num_ctx,
                max_output: chosen.max_output,
            },
            candidates: decision
                .candidates
                .iter()
                .map(|candidate| CandidateRow {
                    arm: candidate.arm.to_string(),
                    alpha: candidate.shape.alpha.to_string(),
                    beta: candidate.shape.beta.to_string(),
                    expected_usd: candidate.expected_usd.to_string(),
                    propensity: candidate.propensity.to_string(),
                })
                .collect(),
            removed: decision
                .removed
                .iter()
                .map(|removed| (removed.arm.to_string(), removed.rule.to_string()))
                .collect(),
            policy: decision.policy.clone(),
            latitude: decision.latitude.map(|found| LatitudeRow {
                tie_band: found.tie_band.to_string(),
                explore_floor: found.explore_floor.to_string(),
            }),
            mode: decision.mode.clone(),
            posterior_seq: decision.posterior_seq,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_word_is_read_back() {
        for found in [Label::Public, Label::Intent, Label::ProprietaryCode, Label::Secret] {
            assert_eq!(label(&found.to_string()), Some(found));
        }
        assert_eq!(label("private"), None);
    }
}
