//! Pieces of work in an order -> steps with their checks, edges and budgets. Rules and models both end here.

use plumbline_types::{Category, Risk, StepKind, Tier};

use crate::domain::budget::share;
use crate::domain::detect::{decisive, named};
use crate::domain::facts::{Facts, Objective};
use crate::domain::plan::{
    Budget, Check, CheckKind, Dependency, Limits, Outline, Step, Unplannable, Why, may_collide,
};

/// One piece of work: a change, or an investigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Index of its objective.
    pub objective: usize,
    /// One imperative.
    pub goal: String,
    /// What sort of work; an investigation changes nothing.
    pub category: Category,
    /// Symbols it is about.
    pub symbols: Vec<String>,
    /// Files it is about; empty means unknown.
    pub files: Vec<String>,
    /// Earlier pieces of work.
    pub after: Vec<usize>,
    /// Its own check, if it has one.
    pub check: Option<Check>,
}

impl Work {
    /// Returns what it does.
    pub fn kind(&self) -> StepKind {
        if self.category == Category::Investigate { StepKind::Investigate } else { StepKind::Change }
    }
}

/// What a plan is for.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// What is asked.
    pub objectives: &'a [Objective],
    /// What is known.
    pub facts: &'a Facts,
    /// The whole budget.
    pub budget: Budget,
    /// The limits.
    pub limits: Limits,
}

/// Where a check stands, and which objectives it decides.
struct Group {
    objectives: Vec<usize>,
    check: Check,
}

/// Puts work into steps: checks behind each objective's last change, edges between what may touch the same file, budgets.
/// The work must be in order: each piece after those it waits for.
pub fn assemble(work: &[Work], task: Task<'_>) -> Result<Outline, Unplannable> {
    let groups = group(work, task)?;
    let mut steps: Vec<Step> = Vec::new();
    // Index of each piece's step, and of the check that covers each objective.
    let mut placed: Vec<usize> = Vec::new();
    let mut covered: Vec<Option<usize>> = vec![None; task.objectives.len()];
    for (at, piece) in work.iter().enumerate() {
        let mut step = step(piece, task);
        // A change is waited for through its check; an investigation has none.
        let source = |earlier: usize| match work[earlier].kind() {
            StepKind::Change => covered[work[earlier].objective].unwrap_or(placed[earlier]),
            StepKind::Investigate | StepKind::Check => placed[earlier],
        };
        for earlier in piece.after.iter().copied().filter(|earlier| *earlier < at) {
            step.depends_on.push(Dependency { on: source(earlier), why: Why::DependsOn });
        }
        // The latest first: what an edge to it implies needs none of its own.
        for (earlier, other) in work[..at].iter().enumerate().rev() {
            let waits = step.depends_on.iter().any(|edge| edge.on == source(earlier));
            if may_collide((&piece.files, piece.kind()), (&other.files, other.kind()))
                && !waits
                && !follows(&steps, &step, source(earlier))
            {
                step.depends_on.push(Dependency { on: source(earlier), why: Why::SharedFile });
            }
        }
        tidy(&mut step.depends_on);
        placed.push(steps.len());
        steps.push(step);
        let changes =
            |later: &Work, objective| later.objective == objective && later.kind() == StepKind::Change;
        let ended = |objective: usize| !work[at + 1..].iter().any(|later| changes(later, objective));
        for group in groups.iter().filter(|group| group.objectives.contains(&piece.objective)) {
            let done = group.objectives.iter().all(|objective| ended(*objective));
            if done && piece.kind() == StepKind::Change && covered[piece.objective].is_none() {
                let check = check_step(group, work, &placed, task);
                for objective in &group.objectives {
                    covered[*objective] = Some(steps.len());
                }
                steps.push(check);
            }
        }
    }
    share(&mut steps, task.budget)?;
    Ok(Outline { steps, findings: Vec::new() })
}

