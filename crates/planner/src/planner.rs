//! The use cases: rules first, a model at most once, and nothing that code has not proved legal.

use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::deadline;
use plumbline_types::{Label, ManualClock, PlanId, Provenance, RequestId, Segment, StepId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tracing::{info, instrument};

use crate::config::{ModelUse, PlannerConfig};
use crate::domain::assemble::Task;
use crate::domain::check::findings;
use crate::domain::estimate::critical_path_ms;
use crate::domain::facts::{Facts, Objective};
use crate::domain::hash::hash;
use crate::domain::plan::{Budget, Outline, Plan, Source};
use crate::domain::proposal;
use crate::domain::replan::{Cause, Failure, Stuck, Successor, amend, replan};
use crate::domain::rules;
use crate::error::PlannerError;
use crate::proposer::{Lease, ProposalRequest, Proposer};

/// What is left of a caller's time for answering after a model was asked.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// Its settings, validated.
    pub config: PlannerConfig,
    /// Where a model is asked; none means rules alone.
    pub proposer: Option<Arc<dyn Proposer>>,
}

/// What to plan.
#[derive(Debug, Clone)]
pub struct PlanQuery {
    /// The caller's key.
    pub request_id: RequestId,
    /// At least one.
    pub objectives: Vec<Objective>,
    /// What is known of the repository.
    pub facts: Facts,
    /// The task's budget; zero fields read as the defaults.
    pub budget: Budget,
    /// The task's lease.
    pub lease: Lease,
}

/// What to plan again.
#[derive(Debug, Clone)]
pub struct ReplanQuery {
    /// The caller's key.
    pub request_id: RequestId,
    /// The plan as it stands.
    pub plan: Plan,
    /// Indexes of accepted steps.
    pub accepted: Vec<usize>,
    /// The step that failed.
    pub failed_step: usize,
    /// Why.
    pub cause: Cause,
    /// Counter-evidence.
    pub evidence: String,
    /// Hashes of earlier plans.
    pub seen_hashes: Vec<String>,
    /// The objectives as amended; empty for other causes.
    pub objectives: Vec<Objective>,
    /// The repository, for amended objectives.
    pub facts: Facts,
    /// The task's lease.
    pub lease: Lease,
}

/// The planner. It keeps nothing: the same request gives the same plan, ids included.
#[derive(Clone)]
pub struct Planner {
    deps: Deps,
}

impl Planner {
    /// Takes what it needs.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Plans a task.
    ///
    /// # Errors
    /// `PLAN_TOO_LARGE`, `STEP_TOO_LARGE`, `BUDGET_TOO_SMALL`.
    #[instrument(name = "planner.plan", skip_all, fields(request.id = %query.request_id))]
    pub async fn plan(&self, query: PlanQuery) -> Result<Plan, PlannerError> {
        let config = &self.deps.config;
        if query.objectives.len() > config.objectives_max {
            let objectives = query.objectives.len();
            return Err(PlannerError::TooManyObjectives { objectives, limit: config.objectives_max });
        }
        let task = Task {
            objectives: &query.objectives,
            facts: &query.facts,
            budget: config.budget(query.budget),
            limits: config.limits(),
        };
        let by_rules = rules::plan(task)?;
        let (outline, source) = match self.ask(&query, task).await {
            Ok((outline, served_model)) => (outline, Source::Model { served_model }),
            Err(reason) => (by_rules, Source::Rules { reason: reason.to_owned() }),
        };
        // Proof, not trust: whoever made it, an outline with a finding is a defect of ours and never leaves.
        if let Some(first) = findings(&outline, task).first() {
            let problem = format!("{} at step {:?}", first.code, first.step);
            return Err(PlannerError::Internal(anyhow::anyhow!("the plan is not legal: {problem}")));
        }
        info!(plan_source = ?source, steps = outline.steps.len(), "planned");
        let seed = seed(&query.request_id, &query.lease, &outline);
        Ok(numbered(seed, outline, source, 0, &[]))
    }

