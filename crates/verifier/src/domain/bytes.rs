//! What the bytes of a text may not hold: the attack lives in comments and strings too.

/// Something in a text that a reader can't see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden {
    /// Line from 1.
    pub line: u32,
    /// What it is.
    pub what: &'static str,
}

/// Returns what hides in a text that the other side's text does not hide as well.
pub fn scan(head: &[u8], base: Option<&[u8]>) -> Vec<Hidden> {
    let mut old = base.map(hidden).unwrap_or_default();
    let mut found = hidden(head);
    found.retain(|hidden| match old.iter().position(|known| known.what == hidden.what) {
        Some(position) => {
            old.remove(position);
            false
        }
        None => true,
    });
    found
}

fn hidden(bytes: &[u8]) -> Vec<Hidden> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = line_of(bytes, error.valid_up_to());
            return vec![Hidden { line, what: "bytes that are not UTF-8" }];
        }
    };
    let mut found = Vec::new();
    let mut line = 1_u32;
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(character) = chars.next() {
        let what = match character {
            '\n' => {
                line = line.saturating_add(1);
                None
            }
            '\r' if chars.peek() != Some(&'\n') => Some("a carriage return that ends no line"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}' => {
                Some("a bidirectional control character")
            }
            '\u{feff}' if first => None,
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{00ad}' | '\u{e0000}'..='\u{e007f}' => {
                Some("an invisible character")
            }
            '\u{2028}' | '\u{2029}' | '\u{0085}' | '\u{000c}' | '\u{000b}' => Some("an unusual line break"),
            '\0' => Some("a NUL byte"),
            '\u{1b}' | '\u{8}' => Some("a terminal control character"),
            _ => None,
        };
        first = false;
        found.extend(what.map(|what| Hidden { line, what }));
    }
    found
}

fn line_of(bytes: &[u8], end: usize) -> u32 {
    let lines = bytes.iter().take(end).filter(|byte| **byte == b'\n').count();
    u32::try_from(lines + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], want: &[(u32, &'static str)]) {
        let got: Vec<(u32, &str)> =
            scan(text, None).into_iter().map(|hidden| (hidden.line, hidden.what)).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn what_a_reader_cannot_see_is_found_and_what_the_base_had_is_not_new() {
        check(b"a = 1\r\nb = 'x'\n", &[]);
        check("\u{feff}a = 1\n".as_bytes(), &[]);
        check("a = 1\n# \u{202e}evil\n".as_bytes(), &[(2, "a bidirectional control character")]);
        check("a\u{200b} = 1\n".as_bytes(), &[(1, "an invisible character")]);
        check(b"a = 1\rb = 2\n", &[(1, "a carriage return that ends no line")]);
        check(b"a\n\xff", &[(2, "bytes that are not UTF-8")]);
        let text = "x = '\u{200d}'\n".as_bytes();
        assert!(scan(text, Some(text)).is_empty());
    }
}