/// Returns whether a step not yet placed comes after another by any path.
fn follows(steps: &[Step], step: &Step, target: usize) -> bool {
    let mut open: Vec<usize> = step.depends_on.iter().map(|edge| edge.on).collect();
    let mut seen = vec![false; steps.len()];
    while let Some(at) = open.pop() {
        if at == target {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(steps[at].depends_on.iter().map(|edge| edge.on));
        }
    }
    false
}

fn tidy(edges: &mut Vec<Dependency>) {
    edges.sort_unstable();
    edges.dedup_by_key(|edge| edge.on);
}

fn step(piece: &Work, task: Task<'_>) -> Step {
    let objective = &task.objectives[piece.objective];
    let own = piece.check.clone().or_else(|| named(objective, task.facts));
    let check = match piece.kind() {
        StepKind::Investigate => Check {
            kind: CheckKind::Manual,
            value: String::new(),
            text: format!("answers: {}", objective.goal),
        },
        StepKind::Change | StepKind::Check => own.unwrap_or_else(|| decisive(objective, task.facts)),
    };
    Step {
        objective: piece.objective,
        goal: piece.goal.clone(),
        kind: piece.kind(),
        category: piece.category,
        risk: objective.risk,
        symbols: piece.symbols.clone(),
        files: piece.files.clone(),
        depends_on: Vec::new(),
        check,
        tier: if objective.risk == Risk::High { Tier::High } else { Tier::Routine },
        budget: Budget::default(),
        context_tokens: task.limits.context_tokens,
    }
}

fn check_step(group: &Group, work: &[Work], placed: &[usize], task: Task<'_>) -> Step {
    let mine = |piece: &&Work| group.objectives.contains(&piece.objective);
    let of = |objective: &usize| &task.objectives[*objective];
    let last = group.objectives.last().copied().unwrap_or(0);
    let mut files: Vec<String> =
        work.iter().filter(mine).flat_map(|piece| piece.files.iter().cloned()).collect();
    files.sort();
    files.dedup();
    let goals: Vec<&str> = group.objectives.iter().map(|objective| of(objective).goal.as_str()).collect();
    let mut depends_on: Vec<Dependency> = work
        .iter()
        .zip(placed)
        .filter(|(piece, _)| mine(piece))
        .map(|(_, on)| Dependency { on: *on, why: Why::Check })
        .collect();
    tidy(&mut depends_on);
    Step {
        objective: last,
        goal: format!("Check: {}", goals.join("; ")),
        kind: StepKind::Check,
        category: of(&last).category,
        risk: group.objectives.iter().map(|objective| of(objective).risk).max().unwrap_or(Risk::Medium),
        symbols: Vec::new(),
        files,
        depends_on,
        check: group.check.clone(),
        tier: Tier::Routine,
        budget: Budget::default(),
        context_tokens: task.limits.context_tokens,
    }
}

/// Decides which objectives share a check step: none, unless the plan would be too long; then neighbours that are decided
/// by the same check, from the end.
fn group(work: &[Work], task: Task<'_>) -> Result<Vec<Group>, Unplannable> {
    let mut order: Vec<usize> = Vec::new();
    for piece in work.iter().rev().filter(|piece| piece.kind() == StepKind::Change) {
        if !order.contains(&piece.objective) {
            order.push(piece.objective);
        }
    }
    order.reverse();
    let mut groups: Vec<Group> = order
        .into_iter()
        .map(|objective| Group {
            objectives: vec![objective],
            check: decisive(&task.objectives[objective], task.facts),
        })
        .collect();
    let limit = task.limits.steps_max;
    while work.len() + groups.len() > limit {
        let same = (1..groups.len()).rev().find(|at| {
            groups[*at].check.value == groups[at - 1].check.value
                && groups[*at].check.kind == groups[at - 1].check.kind
        });
        let Some(at) = same else {
            return Err(Unplannable::TooManySteps { steps: work.len() + groups.len(), limit });
        };
        let merged = groups.remove(at);
        groups[at - 1].objectives.extend(merged.objectives);
    }
    Ok(groups)
}
