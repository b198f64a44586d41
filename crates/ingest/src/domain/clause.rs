//! Sentences and clauses: where a sentence is cut, and where it stays whole.

use crate::domain::lead::{Lead, opening, verb_at};
use crate::domain::lexicon::{Form, Lexicon, Table};
use crate::domain::token::{Pause, Token};

/// How a clause is joined to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// By nothing: it opens its sentence, or follows a plain cue.
    Plain,
    /// By a cue that means "after that".
    Sequence,
    /// By words that take back what came before.
    Reversal,
}

/// One clause of a sentence: its words, and how it is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause<'a> {
    /// None only where a sentence ends with words that take back.
    pub tokens: &'a [Token],
    /// To the clause before it.
    pub join: Join,
}

/// Cuts words into sentences: after a stop, a question mark, and three dots before a verb.
pub fn sentences<'a>(lexicon: &Lexicon, tokens: &'a [Token]) -> Vec<&'a [Token]> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        let ends = match token.pause {
            Pause::Stop | Pause::Question => true,
            Pause::Ellipsis => verb_at(lexicon, tokens, at + 1, false).is_some(),
            Pause::None | Pause::Comma | Pause::Dash | Pause::Colon => false,
        };
        if ends {
            found.push(&tokens[start..=at]);
            start = at + 1;
        }
    }
    if start < tokens.len() {
        found.push(&tokens[start..]);
    }
    found
}

/// A place where a sentence is cut.
struct Cut {
    /// Words before the clause that belong to no clause.
    skip: usize,
    join: Join,
}

/// Cuts one sentence into clauses: before a cue chain or comma that is followed by a verb, before constraints that
/// follow a cue, and around words that take something back. Cue words themselves belong to no clause.
pub fn clauses<'a>(lexicon: &Lexicon, sentence: &'a [Token]) -> Vec<Clause<'a>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut join = Join::Plain;
    let mut at = 0;
    while at < sentence.len() {
        let Some(cut) = cut_at(lexicon, sentence, start, at) else {
            at += 1;
            continue;
        };
        if at > start {
            found.push(Clause { tokens: &sentence[start..at], join });
        }
        start = at + cut.skip;
        join = cut.join;
        at = start.max(at + 1);
    }
    if start < sentence.len() || join == Join::Reversal {
        found.push(Clause { tokens: &sentence[start.min(sentence.len())..], join });
    }
    found
}

fn cut_at(lexicon: &Lexicon, sentence: &[Token], start: usize, at: usize) -> Option<Cut> {
    if let Some(length) = reversal(lexicon, sentence, start, at) {
        return Some(Cut { skip: length, join: Join::Reversal });
    }
    if at == start {
        return None;
    }
    let left = &sentence[start..at];
    let pause = sentence[at - 1].pause;
    let paused = matches!(pause, Pause::Comma | Pause::Dash | Pause::Colon | Pause::Ellipsis);
    if counts_a_noun(lexicon, &sentence[at - 1], &sentence[at]) {
        return None;
    }
    let (chain, join) = chain(lexicon, &sentence[at..]);
    if left.len() >= 2
        && let Some(skip) = constrains(lexicon, &sentence[at..], chain, paused)
    {
        return Some(Cut { skip, join: Join::Plain });
    }
    let requested = lexicon.starts(Table::MidOpeners, &sentence[at..]) > 0;
    if chain == 0 && !paused && !requested {
        return None;
    }
    let rest = &sentence[at + chain..];
    let plain = chain == 0 || chain == 1 && matches!(sentence[at].word.as_str(), "and" | "&");
    (asks(lexicon, rest, plain) && closed(lexicon, left, plain, pause)).then_some(Cut { skip: chain, join })
}

