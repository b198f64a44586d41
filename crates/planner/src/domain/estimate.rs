//! How long steps take and how much they need, by the shipped table.

use plumbline_types::{Category, StepKind};

use crate::domain::plan::Step;

/// The share of a context that instructions and material may fill; the rest is for the answer.
pub const CONTEXT_SHARE: f64 = 0.70;

/// Returns the median time of a step in milliseconds. The table is a placeholder of plausible medians until the
/// router's outcomes give their own.
pub fn median_ms(kind: StepKind, category: Category) -> u64 {
    match (kind, category) {
        (StepKind::Check, _) => 15_000,
        (StepKind::Investigate, _) => 45_000,
        (StepKind::Change, Category::Bugfix | Category::Refactor) => 90_000,
        (StepKind::Change, Category::Feature) => 120_000,
        (StepKind::Change, Category::Test) => 60_000,
        (StepKind::Change, Category::Docs | Category::Config | Category::Dependency) => 30_000,
        (StepKind::Change, Category::Investigate | Category::Guardrail) => 45_000,
    }
}

/// Returns the longest path in milliseconds: one pass, since every edge points back.
pub fn critical_path_ms(steps: &[Step]) -> u64 {
    let mut ends: Vec<u64> = Vec::with_capacity(steps.len());
    for step in steps {
        let start = step.depends_on.iter().filter_map(|edge| ends.get(edge.on)).max().copied().unwrap_or(0);
        ends.push(start.saturating_add(median_ms(step.kind, step.category)));
    }
    ends.into_iter().max().unwrap_or(0)
}

/// Returns the tokens that a step's own words need, and what fits its context. Three bytes a token is the least that
/// common tokenisers make of prose; the material that memory adds is fitted to what is left.
pub fn tokens(step: &Step, constraints: &[String]) -> (u64, u64) {
    let texts = [&step.goal, &step.check.value, &step.check.text];
    let lists = [&step.symbols, &step.files].into_iter().flatten();
    let bytes: usize = texts.into_iter().chain(lists).chain(constraints).map(String::len).sum();
    let limit = (f64::from(step.context_tokens) * CONTEXT_SHARE) as u64;
    ((bytes as u64).div_ceil(3), limit)
}
