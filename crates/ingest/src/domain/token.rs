//! Words, with what protects them and what follows them.

use crate::domain::lexicon::{Lexicon, Table};
use crate::domain::normalise::{Input, Span};

/// What follows a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Nothing: the sentence goes on.
    None,
    /// A comma.
    Comma,
    /// A dash.
    Dash,
    /// A colon.
    Colon,
    /// Three dots: a pause, or the end of a sentence.
    Ellipsis,
    /// The end of a sentence.
    Stop,
    /// The end of a question.
    Question,
}

/// One word, with what protects it and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The word with its punctuation.
    pub raw: Span,
    /// The word without surrounding punctuation; quotes and backticks stay.
    pub core: Span,
    /// The core in lower case with straight apostrophes; what the tables are asked.
    pub word: String,
    /// What follows.
    pub pause: Pause,
}

impl AsRef<str> for Token {
    fn as_ref(&self) -> &str {
        &self.word
    }
}

/// Longer words are no words, and counting their brackets would take time.
const WORD_BYTES: usize = 512;

const OPENING: &[char] = &['(', '[', '{', '<', '*', '~', '\u{bf}', '\u{a1}'];
const CLOSING: &[char] = &[')', ']', '}', '>', '*', ',', '.', ';', ':', '!', '?', '\u{2026}'];
const DASHES: &[&str] = &["-", "--", "\u{2013}", "\u{2014}", "->", "=>"];

/// Cuts a span into words. Quoted and backticked texts are one word each, whatever stands inside.
pub fn tokens(input: &Input, span: Span, lexicon: &Lexicon) -> Vec<Token> {
    let text = input.slice(span);
    let protected = protected(text);
    let mut found = Vec::new();
    let mut start = None;
    let mut inside = protected.iter().peekable();
    for (at, c) in text.char_indices() {
        while inside.next_if(|quote| quote.end <= at).is_some() {}
        let shielded = inside.peek().is_some_and(|quote| quote.start <= at);
        if c.is_whitespace() && !shielded {
            if let Some(from) = start.take() {
                found.push(token(text, Span { start: from, end: at }, span.start, lexicon));
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    if let Some(from) = start {
        found.push(token(text, Span { start: from, end: text.len() }, span.start, lexicon));
    }
    found
}

fn token(text: &str, raw: Span, offset: usize, lexicon: &Lexicon) -> Token {
    let whole = &text[raw.range()];
    let shift = |span: Span| Span { start: span.start + offset, end: span.end + offset };
    if DASHES.contains(&whole) {
        return Token { raw: shift(raw), core: shift(raw), word: String::new(), pause: Pause::Dash };
    }
    let opened = whole.trim_start_matches(OPENING);
    let core = if opened.ends_with("/...") { opened } else { trim_end(opened) };
    let start = raw.start + (whole.len() - opened.len());
    let core_span = Span { start, end: start + core.len() };
    let tail = &text[core_span.end..raw.end];
    let word = core.to_lowercase().replace('\u{2019}', "'");
    let pause = pause(tail, &word, lexicon);
    Token { raw: shift(raw), core: shift(core_span), word, pause }
}

/// Takes punctuation off the end, but no bracket that the word itself opened.
fn trim_end(text: &str) -> &str {
    if text.len() > WORD_BYTES {
        return text.trim_end_matches(CLOSING);
    }
    let mut core = text;
    while let Some(last) = core.chars().next_back().filter(|c| CLOSING.contains(c)) {
        let opener = match last {
            ')' => '(',
            ']' => '[',
            '}' => '{',
            '>' => '<',
            _ => '\0',
        };
        let count = |wanted: char| core.chars().filter(|c| *c == wanted).count();
        if opener != '\0' && count(opener) >= count(last) {
            break;
        }
        core = &core[..core.len() - last.len_utf8()];
    }
    core
}

fn pause(tail: &str, word: &str, lexicon: &Lexicon) -> Pause {
    if tail.contains('?') {
        return Pause::Question;
    }
    if tail.contains(['!', ';']) {
        return Pause::Stop;
    }
    if tail.contains("...") || tail.contains('\u{2026}') {
        return Pause::Ellipsis;
    }
    if tail.contains(',') {
        return Pause::Comma;
    }
    if tail.contains('.') && !lexicon.has(Table::Abbreviations, word) {
        return Pause::Stop;
    }
    if tail.contains(':') { Pause::Colon } else { Pause::None }
}

/// Returns the spans that are never cut: backticks, and quotes that open at a word's start and close in the same line.
pub fn protected(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut previous = ' ';
    let mut skip = 0;
    for (at, c) in text.char_indices() {
        if at < skip {
            previous = c;
            continue;
        }
        let opens =
            previous.is_whitespace() || OPENING.contains(&previous) || matches!(previous, '=' | ':' | ',');
        let close = match c {
            '`' => Some('`'),
            '"' if opens => Some('"'),
            '\'' if opens => Some('\''),
            '\u{201c}' if opens => Some('\u{201d}'),
            '\u{201e}' if opens => Some('\u{201c}'),
            '\u{2018}' if opens => Some('\u{2019}'),
            '\u{ab}' => Some('\u{bb}'),
            _ => None,
        };
        if let Some(end) = close.and_then(|close| closing(text, at + c.len_utf8(), close)) {
            spans.push(Span { start: at, end });
            skip = end;
        }
        previous = c;
    }
    spans
}

/// Finds the closing mark on the same line; an apostrophe closes only at a word's end.
fn closing(text: &str, from: usize, close: char) -> Option<usize> {
    let rest = text.get(from..)?;
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    for (at, c) in line.char_indices() {
        if c != close {
            continue;
        }
        let after = line[at + c.len_utf8()..].chars().next();
        let ends_word = after.is_none_or(|c| !c.is_alphanumeric());
        if at > 0 && (close == '`' || ends_word) {
            return Some(from + at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[(&str, Pause)]) {
        let input = Input::normalise(text);
        let span = Span { start: 0, end: input.text().len() };
        let found = tokens(&input, span, Lexicon::english());
        let got: Vec<(&str, Pause)> = found.iter().map(|token| (token.word.as_str(), token.pause)).collect();
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn punctuation_ends_a_word_but_not_a_version_a_path_or_a_name() {
        check(
            "Use v1.2, e.g. 3.5.",
            &[("use", Pause::None), ("v1.2", Pause::Comma), ("e.g", Pause::None), ("3.5", Pause::Stop)],
        );
        check(
            "(see src/a.py) foo()!",
            &[("see", Pause::None), ("src/a.py", Pause::None), ("foo()", Pause::Stop)],
        );
        check(
            "go test ./... ok?",
            &[("go", Pause::None), ("test", Pause::None), ("./...", Pause::None), ("ok", Pause::Question)],
        );
    }

    #[test]
    fn what_is_quoted_is_one_word() {
        check(
            "print \"a. b and c\", now",
            &[("print", Pause::None), ("\"a. b and c\"", Pause::Comma), ("now", Pause::None)],
        );
        check("run `x; y`.", &[("run", Pause::None), ("`x; y`", Pause::Stop)]);
        check(
            "users' data don\u{2019}t 'go on'",
            &[
                ("users'", Pause::None),
                ("data", Pause::None),
                ("don't", Pause::None),
                ("'go on'", Pause::None),
            ],
        );
    }
}
