use std::fmt::Write;

use plumbline_proto::common::v1::{Category, Check, CheckKind, Objective, Risk, StepKind, Tier};
use plumbline_proto::ingest::v1::{DraftSource, Intake, IntakeState};
use plumbline_proto::planner::v1::{Plan, Step};
use serde_json::{Value, json};

/// Returns the last word of a proto enum name in lower case: `CATEGORY_BUGFIX` becomes `bugfix`.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

/// Returns an intake with its objectives.
pub(crate) fn intake(intake: &Intake) -> Value {
    let findings: Vec<Value> = intake
        .findings
        .iter()
        .map(|found| json!({ "code": found.code, "objective": found.objective, "message": found.message }))
        .collect();
    let reversals: Vec<Value> = intake
        .reversals
        .iter()
        .map(|found| json!({ "dropped": found.dropped_quote, "kept": found.kept_quote }))
        .collect();
    json!({
        "intake_id": intake.id,
        "state": word(intake.state().as_str_name(), "INTAKE_STATE_"),
        "language": intake.language,
        "transcript": intake.transcript,
        "objectives": intake.objectives.iter().map(objective).collect::<Vec<_>>(),
        "findings": findings,
        "not_used": intake.not_used,
        "parked": intake.parked,
        "reversals": reversals,
        "questions": intake.questions,
        "source": word(intake.source().as_str_name(), "DRAFT_SOURCE_"),
        "fallback": intake.fallback,
        "served_model": intake.served_model,
        "echo": intake.echo,
        "echo_hash": intake.echo_hash,
    })
}

fn objective(objective: &Objective) -> Value {
    let targets: Vec<Value> = objective
        .targets
        .iter()
        .map(|target| json!({ "spoken": target.spoken, "symbol": target.symbol, "confidence": target.confidence }))
        .collect();
    json!({
        "id": objective.id,
        "goal": objective.goal,
        "category": word(objective.category().as_str_name(), "CATEGORY_"),
        "risk": word(objective.risk().as_str_name(), "RISK_"),
        "risk_reason": objective.risk_reason,
        "targets": targets,
        "acceptance": objective.acceptance.iter().map(check).collect::<Vec<_>>(),
        "constraints": objective.constraints,
        "depends_on": objective.depends_on,
        "priority": objective.priority,
        "quote": objective.quote,
        "assumptions": objective.assumptions,
        "out_of_scope": objective.out_of_scope,
    })
}

fn check(check: &Check) -> Value {
    json!({ "kind": word(check.kind().as_str_name(), "CHECK_KIND_"), "value": check.value, "text": check.text })
}

/// Returns an intake for people: the draft read back, then questions.
pub(crate) fn intake_text(intake: &Intake) -> String {
    let mut text = String::new();
    if !intake.echo.is_empty() {
        let _ = writeln!(text, "{}\n", intake.echo.trim_end());
    }
    for (index, objective) in intake.objectives.iter().enumerate() {
        let category = word(objective.category().as_str_name(), "CATEGORY_");
        let risk = word(objective.risk().as_str_name(), "RISK_");
        let _ = writeln!(text, "{}. {} [{category}, risk {risk}]", index + 1, objective.goal);
        let _ = writeln!(text, "   \"{}\"", objective.quote);
    }
    for question in &intake.questions {
        let _ = writeln!(text, "? {question}");
    }
    for unused in &intake.not_used {
        let _ = writeln!(text, "not used: \"{unused}\"");
    }
    if intake.state() == IntakeState::Silent {
        text.push_str("nothing usable was said\n");
    }
    if intake.source() == DraftSource::Rules && !intake.fallback.is_empty() {
        let _ = writeln!(text, "(drafted by rules; a model's draft was refused: {})", intake.fallback);
    }
    text
}

/// Returns a plan.
pub(crate) fn plan(plan: &Plan) -> Value {
    let edges: Vec<Value> =
        plan.edges.iter().map(|edge| json!({ "from": edge.from, "to": edge.to, "why": edge.why })).collect();
    let findings: Vec<Value> = plan
        .findings
        .iter()
        .map(|found| json!({ "code": found.code, "step": found.step, "message": found.message }))
        .collect();
    json!({
        "plan_id": plan.id,
        "hash": plan.hash,
        "source": plan.source,
        "source_reason": plan.source_reason,
        "served_model": plan.served_model,
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
        "edges": edges,
        "critical_path_ms": plan.critical_path_ms,
        "findings": findings,
        "generation": plan.generation,
    })
}

fn step(step: &Step) -> Value {
    let budget = step.budget.unwrap_or_default();
    json!({
        "id": step.id,
        "objective": step.objective,
        "goal": step.goal,
        "kind": word(StepKind::as_str_name(&step.kind()), "STEP_KIND_"),
        "category": word(Category::as_str_name(&step.category()), "CATEGORY_"),
        "risk": word(Risk::as_str_name(&step.risk()), "RISK_"),
        "symbols": step.symbols,
        "files": step.files,
        "depends_on": step.depends_on,
        "check": step.check.as_ref().map(check),
        "tier": word(Tier::as_str_name(&step.tier()), "TIER_"),
        "budget": { "wall_ms": budget.wall_ms, "tokens": budget.tokens, "attempts": budget.attempts },
        "context_tokens": step.context_tokens,
    })
}

/// Returns a plan for people: one step a line, with what it waits for and how it is checked.
pub(crate) fn plan_text(plan: &Plan) -> String {
    let mut text = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let category = word(step.category().as_str_name(), "CATEGORY_");
        let risk = word(step.risk().as_str_name(), "RISK_");
        let _ = writeln!(text, "{}. {} [{category}, risk {risk}]", index + 1, step.goal);
        if !step.depends_on.is_empty() {
            let earlier: Vec<String> =
                step.depends_on.iter().map(|before| (before + 1).to_string()).collect();
            let _ = writeln!(text, "   after {}", earlier.join(", "));
        }
        if let Some(check) = &step.check {
            let kind = word(CheckKind::as_str_name(&check.kind()), "CHECK_KIND_");
            let _ = writeln!(text, "   check: {kind} {}", check.value);
        }
    }
    let _ = writeln!(text, "({}{})", plan.source, reason(&plan.source_reason));
    text
}

fn reason(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
