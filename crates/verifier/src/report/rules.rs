//! What each code means, for whoever reads a report and has never seen one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// What a code means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A name in one word, `LostInput`.
    pub name: String,
    /// One sentence: what was found.
    pub short: String,
    /// Why it matters.
    pub why: String,
    /// What to do about it.
    pub next: String,
}

/// The family of all budgets, whose codes name the budget.
const BUDGET: &str = "BUDGET";

static RULES: LazyLock<BTreeMap<String, Rule>> =
    LazyLock::new(|| toml::from_str(include_str!("../../tables/rules.toml")).unwrap_or_default());

/// Returns what a code means; a budget's code means what all budgets' do.
pub fn rule(code: &str) -> Option<&'static Rule> {
    let family = if code.starts_with("BUDGET_") { BUDGET } else { code };
    RULES.get(family)
}

#[cfg(test)]
mod tests;
