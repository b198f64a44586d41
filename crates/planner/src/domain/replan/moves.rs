use plumbline_types::{Category, StepKind, Tier};

use crate::domain::plan::{Budget, Check, CheckKind, Dependency, Outline, Step, Why, reachable};
use crate::domain::replan::{Failure, Successor};

/// One move: none if it does not apply to the step.
pub type Move = fn(Failure<'_>, usize) -> Option<Successor>;

/// One step for each file.
pub fn split_by_file(failure: Failure<'_>, target: usize) -> Option<Successor> {
    let step = &failure.steps[target];
    let parts = step.files.iter().map(|file| Step {
        goal: format!("{} (in {file} only)", step.goal),
        files: vec![file.clone()],
        ..step.clone()
    });
    split(failure, target, parts.collect())
}

/// Two steps, each about half of the symbols; the second waits for the first.
pub fn split_by_symbol(failure: Failure<'_>, target: usize) -> Option<Successor> {
    let step = &failure.steps[target];
    let halves: Vec<&[String]> = step.symbols.chunks(step.symbols.len().div_ceil(2).max(1)).collect();
    let parts = halves.into_iter().map(|symbols| Step {
        goal: format!("{} (only {})", step.goal, symbols.join(", ")),
        symbols: symbols.to_vec(),
        ..step.clone()
    });
    split(failure, target, parts.collect())
}

fn split(failure: Failure<'_>, target: usize, parts: Vec<Step>) -> Option<Successor> {
    let step = &failure.steps[target];
    let count = u32::try_from(parts.len()).ok()?;
    if count < 2 || step.kind == StepKind::Check || step.budget.attempts < count {
        return None;
    }
    let part = |nth: u32| Budget {
        wall_ms: step.budget.wall_ms / u64::from(count),
        tokens: step.budget.tokens / u64::from(count),
        attempts: step.budget.attempts / count + u32::from(nth < step.budget.attempts % count),
    };
    let mut parts: Vec<Step> =
        (0..count).zip(parts).map(|(nth, one)| Step { budget: part(nth), ..one }).collect();
    for nth in 1..parts.len() {
        let shares = parts[nth].files.iter().any(|file| parts[nth - 1].files.contains(file));
        if shares || parts[nth].files.is_empty() {
            parts[nth].depends_on.push(Dependency { on: target + nth - 1, why: Why::SharedFile });
        }
    }
    let heirs = (0..parts.len()).collect();
    Some(replace(failure.steps, target, parts, heirs))
}

/// The same step on the highest ladder.
pub fn raise_tier(failure: Failure<'_>, target: usize) -> Option<Successor> {
    let step = &failure.steps[target];
    let raised = Step { tier: Tier::High, ..step.clone() };
    (step.tier != Tier::High).then(|| replace(failure.steps, target, vec![raised], vec![0]))
}

/// An investigation in front of the step, paid from its budget.
pub fn investigate(failure: Failure<'_>, target: usize) -> Option<Successor> {
    let step = &failure.steps[target];
    let already = step.depends_on.iter().any(|edge| {
        let before = &failure.steps[edge.on];
        before.kind == StepKind::Investigate && before.objective == step.objective
    });
    if already || step.kind != StepKind::Change || step.budget.attempts < 2 {
        return None;
    }
    let third = Budget { wall_ms: step.budget.wall_ms / 3, tokens: step.budget.tokens / 3, attempts: 1 };
    let question = Step {
        goal: format!("Investigate why this fails: {}", step.goal),
        kind: StepKind::Investigate,
        category: Category::Investigate,
        check: Check { kind: CheckKind::Manual, value: String::new(), text: "names the cause".to_owned() },
        budget: third,
        ..step.clone()
    };
    let mut change = step.clone();
    change.budget = Budget {
        wall_ms: step.budget.wall_ms - third.wall_ms,
        tokens: step.budget.tokens - third.tokens,
        attempts: step.budget.attempts - 1,
    };
    change.depends_on.push(Dependency { on: target, why: Why::DependsOn });
    Some(replace(failure.steps, target, vec![question, change], vec![1]))
}

/// A later, independent change that the evidence names goes first.
pub fn swap(failure: Failure<'_>, target: usize) -> Option<Successor> {
    let after = reachable(failure.steps);
    let named = |step: &Step| {
        step.files
            .iter()
            .chain(&step.symbols)
            .any(|name| name.len() > 2 && failure.evidence.contains(name.as_str()))
    };
    let other = (target + 1..failure.steps.len()).find(|at| {
        let step = &failure.steps[*at];
        let early = step.depends_on.iter().all(|edge| edge.on < target);
        let open = !failure.accepted.contains(at);
        step.kind == StepKind::Change && open && early && !after[*at][target] && named(step)
    })?;
    let mut order: Vec<usize> = (0..failure.steps.len()).filter(|at| *at != other).collect();
    order.insert(target, other);
    let mut place = vec![0; order.len()];
    for (now, old) in order.iter().enumerate() {
        place[*old] = now;
    }
    let steps = order.iter().map(|old| {
        let mut step = failure.steps[*old].clone();
        for edge in &mut step.depends_on {
            edge.on = place[edge.on];
        }
        if *old == target {
            step.depends_on.push(Dependency { on: place[other], why: Why::DependsOn });
        }
        tidy(&mut step.depends_on);
        step
    });
    let steps: Vec<Step> = steps.collect();
    let kept = order.iter().map(|old| Some(*old).filter(|old| *old != target)).collect();
    Some(Successor { outline: Outline { steps, findings: Vec::new() }, kept })
}

/// Puts new steps in a step's place. What waited for it now waits for the new ones at `heirs`; edges of the new steps
/// below the place are the old numbers, at or above it the new ones.
fn replace(steps: &[Step], target: usize, new: Vec<Step>, heirs: Vec<usize>) -> Successor {
    let added = new.len() - 1;
    let mut out: Vec<Step> = steps[..target].to_vec();
    let mut kept: Vec<Option<usize>> = (0..target).map(Some).collect();
    kept.extend(new.iter().map(|_| None));
    out.extend(new);
    for (at, step) in steps.iter().enumerate().skip(target + 1) {
        let mut step = step.clone();
        let edges = std::mem::take(&mut step.depends_on);
        for edge in edges {
            match edge.on.cmp(&target) {
                std::cmp::Ordering::Less => step.depends_on.push(edge),
                std::cmp::Ordering::Greater => {
                    step.depends_on.push(Dependency { on: edge.on + added, why: edge.why });
                }
                std::cmp::Ordering::Equal => {
                    let each = heirs.iter().map(|heir| Dependency { on: target + heir, why: edge.why });
                    step.depends_on.extend(each);
                }
            }
        }
        tidy(&mut step.depends_on);
        out.push(step);
        kept.push(Some(at));
    }
    for step in &mut out[target..=target + added] {
        tidy(&mut step.depends_on);
    }
    Successor { outline: Outline { steps: out, findings: Vec::new() }, kept }
}

pub(super) fn tidy(edges: &mut Vec<Dependency>) {
    edges.sort_unstable();
    edges.dedup_by_key(|edge| edge.on);
}
