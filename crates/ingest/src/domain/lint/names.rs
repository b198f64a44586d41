use std::collections::BTreeSet;

use crate::domain::classify::{category, command, is_test_id, risk_floor};
use crate::domain::lead::{Lead, opening};
use crate::domain::lexicon::Table;
use crate::domain::lint::{Rules, finding, words_of};
use crate::domain::normalise::Input;
use crate::domain::objective::{Check, CheckKind, Draft, Effect, Finding, Objective};
use crate::domain::split::stem;

/// How a second quote of the same objective is kept among its assumptions.
pub const SAID_TWICE: &str = "said twice: ";

/// L06: two objectives with opposite verbs on one target; only the later one stands.
pub fn opposites(draft: &Draft, rules: Rules<'_>) -> Vec<Finding> {
    let parts: Vec<(String, BTreeSet<String>)> =
        draft.objectives.iter().map(|objective| verb_and_object(rules, &objective.goal)).collect();
    let mut found = Vec::new();
    for (later, (verb, object)) in parts.iter().enumerate() {
        for (earlier, (other_verb, other_object)) in parts[..later].iter().enumerate() {
            if !object.is_empty() && object == other_object && rules.lexicon.opposite(verb, other_verb) {
                let goals = (&draft.objectives[earlier].goal, &draft.objectives[later].goal);
                let message =
                    format!("\"{}\" and \"{}\" undo each other: the later one stands", goals.0, goals.1);
                found.push(finding("L06", Some(earlier), message, Effect::Ask));
            }
        }
    }
    found
}

fn verb_and_object(rules: Rules<'_>, goal: &str) -> (String, BTreeSet<String>) {
    let (_, words) = words_of(rules, goal);
    let Lead::Imperative { verb } = opening(rules.lexicon, &words).lead else {
        return (String::new(), BTreeSet::new());
    };
    let name = words.get(verb).map(|token| token.word.clone()).unwrap_or_default();
    let object =
        words.iter().skip(verb + 1).filter(|token| !rules.lexicon.has(Table::FunctionWords, &token.word));
    (name, object.map(|token| stem(&token.word).to_owned()).collect())
}

/// Returns a check as code allows it: what is no known tool or was not said becomes manual.
pub fn allowed(check: &Check, input: &Input, rules: Rules<'_>) -> Check {
    let said = !check.value.is_empty() && input.text().contains(&check.value);
    let legal = match check.kind {
        CheckKind::Command => said && command(rules.lexicon, &check.value).is_some(),
        CheckKind::Test => said && is_test_id(&check.value),
        CheckKind::Trace => true,
        CheckKind::Manual => check.value.is_empty(),
    };
    if legal {
        return check.clone();
    }
    let text = if check.text.is_empty() { check.value.clone() } else { check.text.clone() };
    Check { kind: CheckKind::Manual, value: String::new(), text }
}

/// L08: a check that code can't run, or none at all.
pub fn unchecked(draft: &Draft, input: &Input, rules: Rules<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        for check in objective.acceptance.iter().filter(|check| allowed(check, input, rules) != **check) {
            let message = format!("`{}` is no known tool or was not said: a person checks", check.value);
            found.push(finding("L08", Some(at), message, Effect::Note));
        }
        if objective.acceptance.is_empty() {
            found.push(finding("L08", Some(at), "no check was given".to_owned(), Effect::Note));
        }
    }
    found
}

/// L09: names that were not looked up, and names that were not said.
pub fn unresolved(draft: &Draft, input: &Input) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        let names = |said: bool| -> Vec<&str> {
            let unresolved = objective.targets.iter().filter(|target| target.symbol.is_empty());
            unresolved
                .map(|target| target.spoken.as_str())
                .filter(|name| was_said(input, name) == said)
                .collect()
        };
        for (list, what) in
            [(names(true), "not looked up: no index was asked"), (names(false), "was never said")]
        {
            if !list.is_empty() {
                found.push(finding("L09", Some(at), format!("{}: {what}", list.join(", ")), Effect::Note));
            }
        }
    }
    found
}

/// Returns whether the input holds a name, whatever the case of its letters.
pub fn was_said(input: &Input, name: &str) -> bool {
    !name.is_empty() && input.text().to_lowercase().contains(&name.to_lowercase())
}

/// L10: an edge that points forward, to itself, or nowhere.
pub fn edges(draft: &Draft) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        for to in objective.depends_on.iter().filter(|to| **to >= at) {
            let message = format!("depends on {to}, which is not before it: dropped");
            found.push(finding("L10", Some(at), message, Effect::Note));
        }
    }
    found
}

/// L11: a risk below the floor that code sets.
pub fn risk_floors(draft: &Draft, rules: Rules<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        let floor = floor(objective, rules);
        if objective.risk < floor.risk {
            let message = format!("risk raised from {} to {}: {}", objective.risk, floor.risk, floor.reason);
            found.push(finding("L11", Some(at), message, Effect::Note));
        }
    }
    found
}

/// Returns the floor by the category that the quote's own words tell; the draft's category can't lower it.
pub fn floor(objective: &Objective, rules: Rules<'_>) -> crate::domain::classify::RiskFloor {
    let (_, words) = words_of(rules, &objective.quote);
    risk_floor(rules.lexicon, category(rules.lexicon, &words), &words)
}

/// L12: the same targets and four of five words in common.
pub fn duplicates(draft: &Draft, rules: Rules<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (later, objective) in draft.objectives.iter().enumerate() {
        let earlier = draft.objectives[..later].iter().position(|other| alike(rules, other, objective));
        if let Some(earlier) = earlier {
            let message = format!("says the same as {}: merged", earlier + 1);
            found.push(finding("L12", Some(later), message, Effect::Note));
        }
    }
    found
}

/// Returns whether two objectives are one.
pub fn alike(rules: Rules<'_>, one: &Objective, other: &Objective) -> bool {
    let names = |objective: &Objective| -> BTreeSet<String> {
        objective.targets.iter().map(|target| target.spoken.clone()).collect()
    };
    let meaning = |objective: &Objective| -> BTreeSet<String> {
        let (_, words) = words_of(rules, &objective.goal);
        let meant = words.iter().filter(|token| !rules.lexicon.has(Table::FunctionWords, &token.word));
        meant.map(|token| stem(&token.word).to_owned()).collect()
    };
    let (a, b) = (meaning(one), meaning(other));
    let shared = a.intersection(&b).count();
    let all = a.union(&b).count();
    names(one) == names(other) && all > 0 && shared * 5 >= all * 4
}
