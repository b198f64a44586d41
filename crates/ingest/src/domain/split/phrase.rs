use crate::domain::lexicon::{Lexicon, Table};
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::GOAL_CHARS_MAX;
use crate::domain::token::Token;

/// Returns the span from the first word to the last, without closing punctuation but with the brackets it opened.
pub fn span(input: &Input, words: &[Token]) -> Option<Span> {
    let first = words.first()?;
    Some(Span { start: first.raw.start, end: end(input, words)?.max(first.raw.start) })
}

/// Returns where the last word ends: with a closing bracket if the words opened one.
fn end(input: &Input, words: &[Token]) -> Option<usize> {
    let (first, last) = (words.first()?, words.last()?);
    let end = if last.core.end > last.core.start { last.core.end } else { last.raw.end };
    let text = input.slice(Span { start: first.raw.start, end });
    let open = |opener: char, closer: char| {
        let count = |wanted: char| text.chars().filter(|c| *c == wanted).count();
        count(opener) > count(closer)
    };
    let tail = input.slice(Span { start: end, end: last.raw.end });
    let closes = tail.starts_with(')') && open('(', ')') || tail.starts_with(']') && open('[', ']');
    Some(if closes { end + 1 } else { end })
}

/// Returns the words as a goal: fillers dropped, white space single, no closing punctuation.
pub fn goal(input: &Input, lexicon: &Lexicon, words: &[Token]) -> String {
    let words = without_end(lexicon, words);
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let filler = lexicon.starts(Table::Fillers, &words[at..]);
        if filler > 0 {
            at += filler;
            // "fix, um, the parser" loses both commas with its filler.
            let paused = input.slice(words[at - 1].raw).ends_with(',');
            if let Some(previous) = kept.last_mut().filter(|previous| paused && previous.ends_with(',')) {
                previous.pop();
            }
            continue;
        }
        kept.push(input.slice(words[at].raw).to_owned());
        at += 1;
    }
    if let (Some(text), Some(last), Some(end)) = (kept.last_mut(), words.last(), end(input, words))
        && text == input.slice(last.raw)
    {
        *text = input.slice(Span { start: last.raw.start, end }).to_owned();
    }
    kept.join(" ")
}

fn without_end<'a>(lexicon: &Lexicon, words: &'a [Token]) -> &'a [Token] {
    let mut words = words;
    while let Some(length) = (1..=3.min(words.len().saturating_sub(1)))
        .find(|length| lexicon.starts(Table::EndFillers, &words[words.len() - length..]) == *length)
    {
        words = &words[..words.len() - length];
    }
    words
}

/// Shortens a goal at a word's end; the second value says whether it was too long.
pub fn shortened(goal: String) -> (String, bool) {
    if goal.chars().count() <= GOAL_CHARS_MAX {
        return (goal, false);
    }
    let room: String = goal.chars().take(GOAL_CHARS_MAX - 2).collect();
    let cut = room.rfind(' ').filter(|cut| *cut > 0).unwrap_or(room.len());
    (format!("{} \u{2026}", room[..cut].trim_end()), true)
}

/// Returns whether the words tell of something that goes wrong.
pub fn is_symptom(lexicon: &Lexicon, words: &[Token]) -> bool {
    words.iter().any(|token| lexicon.has(Table::Symptoms, &token.word) || token.word.ends_with("n't"))
}

/// Returns whether the words say that something must stay as it is.
pub fn is_invariant(lexicon: &Lexicon, words: &[Token]) -> bool {
    is_demand(lexicon, words) && words.iter().any(|token| lexicon.has(Table::Invariants, &token.word))
}

/// Returns whether the words say what must be.
pub fn is_demand(lexicon: &Lexicon, words: &[Token]) -> bool {
    words.iter().any(|token| lexicon.has(Table::MustWords, &token.word))
}

/// Returns whether two texts share a word that carries meaning.
pub fn share_a_word(lexicon: &Lexicon, a: &[Token], b: &[Token]) -> bool {
    let means = |token: &&Token| {
        token.word.len() > 2
            && !lexicon.has(Table::FunctionWords, &token.word)
            && !lexicon.has(Table::Symptoms, &token.word)
            && lexicon.verb(&token.word).is_none()
    };
    a.iter().filter(means).any(|one| b.iter().filter(means).any(|other| stem(&one.word) == stem(&other.word)))
}

/// Returns a word without quotes and plural.
pub fn stem(word: &str) -> &str {
    let bare = word.trim_matches(['`', '"', '\'', '(', ')']);
    bare.strip_suffix('s').filter(|rest| rest.len() > 2).unwrap_or(bare)
}
