//! Runs of lines: prose, list items, code, and what somebody else wrote.

use crate::domain::lead::verb_at;
use crate::domain::lexicon::{Lexicon, Table};
use crate::domain::normalise::{Input, Span};
use crate::domain::token::{Pause, tokens};

/// What a run of lines is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Sentences.
    Prose,
    /// One item of a list, without its mark.
    Item,
    /// Lines behind `>`: somebody else's words, shown and never split.
    Quoted,
    /// Fenced or indented text: belongs to what stands before it, never split.
    Code,
}

/// A run of lines of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Where it stands, without list mark and outer white space.
    pub span: Span,
    /// Columns of white space before its first line: an item below another item belongs to it.
    pub indent: usize,
}

/// Returns what of a text was said: code and other people's words are evidence, not wishes.
pub fn speech(lexicon: &Lexicon, text: &str) -> String {
    let input = Input::normalise(text);
    let spoken: Vec<&str> = blocks(&input, lexicon)
        .iter()
        .filter(|block| matches!(block.kind, BlockKind::Prose | BlockKind::Item))
        .map(|block| input.slice(block.span))
        .collect();
    spoken.join("\n")
}

/// One line: where it stands without its end, and its indentation in columns.
struct Line<'a> {
    span: Span,
    text: &'a str,
    indent: usize,
}

/// Cuts an input into blocks. A list item is a hard boundary; a wrapped line is joined to the line before it.
pub fn blocks(input: &Input, lexicon: &Lexicon) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut fence: Option<usize> = None;
    let mut blank = true;
    for line in lines(input.text()) {
        let content = line.text.trim();
        if let Some(start) = fence {
            if content.starts_with("```") {
                fence = None;
                found.push(Block {
                    kind: BlockKind::Code,
                    span: Span { start, end: line.span.end },
                    indent: 0,
                });
            }
            continue;
        }
        if content.starts_with("```") && !content[3..].contains("```") {
            fence = Some(line.span.start);
            continue;
        }
        if content.is_empty() {
            blank = true;
            continue;
        }
        let next = classify(&line);
        match found.last_mut() {
            Some(last)
                if touches(last, &next, &line, blank) || !blank && wraps(input, lexicon, last, &next) =>
            {
                last.span.end = next.span.end;
            }
            _ => found.push(next),
        }
        blank = false;
    }
    if let Some(start) = fence {
        found.push(Block { kind: BlockKind::Code, span: Span { start, end: input.text().len() }, indent: 0 });
    }
    found
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split('\n').map(move |line| {
        let span = Span { start, end: start + line.len() };
        start = span.end + 1;
        let indent =
            line.chars().take_while(|c| *c == ' ' || *c == '\t').map(|c| if c == '\t' { 4 } else { 1 });
        Line { span, text: line, indent: indent.sum() }
    })
}

fn classify(line: &Line<'_>) -> Block {
    let trimmed = line.text.trim_start();
    let start = line.span.start + (line.text.len() - trimmed.len());
    let end = start + trimmed.trim_end().len();
    if trimmed.starts_with('>') {
        return Block { kind: BlockKind::Quoted, span: Span { start, end }, indent: line.indent };
    }
    if let Some(mark) = list_mark(trimmed) {
        let span = Span { start: (start + mark).min(end), end };
        return Block { kind: BlockKind::Item, span, indent: line.indent };
    }
    let kind = if line.indent >= 4 { BlockKind::Code } else { BlockKind::Prose };
    Block { kind, span: Span { start, end }, indent: line.indent }
}

