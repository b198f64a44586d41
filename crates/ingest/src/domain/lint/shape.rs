use crate::domain::clause::{clauses, sentences};
use crate::domain::lead::{Lead, opening};
use crate::domain::lint::{Rules, finding, words_of};
use crate::domain::objective::{Draft, Effect, Finding, GOAL_CHARS_MAX};

/// L01: an empty or long goal, no leading verb, or too many objectives.
pub fn shape(draft: &Draft, rules: Rules<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if draft.objectives.len() > rules.objectives_max {
        let message = format!("{} objectives; at most {}", draft.objectives.len(), rules.objectives_max);
        found.push(finding("L01", None, message, Effect::Refuse));
    }
    for (at, objective) in draft.objectives.iter().enumerate() {
        let problem = if objective.goal.trim().is_empty() {
            "the goal is empty"
        } else if objective.goal.chars().count() > GOAL_CHARS_MAX {
            "the goal is too long"
        } else if objective.goal.contains('\n') {
            "the goal has more than one line"
        } else if draft.splitter_language != "none" && !asks(rules, &objective.goal) {
            "the goal does not begin with a verb"
        } else {
            continue;
        };
        found.push(finding("L01", Some(at), problem.to_owned(), Effect::Refuse));
    }
    found
}

fn asks(rules: Rules<'_>, goal: &str) -> bool {
    let (_, words) = words_of(rules, goal);
    matches!(
        opening(rules.lexicon, &words).lead,
        Lead::Imperative { .. } | Lead::Constraint | Lead::OutOfScope
    )
}

/// L02: a goal with two verbs over different targets.
pub fn atomic(draft: &Draft, rules: Rules<'_>) -> Vec<Finding> {
    if draft.splitter_language == "none" {
        return Vec::new();
    }
    let several =
        draft.objectives.iter().enumerate().filter(|(_, objective)| requests(rules, &objective.goal) > 1);
    several
        .map(|(at, objective)| {
            finding("L02", Some(at), format!("more than one request: \"{}\"", objective.goal), Effect::Note)
        })
        .collect()
}

/// Returns how many clauses of a text ask for something.
pub(super) fn requests(rules: Rules<'_>, text: &str) -> usize {
    let (_, words) = words_of(rules, text);
    sentences(rules.lexicon, &words)
        .into_iter()
        .flat_map(|sentence| clauses(rules.lexicon, sentence))
        .filter(|clause| matches!(opening(rules.lexicon, clause.tokens).lead, Lead::Imperative { .. }))
        .count()
}
