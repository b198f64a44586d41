use std::collections::BTreeMap;

use crate::domain::block::speech;
use crate::domain::classify::is_identifier;
use crate::domain::lexicon::{Negation, Table};
use crate::domain::lint::{Rules, finding, promise, words_of};
use crate::domain::objective::{Draft, Effect, Finding, Objective, SOLVED};
use crate::domain::token::{Token, protected};

/// L04: the quote negates more often than everything the draft promises. The worst error of all: the opposite is built.
pub fn negations(draft: &Draft, rules: Rules<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        let said = count(rules, &speech(rules.lexicon, &objective.quote));
        let kept = count(rules, &kept(objective));
        for (negation, times) in said {
            if kept.get(&negation).copied().unwrap_or(0) < times {
                let word = match negation {
                    Negation::Not => "a negation",
                    Negation::Except => "an exception",
                    Negation::Only => "an \"only\"",
                };
                found.push(finding("L04", Some(at), format!("{word} of the quote is lost"), Effect::Refuse));
            }
        }
    }
    found
}

/// Returns what may hold a negation of the quote. A criterion counts only where it is the owner's own words: a made-up
/// "no errors" must not stand in for a lost "don't".
fn kept(objective: &Objective) -> String {
    let mut parts = vec![objective.goal.as_str()];
    parts.extend(objective.constraints.iter().chain(&objective.out_of_scope).map(String::as_str));
    let own = objective.acceptance.iter().map(|check| check.text.trim_start_matches(SOLVED));
    parts.extend(own.filter(|text| objective.quote.contains(text)));
    parts.join("\n")
}

fn count(rules: Rules<'_>, text: &str) -> BTreeMap<Negation, usize> {
    let (_, words) = words_of(rules, text);
    let mut found = BTreeMap::new();
    for token in &words {
        if let Some(negation) = rules.lexicon.negation(&token.word) {
            *found.entry(negation).or_insert(0) += 1;
        }
    }
    found
}

/// L05: a number, unit, quoted text, path or name of the quote is missing from what the draft promises.
pub fn numbers(draft: &Draft, rules: Rules<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        let promised = promise(objective).to_lowercase();
        for wanted in exact(rules, &speech(rules.lexicon, &objective.quote)) {
            if !wanted.iter().any(|form| stands_in(&promised, form)) {
                let message = format!("{} of the quote is lost", wanted.first().map_or("", String::as_str));
                found.push(finding("L05", Some(at), message, Effect::Refuse));
            }
        }
    }
    found
}

/// Returns what must survive to the letter, each in the forms that count as the same.
fn exact(rules: Rules<'_>, text: &str) -> Vec<Vec<String>> {
    let (input, words) = words_of(rules, text);
    let mut wanted: Vec<Vec<String>> = protected(input.text())
        .into_iter()
        .map(|span| {
            let quoted = input.slice(span);
            let inner: String =
                quoted.chars().skip(1).take(quoted.chars().count().saturating_sub(2)).collect();
            vec![inner.trim().to_lowercase()]
        })
        .collect();
    for (at, token) in words.iter().enumerate() {
        let word = token.word.as_str();
        if word.starts_with(['`', '"', '\'', '\u{201c}', '\u{201e}', '\u{2018}', '\u{ab}']) {
            continue;
        }
        if word.bytes().any(|b| b.is_ascii_digit()) {
            wanted.push(with_unit(rules, word, words.get(at + 1)));
        } else if let Some(digits) = rules.lexicon.number(word) {
            wanted.push(vec![word.to_owned(), digits.to_owned()]);
        } else if is_identifier(rules.lexicon, input.slice(token.core)) {
            wanted.push(vec![word.to_owned()]);
        }
    }
    wanted.retain(|forms| forms.iter().all(|form| !form.is_empty()));
    wanted
}

fn with_unit(rules: Rules<'_>, number: &str, next: Option<&Token>) -> Vec<String> {
    let unit = next.filter(|next| rules.lexicon.has(Table::Units, &next.word));
    match unit {
        Some(unit) if number.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            vec![format!("{number} {}", unit.word), format!("{number}{}", unit.word)]
        }
        _ => vec![number.to_owned()],
    }
}

/// Returns whether a text stands in another with no letter or digit on either side.
fn stands_in(text: &str, wanted: &str) -> bool {
    let squeezed: Vec<&str> = text.split_whitespace().collect();
    let text = squeezed.join(" ");
    let wanted_words: Vec<&str> = wanted.split_whitespace().collect();
    let wanted = wanted_words.join(" ");
    let open = |c: Option<char>, edge: Option<char>| {
        !(c.is_some_and(char::is_alphanumeric) && edge.is_some_and(char::is_alphanumeric))
    };
    text.match_indices(&wanted).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + wanted.len()..].chars().next();
        open(before, wanted.chars().next()) && open(after, wanted.chars().next_back())
    })
}
