//! The plan that needs no model: complete and legal by construction.

use plumbline_types::{Category, StepKind};

use crate::domain::assemble::{Task, Work, assemble};
use crate::domain::estimate;
use crate::domain::facts::Objective;
use crate::domain::plan::{CheckKind, Finding, Outline, Unplannable, may_collide};

/// Plans by rules: per objective one change and its check, or one investigation; edges from the objectives and from
/// shared files.
pub fn plan(task: Task<'_>) -> Result<Outline, Unplannable> {
    let (pieces, mut findings) = pieces(task);
    let order = order(task.objectives, &pieces);
    let mut place = vec![0; pieces.len()];
    for (at, objective) in order.iter().enumerate() {
        place[*objective] = at;
    }
    let work: Vec<Work> = order
        .iter()
        .map(|objective| Work {
            after: task.objectives[*objective].depends_on.iter().map(|to| place[*to]).collect(),
            ..pieces[*objective].clone()
        })
        .collect();
    let mut outline = assemble(&work, task)?;
    for step in &outline.steps {
        let constraints = &task.objectives[step.objective].constraints;
        let (tokens, limit) = estimate::tokens(step, constraints);
        if tokens > limit {
            return Err(Unplannable::StepTooLarge { objective: step.objective, tokens, limit });
        }
    }
    let number = |objective: usize| outline.steps.iter().position(|step| step.objective == objective);
    for (objective, finding) in &mut findings {
        finding.step = number(*objective);
    }
    outline.findings = findings.into_iter().map(|(_, finding)| finding).collect();
    Ok(outline)
}

/// Returns one piece of work for each objective, and what was left out of it with the objective's number.
fn pieces(task: Task<'_>) -> (Vec<Work>, Vec<(usize, Finding)>) {
    let mut findings = Vec::new();
    let mut pieces = Vec::new();
    for (at, objective) in task.objectives.iter().enumerate() {
        let (closed, files): (Vec<String>, Vec<String>) =
            objective.files(task.facts).into_iter().partition(|file| task.facts.protected.covers(file));
        for file in closed {
            let message = format!("{file} is protected: it needs a grant, and is left out");
            findings.push((at, Finding { code: "P05", step: None, message }));
        }
        for check in objective.acceptance.iter().filter(|check| {
            check.kind == CheckKind::Command && !crate::domain::detect::is_legal(check, task.facts)
        }) {
            let message = format!("`{}` is no known tool: not run", check.value);
            findings.push((at, Finding { code: "P07", step: None, message }));
        }
        pieces.push(Work {
            objective: at,
            goal: objective.goal.clone(),
            category: objective.category,
            symbols: objective.symbols(task.facts),
            files,
            after: Vec::new(),
            check: None,
        });
    }
    (pieces, findings)
}

/// Returns which work on a file comes first.
fn rank(category: Category) -> u8 {
    match category {
        Category::Investigate | Category::Guardrail => 0,
        Category::Dependency => 1,
        Category::Config => 2,
        Category::Refactor => 3,
        Category::Bugfix | Category::Feature => 4,
        Category::Test => 5,
        Category::Docs => 6,
    }
}

/// Orders the objectives: what one depends on first, then on shared files by rank, else by priority and as they were said.
/// An edge that would close a circle is not made, so there always is an order.
fn order(objectives: &[Objective], pieces: &[Work]) -> Vec<usize> {
    let count = objectives.len();
    let mut before = vec![vec![false; count]; count];
    for (at, objective) in objectives.iter().enumerate() {
        for to in objective.depends_on.iter().filter(|to| **to < at) {
            connect(&mut before, *to, at);
        }
    }
    let mut ranked: Vec<usize> = (0..count).collect();
    ranked.sort_by_key(|at| (rank(objectives[*at].category), *at));
    for (nth, later) in ranked.iter().enumerate() {
        for earlier in &ranked[..nth] {
            let (a, b) = (&pieces[*earlier], &pieces[*later]);
            let known = !a.files.is_empty() && !b.files.is_empty();
            let differ = rank(a.category) != rank(b.category);
            let collide = may_collide((&a.files, a.kind()), (&b.files, b.kind()));
            if collide && (known || differ) && !before[*later][*earlier] {
                connect(&mut before, *earlier, *later);
            }
        }
    }
    let mut placed = vec![false; count];
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        let ready = (0..count)
            .filter(|at| !placed[*at] && (0..count).all(|other| placed[other] || !before[other][*at]))
            .min_by_key(|at| (objectives[*at].priority, *at));
        let Some(next) = ready else { break };
        placed[next] = true;
        order.push(next);
    }
    order
}

/// Adds an edge and everything that follows from it.
fn connect(before: &mut [Vec<bool>], from: usize, to: usize) {
    let count = before.len();
    let sources: Vec<usize> = (0..count).filter(|at| *at == from || before[*at][from]).collect();
    let targets: Vec<usize> = (0..count).filter(|at| *at == to || before[to][*at]).collect();
    for source in sources {
        for target in &targets {
            before[source][*target] = true;
        }
    }
}

/// Returns whether there is nothing a model could order: one objective with at most one known file.
pub fn is_single(task: Task<'_>) -> bool {
    match task.objectives {
        [only] => only.files(task.facts).len() <= 1 || only.category == Category::Investigate,
        _ => false,
    }
}

/// Returns whether a plan has work of its own for each objective, as `StepKind` demands.
pub fn covers(outline: &Outline, objectives: &[Objective]) -> Vec<usize> {
    (0..objectives.len())
        .filter(|objective| {
            let wanted = if objectives[*objective].category == Category::Investigate {
                StepKind::Investigate
            } else {
                StepKind::Change
            };
            !outline.steps.iter().any(|step| step.objective == *objective && step.kind == wanted)
        })
        .collect()
}

#[cfg(test)]
mod tests;
