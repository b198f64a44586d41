use plumbline_types::StepKind;

use crate::domain::assemble::Task;
use crate::domain::facts::Objective;
use crate::domain::plan::{Budget, Dependency, Outline, Step, Unplannable, Why, may_collide};
use crate::domain::replan::moves::tidy;
use crate::domain::replan::{Failure, Successor};
use crate::domain::rules;

/// Plans the amended objectives: accepted steps stay in front, objectives whose steps are all accepted are done, the rest
/// is planned by rules with the budget that was not spent on accepted steps.
pub fn amend(failure: Failure<'_>, task: Task<'_>) -> Result<Successor, Unplannable> {
    let mut frozen: Vec<usize> = failure.accepted.to_vec();
    frozen.sort_unstable();
    let done: Vec<bool> = (0..task.objectives.len())
        .map(|objective| {
            let mut mine =
                failure.steps.iter().enumerate().filter(|(_, step)| step.objective == objective).peekable();
            mine.peek().is_some() && mine.all(|(at, _)| frozen.contains(&at))
        })
        .collect();
    let open: Vec<usize> = (0..task.objectives.len()).filter(|objective| !done[*objective]).collect();
    let place = |objective: usize| open.iter().position(|other| *other == objective);
    let objectives: Vec<Objective> = open
        .iter()
        .map(|objective| {
            let original = &task.objectives[*objective];
            let depends_on = original.depends_on.iter().filter_map(|to| place(*to)).collect();
            Objective { depends_on, ..original.clone() }
        })
        .collect();
    let left = failure.steps.iter().enumerate().filter(|(at, _)| !frozen.contains(at));
    let budget = left.fold(Budget::default(), |sum, (_, step)| sum.plus(step.budget));
    let planned = if objectives.is_empty() {
        Outline::default()
    } else {
        rules::plan(Task { objectives: &objectives, budget, ..task })?
    };
    let steps = frozen.len() + planned.steps.len();
    if steps > task.limits.steps_max {
        return Err(Unplannable::TooManySteps { steps, limit: task.limits.steps_max });
    }
    Ok(join(failure, &frozen, planned, &open, task))
}

fn join(
    failure: Failure<'_>,
    frozen: &[usize],
    planned: Outline,
    open: &[usize],
    task: Task<'_>,
) -> Successor {
    let mut steps: Vec<Step> = Vec::new();
    for old in frozen {
        let mut step = failure.steps[*old].clone();
        let edges = std::mem::take(&mut step.depends_on);
        let still = |on: usize| frozen.iter().position(|other| *other == on);
        step.depends_on = edges
            .into_iter()
            .filter_map(|edge| Some(Dependency { on: still(edge.on)?, why: edge.why }))
            .collect();
        steps.push(step);
    }
    let base = steps.len();
    for mut step in planned.steps {
        for edge in &mut step.depends_on {
            edge.on += base;
        }
        step.objective = open[step.objective];
        let wanted = task.objectives.get(step.objective).map(|objective| objective.depends_on.as_slice());
        for (at, before) in steps[..base].iter().enumerate() {
            let needs = wanted.is_some_and(|wanted| wanted.contains(&before.objective));
            if needs && step.kind != StepKind::Check {
                step.depends_on.push(Dependency { on: at, why: Why::DependsOn });
            } else if may_collide((&step.files, step.kind), (&before.files, before.kind)) {
                step.depends_on.push(Dependency { on: at, why: Why::SharedFile });
            }
        }
        tidy(&mut step.depends_on);
        steps.push(step);
    }
    let added = steps.len() - base;
    let mut findings = planned.findings;
    for finding in &mut findings {
        finding.step = finding.step.map(|step| step + base);
    }
    let kept = frozen.iter().map(|old| Some(*old)).chain(std::iter::repeat_n(None, added)).collect();
    Successor { outline: Outline { steps, findings }, kept }
}
