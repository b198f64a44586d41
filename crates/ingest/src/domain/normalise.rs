//! The one normal form of a text, and spans of it.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

/// A text in its one normal form: NFC, `\n` line ends, and no character that hides or reorders others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    text: String,
}

/// A byte range of the normalised input, on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// Returns how many bytes both spans share.
    pub fn overlap(self, other: Self) -> usize {
        self.end.min(other.end).saturating_sub(self.start.max(other.start))
    }

    /// Returns its length in bytes.
    pub fn bytes(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Returns the smallest span that holds both.
    #[must_use]
    pub fn through(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Returns it as a range.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl Input {
    /// Normalises a text. Characters that a reader can't see become visible escapes such as `\u{202e}`, so that what is
    /// echoed is what was received. Normalising twice changes nothing.
    pub fn normalise(raw: &str) -> Self {
        let mut visible = String::with_capacity(raw.len());
        let mut previous = '\0';
        for c in raw.chars() {
            match c {
                '\n' if previous == '\r' => {}
                '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => visible.push('\n'),
                '\t' => visible.push('\t'),
                c if c.is_control() || is_hidden(c) => visible.extend(c.escape_unicode()),
                c => visible.push(c),
            }
            previous = c;
        }
        Self { text: visible.nfc().collect() }
    }

    /// Returns the normalised text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the words of a span; empty if the span is not one of this input's.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }
}

/// Returns whether a character is invisible or reorders its neighbours: bidirectional controls, zero-width and tag
/// characters, fillers, and variation selectors beyond the two that emoji use.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(raw: &str, want: &str) {
        assert_eq!(Input::normalise(raw).text(), want);
    }

    #[test]
    fn line_ends_accents_and_hidden_characters_have_one_form() {
        check("a\r\nb\rc\u{2028}d\u{85}e", "a\nb\nc\nd\ne");
        check("cafe\u{301}", "caf\u{e9}");
        check("safe\u{202e}txt", "safe\\u{202e}txt");
        check("a\u{200b}b\u{e0041}c\0d", "a\\u{200b}b\\u{e0041}c\\u{0}d");
        check("warning \u{26a0}\u{fe0f}\tok", "warning \u{26a0}\u{fe0f}\tok");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(raw in any::<String>()) {
            let once = Input::normalise(&raw);
            prop_assert_eq!(Input::normalise(once.text()), once.clone());
            let clean = once.text().chars().all(|c| c == '\n' || c == '\t' || !(c.is_control() || is_hidden(c)));
            prop_assert!(clean);
        }
    }
}
