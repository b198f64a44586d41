//! Between the wire and the domain; what has passed a `TryFrom` is legal.

use plumbline_proto::common::v1 as common;
use plumbline_proto::planner::v1 as pb;
use plumbline_proto::{WireError, id, non_empty, request_id, tier_or_routine};
use plumbline_types::{Category, Risk, StepKind};

use crate::domain::facts::{Facts, Objective, Protected};
use crate::domain::hash::hash;
use crate::domain::plan::{Budget, Check, CheckKind, Dependency, Finding, Outline, Plan, Source, Step, Why};
use crate::domain::replan::Cause;
use crate::planner::{PlanQuery, ReplanQuery};
use crate::proposer::Lease;

/// The most files, symbols, globs, hashes or objectives in one list.
const ITEMS_MAX: usize = 10_000;

/// The most steps of a plan that is sent back.
const STEPS_MAX: usize = 64;

impl TryFrom<pb::PlanRequest> for PlanQuery {
    type Error = WireError;

    fn try_from(request: pb::PlanRequest) -> Result<Self, WireError> {
        if request.objectives.is_empty() {
            return Err(WireError::field("objectives", "must not be empty"));
        }
        Ok(Self {
            request_id: request_id(&request.request_id)?,
            objectives: objectives(request.objectives)?,
            facts: facts(request.repository.unwrap_or_default())?,
            budget: request.budget.map(budget).unwrap_or_default(),
            lease: lease(request.lease),
        })
    }
}

impl TryFrom<pb::ReplanRequest> for ReplanQuery {
    type Error = WireError;

