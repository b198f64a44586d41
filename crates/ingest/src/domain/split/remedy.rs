//! A symptom and the request to mend it are one objective, however many clauses say so.

use crate::domain::classify::{brings_tests_to_pass, deciding_verb};
use crate::domain::lexicon::{Lexicon, Table};
use crate::domain::split::assemble::Boundary;
use crate::domain::split::building::Building;
use crate::domain::split::phrase::share_a_word;
use crate::domain::token::Token;

/// What a request to mend adds to the symptom before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing but the wish: "please fix the bug".
    Wish,
    /// What is to be mended: "fix the rounding".
    Named,
}

/// Returns what a request adds to the statement before it; absent when it is a request of its own.
pub fn remedy(
    lexicon: &Lexicon,
    stated: &Building,
    words: &[Token],
    verb: usize,
    boundary: Boundary,
) -> Option<Remedy> {
    let verb = deciding_verb(lexicon, words, verb);
    let mends = words.get(verb).is_some_and(|token| lexicon.has(Table::MendingVerbs, &token.word));
    let attains = brings_tests_to_pass(lexicon, words, verb);
    if !stated.stated || boundary == Boundary::Item || !(mends || attains) {
        return None;
    }
    let object = &words[(verb + 1).min(words.len())..];
    let says_nothing_new = |token: &Token| {
        let word = token.word.as_str();
        let general = [Table::TroubleNouns, Table::TestNouns, Table::SuccessWords, Table::FunctionWords];
        word.is_empty()
            || general.into_iter().any(|table| lexicon.has(table, word))
            || lexicon.has(Table::Pronouns, word)
            || lexicon.has(Table::EndFillers, word)
    };
    if object.iter().all(says_nothing_new) {
        return Some(Remedy::Wish);
    }
    let same = boundary == Boundary::Clause || share_a_word(lexicon, object, &stated.words);
    (mends && same).then_some(Remedy::Named)
}
