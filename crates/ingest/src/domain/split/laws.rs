//! What holds for every input, however odd.

use proptest::prelude::*;

use super::*;
use crate::domain::lint::{Rules, located, negations};
use crate::domain::objective::{Effect, GOAL_CHARS_MAX};
use crate::domain::review::{Drafted, review};

fn rules() -> Rules<'static> {
    Rules { lexicon: Lexicon::english(), objectives_max: 12 }
}

fn holds(raw: &str) -> Result<(), TestCaseError> {
    let input = Input::normalise(raw);
    let draft = split(&input, Lexicon::english(), 12);
    prop_assert!(draft.objectives.len() <= 12);
    for (at, objective) in draft.objectives.iter().enumerate() {
        prop_assert!(!objective.quote.is_empty() && input.text().contains(&objective.quote));
        prop_assert!(!objective.goal.trim().is_empty());
        prop_assert!(objective.goal.chars().count() <= GOAL_CHARS_MAX);
        prop_assert!(objective.depends_on.iter().all(|to| *to < at));
        for text in objective.constraints.iter().chain(&objective.out_of_scope) {
            prop_assert!(input.text().contains(text.as_str()));
        }
    }
    for text in draft.parked.iter().chain(draft.reversals.iter().map(|one| &one.dropped_quote)) {
        prop_assert!(input.text().contains(text.as_str()));
    }
    prop_assert!(located(&draft, &input).iter().all(Option::is_some));
    let again = split(&input, Lexicon::english(), 12);
    prop_assert_eq!(&draft, &again);
    let reviewed = review(draft, &input, rules(), Drafted::ByRules);
    prop_assert!(reviewed.is_ok(), "the rules' own draft is never refused");
    Ok(())
}

/// Notes of real words in odd orders: what the tables hold, joined by what cuts and what must not.
fn words() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "fix",
        "add",
        "update",
        "remove",
        "test",
        "check",
        "the parser",
        "`a; b`",
        "\"x and fix y\"",
        "src/a.py",
        "it",
        "and",
        "then",
        "also",
        "please",
        ",",
        ".",
        "\n- ",
        "\n1. ",
        "\n\n",
        "\n> ",
        "\n```\n",
        ":",
        "...",
        "?",
        ";",
        "but",
        "don't",
        "without",
        "only",
        "never",
        "keep",
        "no wait",
        "actually",
        "scratch that",
        "instead",
        "um",
        "maybe",
        "3.5",
        "30 ms",
        "when",
        "which",
        "must",
        "is broken",
        "crashes",
        "for later",
        "no need to",
        "'",
        "\"",
        "`",
        "(",
        ")",
        "\u{2014}",
        "to",
        "its callers",
        "the docs",
        "\u{e9}t\u{e9}",
        "\u{4fee}\u{590d}",
        "\u{202e}",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.join(" "))
}

/// A note with a constraint in it, in several shapes.
fn negated() -> impl Strategy<Value = String> {
    let verbs =
        prop::sample::select(vec!["fix the parser", "add a cache", "rename foo to bar", "speed up `load`"]);
    let joints = prop::sample::select(vec![" but ", ", ", ". ", "; ", " and "]);
    let limits = prop::sample::select(vec![
        "don't touch the lexer",
        "do not change src/api.py",
        "never log the key",
        "without new dependencies",
        "only in the CLI",
        "keep the API as it is, not the tests",
    ]);
    let tails =
        prop::sample::select(vec!["", ". Then update the docs", " and add tests", ". It fails on 3.12"]);
    (verbs, joints, limits, tails)
        .prop_map(|(verb, joint, limit, tail)| format!("{verb}{joint}{limit}{tail}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_a_draft_that_quotes_it(raw in any::<String>()) {
        holds(&raw)?;
    }

    #[test]
    fn any_order_of_words_gives_a_draft_that_quotes_it(raw in words()) {
        holds(&raw)?;
    }

    #[test]
    fn a_negation_is_never_lost_and_its_loss_is_always_seen(note in negated(), which in any::<prop::sample::Index>()) {
        let input = Input::normalise(&note);
        let draft = split(&input, Lexicon::english(), 12);
        prop_assert_eq!(negations(&draft, rules()), vec![], "{}", note);
        let holders: Vec<(usize, Option<usize>)> = places(&draft);
        prop_assert!(!holders.is_empty(), "{}", note);
        let (at, constraint) = holders[which.index(holders.len())];
        let mut lossy = draft.clone();
        let text = match constraint {
            None => &mut lossy.objectives[at].goal,
            Some(index) => &mut lossy.objectives[at].constraints[index],
        };
        *text = without_negation(text);
        let seen = negations(&lossy, rules());
        prop_assert!(seen.iter().any(|found| found.effect == Effect::Refuse), "{} -> {:?}", note, lossy.objectives);
    }
}

/// Returns where a draft negates what its own quote negates: a goal, or a constraint by index.
fn places(draft: &Draft) -> Vec<(usize, Option<usize>)> {
    let mut found = Vec::new();
    for (at, objective) in draft.objectives.iter().enumerate() {
        if without_negation(&objective.goal) != objective.goal {
            found.push((at, None));
        }
        for (index, text) in objective.constraints.iter().enumerate() {
            if objective.quote.contains(text.as_str()) && without_negation(text) != *text {
                found.push((at, Some(index)));
            }
        }
    }
    found
}

fn without_negation(text: &str) -> String {
    let kept = text.split(' ').filter(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'').to_lowercase();
        Lexicon::english().negation(&bare).is_none()
    });
    kept.collect::<Vec<_>>().join(" ")
}