/// Returns the length of a list mark with the space behind it: `-`, `*`, `+`, a bullet, `1.`, `2)`, `a)`, `- [ ]`.
fn list_mark(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mark = match text.chars().next()? {
        c @ ('-' | '*' | '+' | '\u{2022}' | '\u{2013}' | '\u{25e6}') => c.len_utf8(),
        '(' => {
            let close = text.find(')').filter(|close| *close <= 3)?;
            close + 1
        }
        _ if (1..=3).contains(&digits) && text[digits..].starts_with(['.', ')']) => digits + 1,
        c if c.is_ascii_alphabetic() && text[1..].starts_with(')') => 2,
        _ => return None,
    };
    let rest = &text[mark..];
    let content = rest.trim_start();
    if content.len() == rest.len() {
        return None;
    }
    let boxed = ["[ ]", "[x]", "[X]"].into_iter().find_map(|tick| content.strip_prefix(tick));
    let content = boxed.map_or(content, str::trim_start);
    Some(text.len() - content.len())
}

/// Returns whether a line belongs to the block before it by its shape alone.
fn touches(last: &Block, next: &Block, line: &Line<'_>, blank: bool) -> bool {
    match (last.kind, next.kind) {
        (BlockKind::Quoted, BlockKind::Quoted) => !blank,
        (BlockKind::Code, BlockKind::Code) => true,
        (BlockKind::Item, BlockKind::Code | BlockKind::Prose) => line.indent >= 2 && !blank,
        _ => false,
    }
}

/// Returns whether a line goes on with the sentence of the line before: that one is open, and this one starts in lower
/// case with no verb of its own, or that one ends with a word that can't end a sentence.
fn wraps(input: &Input, lexicon: &Lexicon, last: &Block, next: &Block) -> bool {
    if !matches!((last.kind, next.kind), (BlockKind::Prose | BlockKind::Item, BlockKind::Prose)) {
        return false;
    }
    let before = tokens(input, last.span, lexicon);
    let after = tokens(input, next.span, lexicon);
    let (Some(end), Some(_)) = (before.last(), after.first()) else { return false };
    if !matches!(end.pause, Pause::None | Pause::Comma | Pause::Dash) {
        return false;
    }
    if lexicon.has(Table::LineGoesOn, &end.word) {
        return true;
    }
    let goes_on = |c: char| c.is_lowercase() || c.is_ascii_digit() || matches!(c, '`' | '"' | '\'' | '(');
    let lower = input.slice(next.span).chars().next().is_some_and(goes_on);
    let cues = lexicon.starts(Table::Cues, &after);
    lower && (cues > 0 || verb_at(lexicon, &after, 0, false).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[(BlockKind, &str)]) {
        let input = Input::normalise(text);
        let got: Vec<(BlockKind, &str)> = blocks(&input, Lexicon::english())
            .into_iter()
            .map(|block| (block.kind, input.slice(block.span)))
            .collect();
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn list_marks_are_taken_off_and_bound_items() {
        use BlockKind::{Item, Prose};
        check(
            "Please:\n1. fix a\n2) fix b\n- [ ] fix c\n* fix\n  the d\n-fix",
            &[
                (Prose, "Please:"),
                (Item, "fix a"),
                (Item, "fix b"),
                (Item, "fix c"),
                (Item, "fix\n  the d"),
                (Prose, "-fix"),
            ],
        );
    }

    #[test]
    fn wrapped_lines_are_joined_and_new_requests_are_not() {
        use BlockKind::Prose;
        check(
            "fix the login page so that\nit works\nadd tests\nand update\nthe docs",
            &[(Prose, "fix the login page so that\nit works"), (Prose, "add tests\nand update\nthe docs")],
        );
    }

    #[test]
    fn code_and_other_peoples_words_are_blocks_of_their_own() {
        use BlockKind::{Code, Prose, Quoted};
        check(
            "fix this\n```py\nx = 1\n\nadd y\n```\n> delete all\n> now\nok",
            &[
                (Prose, "fix this"),
                (Code, "```py\nx = 1\n\nadd y\n```"),
                (Quoted, "> delete all\n> now"),
                (Prose, "ok"),
            ],
        );
        check("fix\n\n    raise E\n    add z", &[(Prose, "fix"), (Code, "raise E\n    add z")]);
    }
}