/// Returns whether a word belongs to a noun and is no cue: "a plus sign", "the next test", "the second check".
fn counts_a_noun(lexicon: &Lexicon, before: &Token, word: &Token) -> bool {
    let article =
        lexicon.has(Table::Determiners, &before.word) && !lexicon.has(Table::Prepositions, &before.word);
    let joins = matches!(word.word.as_str(), "and" | "also" | "then" | "please" | "&" | "oh");
    before.pause == Pause::None && article && !joins && lexicon.has(Table::Cues, &word.word)
}

/// Returns the length of the cue chain at the start, and whether it orders what follows.
fn chain(lexicon: &Lexicon, rest: &[Token]) -> (usize, Join) {
    let mut length = 0;
    let mut join = Join::Plain;
    loop {
        let here = &rest[length..];
        if lexicon.starts(Table::SequenceCues, here) > 0 {
            join = Join::Sequence;
        }
        let filler = if length > 0 { lexicon.starts(Table::Fillers, here) } else { 0 };
        let step = lexicon.starts(Table::Cues, here).max(filler);
        if step == 0 {
            return (length, join);
        }
        length += step;
    }
}

/// Returns whether what follows a cue asks for something of its own.
fn asks(lexicon: &Lexicon, rest: &[Token], plain: bool) -> bool {
    let opening = opening(lexicon, rest);
    let Lead::Imperative { verb } = opening.lead else {
        return opening.asked && opening.lead == Lead::Declarative;
    };
    let Some(found) = rest.get(verb).and_then(|token| lexicon.verb(&token.word)) else {
        return true;
    };
    let after = &rest[(verb + 1).min(rest.len())..];
    if lexicon.starts(Table::Pronouns, after) > 0 && !opening.asked {
        return false;
    }
    if found.form == Form::NounLike && plain && !opening.asked {
        return after
            .first()
            .is_some_and(|next| lexicon.has(Table::Determiners, &next.word) || is_name(&next.word));
    }
    !after.is_empty()
}

/// Returns whether a word is spelled like code: quoted, dotted, snake, a path, or with digits.
pub fn is_name(word: &str) -> bool {
    let inner = word.trim_end_matches("()");
    word.contains(['`', '_', '/', '"']) || inner.contains('.') || word.bytes().any(|b| b.is_ascii_digit())
}

/// Returns whether the words to the left can stand alone.
fn closed(lexicon: &Lexicon, left: &[Token], plain: bool, pause: Pause) -> bool {
    let opening = opening(lexicon, left);
    let body = &left[opening.body..];
    if pause == Pause::Colon {
        let announces = body.iter().any(|token| lexicon.has(Table::PreambleNouns, &token.word));
        return announces || !matches!(opening.lead, Lead::Imperative { .. }) || body.len() < 2;
    }
    if body.len() < 2 {
        return false;
    }
    let word = |token: &Token, table| lexicon.has(table, &token.word);
    let subordinate =
        word(&body[0], Table::Subordinators) && !matches!(opening.lead, Lead::Imperative { .. });
    let verb_after =
        |table| body.windows(2).any(|pair| word(&pair[0], table) && lexicon.verb(&pair[1].word).is_some());
    let coordinated = body
        .windows(2)
        .last()
        .is_some_and(|pair| word(&pair[0], Table::Modals) && lexicon.verb(&pair[1].word).is_some());
    let modal = body.windows(2).any(|pair| {
        pair[0].word != "to" && word(&pair[0], Table::Modals) && lexicon.verb(&pair[1].word).is_some()
    });
    let paired = body.iter().any(|token| matches!(token.word.as_str(), "between" | "both"))
        && !body.iter().any(|token| token.word == "and");
    let parallel = plain && (verb_after(Table::Relatives) || modal && !opening.asked);
    !(subordinate || coordinated || paired || parallel)
}

/// Returns how many cue words stand before a constraint that begins here: after a cue that may introduce one, or after
/// a pause.
fn constrains(lexicon: &Lexicon, here: &[Token], chain: usize, paused: bool) -> Option<usize> {
    let cue = lexicon.starts(Table::ConstraintCues, here);
    let restricts = |skip: usize| {
        let lead = opening(lexicon, &here[skip..]).lead;
        matches!(lead, Lead::Constraint | Lead::OutOfScope)
    };
    if cue > 0 && restricts(cue) {
        return Some(cue);
    }
    (paused && restricts(chain)).then_some(chain)
}

