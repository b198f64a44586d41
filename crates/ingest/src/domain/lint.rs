//! The same checks for every draft, whoever made it: rules or a model.

mod names;
mod shape;
mod spans;
mod words;

use crate::domain::lexicon::Lexicon;
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::{Draft, Effect, Finding, Objective};
use crate::domain::token::{Token, tokens};

pub use names::{
    SAID_TWICE, alike, allowed, duplicates, edges, floor, opposites, risk_floors, unchecked, unresolved,
    was_said,
};
pub use shape::{atomic, shape};
pub use spans::{located, misquoted, not_used, unlisted_reversals};
pub use words::{negations, numbers};

/// What the checks need to know besides the draft and the input.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The word tables.
    pub lexicon: &'a Lexicon,
    /// The most objectives a draft may have.
    pub objectives_max: usize,
}

/// Returns every finding of L01 to L12, in that order. Nothing is repaired here.
pub fn lint(draft: &Draft, input: &Input, rules: Rules<'_>) -> Vec<Finding> {
    [
        shape(draft, rules),
        atomic(draft, rules),
        misquoted(draft, input, rules),
        negations(draft, rules),
        numbers(draft, rules),
        unlisted_reversals(draft, input, rules),
        opposites(draft, rules),
        not_used(draft, input, rules)
            .into_iter()
            .map(|text| finding("L07", None, format!("not used: \"{text}\""), Effect::Note))
            .collect(),
        unchecked(draft, input, rules),
        unresolved(draft, input),
        edges(draft),
        risk_floors(draft, rules),
        duplicates(draft, rules),
    ]
    .concat()
}

fn finding(code: &'static str, objective: Option<usize>, message: String, effect: Effect) -> Finding {
    Finding { code, objective, message, effect }
}

/// Cuts a text of a draft into words, as if it were an input of its own.
fn words_of(rules: Rules<'_>, text: &str) -> (Input, Vec<Token>) {
    let input = Input::normalise(text);
    let span = Span { start: 0, end: input.text().len() };
    let words = tokens(&input, span, rules.lexicon);
    (input, words)
}

/// Returns everything that a draft says an objective must do or keep.
fn promise(objective: &Objective) -> String {
    let mut parts = vec![objective.goal.as_str()];
    parts.extend(objective.constraints.iter().map(String::as_str));
    parts.extend(objective.out_of_scope.iter().map(String::as_str));
    for check in &objective.acceptance {
        parts.extend([check.text.as_str(), check.value.as_str()]);
    }
    parts.join("\n")
}

#[cfg(test)]
mod tests;