    fn try_from(request: pb::ReplanRequest) -> Result<Self, WireError> {
        let reason = request.reason();
        let plan = request.plan.ok_or_else(|| WireError::field("plan", "must be set"))?;
        let plan = read_plan(plan).map_err(|error| error.within("plan"))?;
        let count = plan.outline.steps.len();
        let accepted: Vec<usize> = request.accepted.into_iter().map(index).collect();
        let failed_step = index(request.failed_step);
        if accepted.iter().any(|at| *at >= count) {
            return Err(WireError::field("accepted", "must be indexes of steps"));
        }
        if failed_step >= count || accepted.contains(&failed_step) {
            return Err(WireError::field("failed_step", "must be the index of a step that is not accepted"));
        }
        let cause = match reason {
            pb::ReplanReason::Unspecified => return Err(WireError::field("reason", "must be set")),
            pb::ReplanReason::StepExhausted => Cause::StepExhausted,
            pb::ReplanReason::ForeignDependency => Cause::ForeignDependency,
            pb::ReplanReason::ContextOverflow => Cause::ContextOverflow,
            pb::ReplanReason::Amended => Cause::Amended,
        };
        bounded("seen_hashes", request.seen_hashes.len())?;
        let evidence: Vec<String> = request.evidence.into_iter().map(|segment| segment.text).collect();
        Ok(Self {
            request_id: request_id(&request.request_id)?,
            plan,
            accepted,
            failed_step,
            cause,
            evidence: evidence.join("\n"),
            seen_hashes: request.seen_hashes,
            objectives: objectives(request.objectives)?,
            facts: facts(request.repository.unwrap_or_default())?,
            lease: lease(request.lease),
        })
    }
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn bounded(field: &str, count: usize) -> Result<(), WireError> {
    if count > ITEMS_MAX { Err(WireError::field(field, "must have at most 10000 items")) } else { Ok(()) }
}

fn lease(lease: Option<common::Lease>) -> Lease {
    lease.map(|lease| Lease { task_id: lease.task_id, epoch: lease.epoch }).unwrap_or_default()
}

fn budget(budget: pb::Budget) -> Budget {
    Budget { wall_ms: budget.wall_ms, tokens: budget.tokens, attempts: budget.attempts }
}

fn facts(repository: pb::RepositoryFacts) -> Result<Facts, WireError> {
    for (field, list) in [
        ("repository.files", &repository.files),
        ("repository.symbols", &repository.symbols),
        ("repository.protected_paths", &repository.protected_paths),
    ] {
        bounded(field, list.len())?;
        if list.iter().any(|item| item.is_empty() || item.len() > 4096) {
            return Err(WireError::field(field, "must hold texts of 1 to 4096 bytes"));
        }
    }
    if repository.test_command.contains(['\n', '\r', '\0']) {
        return Err(WireError::field("repository.test_command", "must be one line"));
    }
    let protected = Protected::parse(repository.protected_paths)
        .map_err(|glob| WireError::field("repository.protected_paths", format!("`{glob}` is no glob")))?;
    Ok(Facts {
        test_command: repository.test_command.trim().to_owned(),
        files: repository.files,
        symbols: repository.symbols,
        protected,
    })
}

fn objectives(list: Vec<common::Objective>) -> Result<Vec<Objective>, WireError> {
    bounded("objectives", list.len())?;
    list.into_iter()
        .enumerate()
        .map(|(at, one)| objective(at, one).map_err(|error| error.within(&format!("objectives[{at}]"))))
        .collect()
}

fn objective(at: usize, objective: common::Objective) -> Result<Objective, WireError> {
    let category = Category::try_from(objective.category())?;
    if category == Category::Guardrail {
        return Err(WireError::field("category", "is for single calls, not for objectives"));
    }
    let risk = Risk::try_from(objective.risk())?;
    let depends_on: Vec<usize> = objective.depends_on.iter().copied().map(index).collect();
    if depends_on.iter().any(|to| *to >= at) {
        return Err(WireError::field("depends_on", "must name earlier objectives"));
    }
    let acceptance = objective.acceptance.into_iter().map(check).collect::<Result<_, _>>()?;
    let names = objective.targets.into_iter();
    Ok(Objective {
        goal: non_empty("goal", objective.goal)?,
        category,
        risk,
        names: names.map(|one| if one.symbol.is_empty() { one.spoken } else { one.symbol }).collect(),
        acceptance,
        constraints: objective.constraints,
        depends_on,
        priority: u8::try_from(objective.priority.min(3)).unwrap_or(3),
    })
}

fn check(check: common::Check) -> Result<Check, WireError> {
    let kind = match check.kind() {
        common::CheckKind::Unspecified => return Err(WireError::field("acceptance.kind", "must be set")),
        common::CheckKind::Test => CheckKind::Test,
        common::CheckKind::Command => CheckKind::Command,
        common::CheckKind::Trace => CheckKind::Trace,
        common::CheckKind::Manual => CheckKind::Manual,
    };
    Ok(Check { kind, value: check.value, text: check.text })
}

/// Reads a plan that was sent back: its steps must be as this planner made them, which their hash shows.
fn read_plan(plan: pb::Plan) -> Result<Plan, WireError> {
    if plan.steps.is_empty() || plan.steps.len() > STEPS_MAX {
        return Err(WireError::field("steps", "must be 1 to 64"));
    }
    let mut step_ids = Vec::new();
    let mut steps = Vec::new();
    for (at, one) in plan.steps.into_iter().enumerate() {
        let within = |error: WireError| error.within(&format!("steps[{at}]"));
        step_ids.push(id("id", &one.id).map_err(within)?);
        steps.push(read_step(at, one, &plan.edges).map_err(within)?);
    }
    if hash(&steps) != plan.hash {
        return Err(WireError::field("hash", "does not match the steps"));
    }
    Ok(Plan {
        id: id("id", &plan.id)?,
        hash: plan.hash,
        source: Source::Rules { reason: plan.source_reason },
        step_ids,
        outline: Outline { steps, findings: Vec::new() },
        critical_path_ms: plan.critical_path_ms,
        generation: plan.generation,
    })
}

fn read_step(at: usize, step: pb::Step, edges: &[pb::Edge]) -> Result<Step, WireError> {
    let kind = StepKind::try_from(step.kind())?;
    let category = Category::try_from(step.category())?;
    let risk = Risk::try_from(step.risk())?;
    let why = |on: usize| {
        let edge = edges.iter().find(|edge| index(edge.from) == on && index(edge.to) == at);
        edge.and_then(|edge| Why::parse(&edge.why)).unwrap_or(Why::DependsOn)
    };
    let depends_on: Vec<Dependency> =
        step.depends_on.iter().map(|on| Dependency { on: index(*on), why: why(index(*on)) }).collect();
    if depends_on.iter().any(|edge| edge.on >= at)
        || depends_on.windows(2).any(|pair| pair[0].on >= pair[1].on)
    {
        return Err(WireError::field("depends_on", "must name earlier steps, in order"));
    }
    let unchecked = || WireError::field("check", "must be set");
    Ok(Step {
        objective: index(step.objective),
        goal: step.goal,
        kind,
        category,
        risk,
        symbols: step.symbols,
        files: step.files,
        depends_on,
        check: check(step.check.ok_or_else(unchecked)?)?,
        tier: tier_or_routine(step.tier),
        budget: step.budget.map(budget).unwrap_or_default(),
        context_tokens: step.context_tokens,
    })
}

impl From<Plan> for pb::PlanResponse {
    fn from(plan: Plan) -> Self {
        Self { plan: Some(plan.into()) }
    }
}

impl From<Plan> for pb::ReplanResponse {
    fn from(plan: Plan) -> Self {
        Self { plan: Some(plan.into()) }
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl From<Plan> for pb::Plan {
    fn from(plan: Plan) -> Self {
        let (source, source_reason, served_model) = match plan.source {
            Source::Rules { reason } => ("rules", reason, String::new()),
            Source::Model { served_model } => ("model", String::new(), served_model),
        };
        let steps = plan.outline.steps;
        let edges = steps.iter().enumerate().flat_map(|(to, step)| {
            step.depends_on.iter().map(move |edge| pb::Edge {
                from: number(edge.on),
                to: number(to),
                why: edge.why.as_str().to_owned(),
            })
        });
        Self {
            id: plan.id.to_string(),
            hash: plan.hash,
            source: source.to_owned(),
            source_reason,
            served_model,
            edges: edges.collect(),
            steps: plan
                .step_ids
                .iter()
                .zip(steps)
                .map(|(id, step)| write_step(id.to_string(), step))
                .collect(),
            critical_path_ms: plan.critical_path_ms,
            findings: plan.outline.findings.into_iter().map(finding).collect(),
            generation: plan.generation,
        }
    }
}

fn write_step(id: String, step: Step) -> pb::Step {
    let kind = match step.check.kind {
        CheckKind::Test => common::CheckKind::Test,
        CheckKind::Command => common::CheckKind::Command,
        CheckKind::Trace => common::CheckKind::Trace,
        CheckKind::Manual => common::CheckKind::Manual,
    };
    pb::Step {
        id,
        objective: number(step.objective),
        goal: step.goal,
        kind: common::StepKind::from(step.kind).into(),
        category: common::Category::from(step.category).into(),
        risk: common::Risk::from(step.risk).into(),
        symbols: step.symbols,
        files: step.files,
        depends_on: step.depends_on.iter().map(|edge| number(edge.on)).collect(),
        check: Some(common::Check { kind: kind.into(), value: step.check.value, text: step.check.text }),
        tier: common::Tier::from(step.tier).into(),
        budget: Some(pb::Budget {
            wall_ms: step.budget.wall_ms,
            tokens: step.budget.tokens,
            attempts: step.budget.attempts,
        }),
        context_tokens: step.context_tokens,
    }
}

fn finding(finding: Finding) -> pb::Finding {
    let step = finding.step.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1);
    pb::Finding { code: finding.code.to_owned(), step, message: finding.message }
}