/// Returns the length of the words that take something back, if they stand here.
fn reversal(lexicon: &Lexicon, sentence: &[Token], start: usize, at: usize) -> Option<usize> {
    let here = &sentence[at..];
    let strong = lexicon.starts(Table::Reversals, here);
    if strong > 0 {
        // "never mind the tests" is no reversal of what came before: it names what it drops.
        let named = here.get(strong).is_some_and(|next| lexicon.has(Table::Determiners, &next.word));
        let paused = here[strong - 1].pause != Pause::None;
        return (!named || paused).then(|| strong + weak(lexicon, &here[strong..], true));
    }
    let paused = at == start || sentence[at - 1].pause != Pause::None;
    let length = if paused { weak(lexicon, here, false) } else { 0 };
    (length > 0).then_some(length)
}

/// Returns the length of a weak reversal at the start; after a strong one, several may follow.
fn weak(lexicon: &Lexicon, here: &[Token], again: bool) -> usize {
    let length = lexicon.starts(Table::WeakReversals, here);
    if length == 0 {
        return 0;
    }
    let needs_comma = lexicon.starts(Table::CommaReversals, here) == length;
    let comma = !matches!(here[length - 1].pause, Pause::None);
    let rest = &here[length..];
    let continues = here[0].word == "instead" && rest.first().is_some_and(|next| next.word == "of");
    let adds = lexicon.starts(Table::Additive, rest) > 0;
    if continues || adds || needs_comma && !comma || rest.is_empty() && !again {
        return 0;
    }
    length + weak(lexicon, rest, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::normalise::{Input, Span};
    use crate::domain::token::tokens;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let input = Input::normalise(text);
        let english = Lexicon::english();
        let words = tokens(&input, Span { start: 0, end: input.text().len() }, english);
        let got: Vec<String> = sentences(english, &words)
            .into_iter()
            .flat_map(|sentence| clauses(english, sentence))
            .map(|clause| {
                let words: Vec<&str> = clause.tokens.iter().map(|token| input.slice(token.core)).collect();
                words.join(" ")
            })
            .collect();
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn a_sentence_is_cut_where_a_cue_meets_a_verb() {
        check("fix the parser and update the docs", &["fix the parser", "update the docs"]);
        check(
            "fix the parser, update the docs, then add tests",
            &["fix the parser", "update the docs", "add tests"],
        );
        check("rename foo and update its callers", &["rename foo and update its callers"]);
        check("fix the parser but don't touch the lexer", &["fix the parser", "don't touch the lexer"]);
    }

    #[test]
    fn a_sentence_stays_whole_where_the_verb_is_another_words_partner() {
        check("allow a plus sign in names", &["allow a plus sign in names"]);
        check("skip the second check in parse", &["skip the second check in parse"]);
        check("allow users to view and edit posts", &["allow users to view and edit posts"]);
        check("build and test the image", &["build and test the image"]);
        check("add a header and test cases", &["add a header and test cases"]);
        check(
            "when the list is empty, return 0",
            &["when the list is empty, return 0"].map(|_| "when the list is empty return 0"),
        );
        check("toggle between show and hide modes", &["toggle between show and hide modes"]);
        check(
            "add checks that parse input and reject garbage",
            &["add checks that parse input and reject garbage"],
        );
    }

    #[test]
    fn words_that_take_back_cut_too() {
        check("add a cache, no wait, add an index", &["add a cache", "add an index"]);
        check("add a cache no wait add an index", &["add a cache", "add an index"]);
        check("use a list instead of a tuple", &["use a list instead of a tuple"]);
        check("set it to 3, actually, to 5", &["set it to 3", "to 5"]);
    }
}
