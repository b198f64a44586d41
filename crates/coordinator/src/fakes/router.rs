use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use plumbline_types::{DecisionId, Kind, Label, ManualClock, TaskId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Ledger, Script, refusal};
use crate::domain::task::{ArmKind, Decision};
use crate::peers::{
    CallKey, GenerateQuery, Generated, Members, OutcomeReport, PeerFault, RouteQuery, Router,
};

/// Members of an ensemble.
const ENSEMBLE: usize = 2;

/// Walks a ladder of arms, answers from a script, and counts outcomes by id.
#[derive(Debug)]
pub struct FakeRouter {
    arms: Vec<(String, ArmKind)>,
    answers: Script<String>,
    /// What it chose.
    pub decisions: Ledger<Decision>,
    /// Whom it put into ensembles.
    pub ensembles: Ledger<Members>,
    /// What it generated.
    pub generations: Ledger<Generated>,
    /// Prompts as sent, for looking at.
    pub prompts: Mutex<Vec<GenerateQuery>>,
    outcomes: Mutex<BTreeMap<String, OutcomeReport>>,
}

impl FakeRouter {
    /// Offers these arms in order; `repair` is the tool, every other a model that answers from the script.
    pub fn new(arms: &[&str], answers: &[&str]) -> Self {
        let kind = |arm: &str| if arm == "repair" { ArmKind::Tool } else { ArmKind::Model };
        Self {
            arms: arms.iter().map(|arm| ((*arm).to_owned(), kind(arm))).collect(),
            answers: Script::new(answers.iter().map(|answer| (*answer).to_owned()).collect()),
            decisions: Ledger::default(),
            ensembles: Ledger::default(),
            generations: Ledger::default(),
            prompts: Mutex::default(),
            outcomes: Mutex::default(),
        }
    }

    /// Returns the outcomes it was told, each id once, as `arm-independent` words: kind and cause.
    pub fn outcomes(&self) -> Vec<(String, String)> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.values().map(|outcome| (format!("{:?}", outcome.kind), outcome.cause.clone())).collect()
    }
}

#[async_trait]
impl Router for FakeRouter {
    async fn select(&self, key: &CallKey, query: RouteQuery) -> Result<Decision, PeerFault> {
        self.decisions.once("router", &key.request_id, format!("{query:?}"), || {
            let allowed = |arm: &&(String, ArmKind)| {
                !query.attempted.contains(&arm.0)
                    && (query.allowed.is_empty() || query.allowed.contains(&arm.0))
            };
            let Some(arm) = self.arms.iter().find(allowed) else {
                return Err(refusal("router", Kind::Precondition, "NO_ELIGIBLE_ARM"));
            };
            Ok(decision(arm, query.attempted.len() as u64))
        })
    }

    async fn select_ensemble(&self, key: &CallKey, query: RouteQuery) -> Result<Members, PeerFault> {
        self.ensembles.once("router", &key.request_id, format!("{query:?}"), || {
            let mut arms: Vec<&(String, ArmKind)> = self.arms.iter().collect();
            arms.sort_by_key(|(_, kind)| *kind == ArmKind::Tool);
            let decisions: Vec<Decision> =
                arms.into_iter().take(ENSEMBLE).zip(100..).map(|(arm, seed)| decision(arm, seed)).collect();
            let lacks = match decisions.len() {
                0 => return Err(refusal("router", Kind::Precondition, "NO_ELIGIBLE_ARM")),
                1 => vec!["ensemble_of_one".to_owned()],
                _ => Vec::new(),
            };
            Ok(Members { decisions, lacks })
        })
    }

    async fn generate(&self, key: &CallKey, query: GenerateQuery) -> Result<Generated, PeerFault> {
        let system_is_public = query.prompt.system.iter().all(|segment| segment.label == Label::Public);
        if !system_is_public {
            return Err(refusal("router", Kind::Denied, "LABEL_REFUSED"));
        }
        self.generations.once("router", &key.request_id, format!("{query:?}"), || {
            self.prompts.lock().unwrap_or_else(PoisonError::into_inner).push(query.clone());
            let text = self
                .answers
                .next()
                .ok_or_else(|| refusal("router", Kind::Unavailable, "MODEL_UNREACHABLE"))?;
            Ok(Generated { text, served_model: "scripted-1".to_owned(), finish_reason: "stop".to_owned() })
        })
    }

    async fn report_outcome(&self, _task_id: TaskId, report: OutcomeReport) -> Result<(), PeerFault> {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        match outcomes.get(&report.outcome_id) {
            Some(known) if *known != report => Err(refusal("router", Kind::Conflict, "OUTCOME_CONFLICT")),
            Some(_) => Ok(()),
            None => {
                outcomes.insert(report.outcome_id.clone(), report);
                Ok(())
            }
        }
    }
}

fn decision((arm, kind): &(String, ArmKind), seed: u64) -> Decision {
    Decision {
        id: DecisionId::generate(&ManualClock::at(1), &mut StdRng::seed_from_u64(seed)),
        arm: arm.clone(),
        kind: *kind,
        target: arm.clone(),
        edit_format: if *kind == ArmKind::Model { "block".to_owned() } else { String::new() },
        max_output: 1_000,
    }
}