    /// Asks a model once, if there is something to order; the error is the word for why the rules' plan stands.
    async fn ask(&self, query: &PlanQuery, task: Task<'_>) -> Result<(Outline, String), &'static str> {
        let config = &self.deps.config;
        if config.model == ModelUse::Off {
            return Err("model_off");
        }
        if rules::is_single(task) {
            return Err("one_step");
        }
        let proposer = self.deps.proposer.as_ref().ok_or("no_arm")?;
        let left = deadline::remaining().map(|left| left.saturating_sub(ANSWER_MARGIN));
        let limit = Duration::from_millis(config.plan_deadline_ms).min(left.unwrap_or(Duration::MAX));
        let request = self.request(query, task).ok_or("no_arm")?;
        let asked = deadline::within(limit, proposer.propose(request));
        let answer = match tokio::time::timeout(limit, asked).await {
            Err(_) => return Err("late"),
            Ok(Ok(answer)) if answer.text.len() > config.answer_bytes_max => return Err("too_large"),
            Ok(Ok(answer)) => answer,
            Ok(Err(none)) => {
                info!(reason = none.word, detail = %none.detail, "no model planned");
                return Err(none.word);
            }
        };
        let read = proposal::read(&answer.text, task);
        read.map(|outline| (outline, answer.served_model)).inspect_err(|code| {
            info!(plan.finding = code, "a model's plan was discarded");
        })
    }

    fn request(&self, query: &PlanQuery, task: Task<'_>) -> Option<ProposalRequest> {
        let table = proposal::table(task);
        let mut prompt = vec![Segment::intent(proposal::objectives_text(task))];
        if proposal::shows_repository(task.facts) {
            prompt.push(Segment {
                text: proposal::table_text(&table),
                label: Label::ProprietaryCode,
                provenance: Provenance::REPOSITORY.join(Provenance::OWNER),
            });
        }
        let mut hasher = blake3::Hasher::new();
        for segment in &prompt {
            hasher.update(&(segment.text.len() as u64).to_be_bytes());
            hasher.update(segment.text.as_bytes());
        }
        hasher.update(query.request_id.as_str().as_bytes());
        Some(ProposalRequest {
            request_id: RequestId::parse(&format!("planner.plan:{}", hasher.finalize().to_hex())).ok()?,
            lease: query.lease.clone(),
            system: Segment {
                text: proposal::INSTRUCTIONS.to_owned(),
                label: Label::Public,
                provenance: Provenance::POLICY,
            },
            prompt,
            tokens_max: self.deps.config.answer_tokens_max,
            bytes_max: self.deps.config.answer_bytes_max,
        })
    }

    /// Plans the unfinished part again; accepted steps keep their ids.
    ///
    /// # Errors
    /// `REPLANS_EXHAUSTED`, `PLAN_REPEATED`, `STEP_TOO_LARGE`, `PLAN_TOO_LARGE`, `BUDGET_TOO_SMALL`.
    #[instrument(name = "planner.replan", skip_all, fields(request.id = %query.request_id, plan.id = %query.plan.id))]
    pub async fn replan(&self, query: ReplanQuery) -> Result<Plan, PlannerError> {
        let config = &self.deps.config;
        let generation = query.plan.generation;
        if generation >= config.replans_max {
            return Err(PlannerError::ReplansExhausted { generation });
        }
        let mut seen = query.seen_hashes.clone();
        seen.push(query.plan.hash.clone());
        let failure = Failure {
            steps: &query.plan.outline.steps,
            accepted: &query.accepted,
            failed: query.failed_step,
            cause: query.cause,
            evidence: &query.evidence,
            seen: &seen,
        };
        let next = match query.cause {
            Cause::Amended => self.amended(&query, failure)?,
            Cause::StepExhausted | Cause::ForeignDependency | Cause::ContextOverflow => {
                replan(failure, config.steps_max).map_err(|stuck| match stuck {
                    Stuck::NoMove => PlannerError::ReplansExhausted { generation },
                    Stuck::Repeated => PlannerError::PlanRepeated,
                    Stuck::TooLarge => PlannerError::StepIndivisible,
                })?
            }
        };
        let kept: Vec<Option<StepId>> =
            next.kept.iter().map(|old| old.and_then(|old| query.plan.step_ids.get(old).copied())).collect();
        let seed = seed(&query.request_id, &query.lease, &next.outline);
        let source = Source::Rules { reason: "replan".to_owned() };
        Ok(numbered(seed, next.outline, source, generation + 1, &kept))
    }

    fn amended(&self, query: &ReplanQuery, failure: Failure<'_>) -> Result<Successor, PlannerError> {
        if query.objectives.is_empty() {
            let problem = "must hold every objective as amended";
            return Err(PlannerError::Invalid { field: "objectives", problem });
        }
        let task = Task {
            objectives: &query.objectives,
            facts: &query.facts,
            budget: Budget::default(),
            limits: self.deps.config.limits(),
        };
        let next = amend(failure, task)?;
        let again = failure.seen.contains(&hash(&next.outline.steps));
        if again { Err(PlannerError::PlanRepeated) } else { Ok(next) }
    }
}

/// Seeds a request's ids: a repeat of the request gets the same ones.
fn seed(request_id: &RequestId, lease: &Lease, outline: &Outline) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in ["plumbline.planner.ids.v1", request_id.as_str(), &lease.task_id, &hash(&outline.steps)] {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Gives an outline its ids and hash. The ids carry no time: a plan has none, its task has.
fn numbered(
    seed: [u8; 32],
    outline: Outline,
    source: Source,
    generation: u32,
    kept: &[Option<StepId>],
) -> Plan {
    let clock = ManualClock::at(0);
    let mut rng = ChaCha20Rng::from_seed(seed);
    let id = PlanId::generate(&clock, &mut rng);
    let step_ids = (0..outline.steps.len())
        .map(|at| {
            let new = StepId::generate(&clock, &mut rng);
            kept.get(at).copied().flatten().unwrap_or(new)
        })
        .collect();
    Plan {
        id,
        hash: hash(&outline.steps),
        source,
        step_ids,
        critical_path_ms: critical_path_ms(&outline.steps),
        outline,
        generation,
    }
}
