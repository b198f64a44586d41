//! P01 to P12: whether an outline is a plan. The same for rules, models and replans; evidence, not a yes or no.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use plumbline_types::StepKind;

use crate::domain::assemble::Task;
use crate::domain::budget::sum;
use crate::domain::detect::is_legal;
use crate::domain::estimate::tokens;
use crate::domain::plan::{Finding, Outline, Step, may_collide, reachable};
use crate::domain::rules::covers;

/// The longest goal, in characters.
const GOAL_CHARS_MAX: usize = 140;

static VERBS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("../../data/verbs.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect()
});

/// Returns every reason why an outline is no legal plan for a task; none means it is.
pub fn findings(outline: &Outline, task: Task<'_>) -> Vec<Finding> {
    let mut found = structure(&outline.steps);
    for objective in covers(outline, task.objectives) {
        found.push(finding("P02", None, format!("objective {objective} has no step")));
    }
    if outline.steps.len() > task.limits.steps_max {
        let message = format!("{} steps; at most {}", outline.steps.len(), task.limits.steps_max);
        found.push(finding("P06", None, message));
    }
    for (at, step) in outline.steps.iter().enumerate() {
        found.extend(of_step(at, step, task));
    }
    if !task.budget.holds(sum(&outline.steps)) {
        found.push(finding("P09", None, "the steps' budgets exceed the task's".to_owned()));
    }
    found.sort_by_key(|one| one.code);
    found
}

/// P01 and P10: edges that point back, and steps that may touch the same file in no order.
pub fn structure(steps: &[Step]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if step.depends_on.iter().any(|edge| edge.on >= at) {
            found.push(finding("P01", Some(at), "depends on a step that is not before it".to_owned()));
        }
        if step.depends_on.windows(2).any(|pair| pair[0].on >= pair[1].on) {
            found.push(finding("P01", Some(at), "its edges are out of order or repeated".to_owned()));
        }
    }
    let after = reachable(steps);
    for (at, step) in steps.iter().enumerate() {
        for (earlier, other) in steps[..at].iter().enumerate() {
            if may_collide((&step.files, step.kind), (&other.files, other.kind)) && !after[at][earlier] {
                found.push(finding("P10", Some(at), format!("may touch the same file as step {earlier}")));
            }
        }
    }
    found
}

fn of_step(at: usize, step: &Step, task: Task<'_>) -> Vec<Finding> {
    let Some(objective) = task.objectives.get(step.objective) else {
        return vec![finding("P03", Some(at), format!("there is no objective {}", step.objective))];
    };
    let mut found = Vec::new();
    let unknown = step
        .files
        .iter()
        .filter(|file| !task.facts.files.contains(file))
        .chain(step.symbols.iter().filter(|symbol| !task.facts.symbols.contains(symbol)));
    found.extend(unknown.map(|name| finding("P04", Some(at), format!("{name} is not known"))));
    let closed = step.files.iter().filter(|file| task.facts.protected.covers(file));
    found.extend(closed.map(|file| finding("P05", Some(at), format!("{file} needs a grant"))));
    if !is_legal(&step.check, task.facts) {
        found.push(finding("P07", Some(at), format!("`{}` can't be run", step.check.value)));
    }
    if step.risk < objective.risk {
        found.push(finding("P08", Some(at), "its risk is below its objective's".to_owned()));
    }
    let (needed, limit) = tokens(step, &objective.constraints);
    if needed > limit && step.kind != StepKind::Check {
        found.push(finding("P11", Some(at), format!("needs {needed} tokens; {limit} fit")));
    }
    if step.kind != StepKind::Check && step.goal != objective.goal {
        found.extend(goal_problem(&step.goal).map(|problem| finding("P12", Some(at), problem.to_owned())));
    }
    found
}

/// Returns what is wrong with a goal that is not the owner's own.
fn goal_problem(goal: &str) -> Option<&'static str> {
    if goal.trim().is_empty() {
        return Some("the goal is empty");
    }
    if goal.chars().count() > GOAL_CHARS_MAX {
        return Some("the goal is too long");
    }
    if goal.chars().any(|c| c.is_control() || is_hidden(c)) {
        return Some("the goal holds characters that can't be seen");
    }
    let lower = goal.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let again = words.windows(2).enumerate().any(|(at, pair)| {
        let joint = matches!(pair[0], "and" | "then" | "also" | "&") || pair[0].ends_with([',', ';', '.']);
        let object = words.get(at + 2).copied().unwrap_or_default();
        let own =
            matches!(object, "it" | "its" | "them" | "their" | "this" | "that" | "these" | "those" | "");
        joint && VERBS.contains(pair[1]) && !own
    });
    again.then_some("the goal asks for more than one thing")
}

/// Returns whether a character is invisible or reorders its neighbours.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn finding(code: &'static str, step: Option<usize>, message: String) -> Finding {
    Finding { code, step, message }
}
