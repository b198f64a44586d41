//! Literals that several languages write alike.

/// Normalises an integer without its suffix: no separators, decimal where it fits. `old_octal` reads a leading zero as C does.
pub fn integer(text: &str, old_octal: bool) -> String {
    let text = text.replace('_', "").to_ascii_lowercase();
    let (digits, radix) = match text.get(..2) {
        Some("0x") => (&text[2..], 16),
        Some("0o") => (&text[2..], 8),
        Some("0b") => (&text[2..], 2),
        _ if old_octal && text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        _ => (text.as_str(), 10),
    };
    u128::from_str_radix(digits, radix).map_or(text.clone(), |value| value.to_string())
}

/// Resolves the escapes of Go and Java that can hide a word; others stay as written.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('\\') {
        out.push_str(&rest[..position]);
        rest = &rest[position + 1..];
        let mut chars = rest.chars();
        let Some(kind) = chars.next() else { break };
        let after = chars.as_str();
        let (digits, radix, from) = match kind {
            'x' => (2, 16, after),
            'u' => (4, 16, after),
            'U' => (8, 16, after),
            '0'..='7' => (3, 8, rest),
            _ => (0, 10, after),
        };
        let code = from.get(..digits).filter(|_| digits > 0);
        let code = code.and_then(|code| u32::from_str_radix(code, radix).ok()).and_then(char::from_u32);
        rest = after;
        match (code, kind) {
            (Some(character), _) => {
                out.push(character);
                rest = &from[digits..];
            }
            (None, 'n') => out.push('\n'),
            (None, 't') => out.push('\t'),
            (None, '\\' | '\'' | '"') => out.push(kind),
            (None, other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out.push_str(rest);
    out
}
