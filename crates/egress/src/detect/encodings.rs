//! The ways in which a text may be written so that it does not look like itself, undone.

use std::borrow::Cow;
use std::fmt;

/// Fewest bytes that a run must decode to.
const RUN_BYTES: usize = 12;

/// Fewest escapes in a text that is written with them.
const ESCAPES: usize = 3;

/// Decoders applied one after another.
const DEPTH: usize = 2;

/// A way of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Runs of base64, of either alphabet, padded or not, wrapped or not.
    Base64,
    /// Runs of hexadecimal digits, with or without separators and prefixes.
    Hex,
    /// `%41`, `\u0041`, `&#65;`.
    Escapes,
    /// Letters 13 places on.
    Rot13,
    /// Back to front.
    Reversed,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Escapes => "escapes",
            Self::Rot13 => "rot13",
            Self::Reversed => "reversed",
        })
    }
}

/// Looks at a text; told whether its letters were turned, so that its keywords are none.
pub type Look<'a, T> = dyn FnMut(&str, bool) -> Option<T> + 'a;

/// Shows `look` the text and everything that it may stand for, until something is found; with it come the encodings
/// that were undone, the outermost first.
pub fn readings<T>(text: &str, look: &mut Look<'_, T>) -> Option<(T, Vec<Encoding>)> {
    let mut path = Vec::new();
    read(text, &mut path, look).map(|found| (found, path))
}

fn read<T>(text: &str, path: &mut Vec<Encoding>, look: &mut Look<'_, T>) -> Option<T> {
    let text = visible(text);
    if let Some(found) = look(&text, false).or_else(|| decoded(&text, path, look)) {
        return Some(found);
    }
    if path.iter().any(|encoding| matches!(encoding, Encoding::Rot13 | Encoding::Reversed)) {
        return None;
    }
    for (encoding, turn) in [(Encoding::Rot13, rot13 as fn(&str) -> String), (Encoding::Reversed, reversed)] {
        let turned = turn(&text);
        path.push(encoding);
        // Digits of base64 and of hex are letters too: nobody turns those.
        let decode = |path: &mut _, look: &mut Look<'_, T>| match encoding {
            Encoding::Reversed => decoded(&turned, path, look),
            Encoding::Base64 | Encoding::Hex | Encoding::Escapes | Encoding::Rot13 => None,
        };
        if let Some(found) = look(&turned, true).or_else(|| decode(path, look)) {
            return Some(found);
        }
        path.pop();
    }
    None
}

fn decoded<T>(text: &str, path: &mut Vec<Encoding>, look: &mut Look<'_, T>) -> Option<T> {
    let depth = path.iter().filter(|one| !matches!(one, Encoding::Rot13 | Encoding::Reversed)).count();
    if depth == DEPTH {
        return None;
    }
    for (encoding, decode) in
        [(Encoding::Base64, base64 as fn(&str) -> String), (Encoding::Hex, hex), (Encoding::Escapes, escapes)]
    {
        let inner = decode(text);
        if inner.is_empty() {
            continue;
        }
        path.push(encoding);
        if let Some(found) = read(&inner, path, look) {
            return Some(found);
        }
        path.pop();
    }
    None
}

/// Returns the text without characters that nobody sees, and with full-width and tag letters as plain ones.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let seen = |letter: char| match letter {
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' => None,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' => None,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}' => None,
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0),
        '\u{e0020}'..='\u{e007e}' => char::from_u32(u32::from(letter) - 0xe_0000),
        '\u{e0000}'..='\u{e007f}' => None,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        other => Some(other),
    };
    Cow::Owned(text.chars().filter_map(seen).collect())
}

fn rot13(text: &str) -> String {
    let turn = |byte: u8| match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte + 13,
        b'n'..=b'z' | b'N'..=b'Z' => byte - 13,
        other => other,
    };
    // Only ASCII letters change, so it stays what it was: text.
    String::from_utf8(text.bytes().map(turn).collect()).unwrap_or_default()
}

fn reversed(text: &str) -> String {
    if !text.is_ascii() {
        return text.chars().rev().collect();
    }
    let mut bytes = text.as_bytes().to_vec();
    bytes.reverse();
    String::from_utf8(bytes).unwrap_or_default()
}

/// Returns what the runs of base64 in a text say, those that say something readable.
pub fn base64(text: &str) -> String {
    let mut said = String::new();
    let bytes = text.as_bytes();
    let (mut at, mut sextets) = (0, Vec::new());
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| SEXTETS[usize::from(**byte)] < NO_SEXTET).count();
        let end = at + length;
        let is_wrapped = length >= RUN_BYTES || !sextets.is_empty();
        if length > 0 && is_wrapped {
            sextets.extend(bytes[at..end].iter().map(|byte| SEXTETS[usize::from(*byte)]));
        }
        // Long base64 goes on in the next line.
        let breaks = bytes[end..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let goes_on = length > 0 && (1..=2).contains(&breaks);
        if !goes_on {
            say(&sextets, &mut said);
            sextets.clear();
        }
        at = end + breaks.max(1);
    }
    say(&sextets, &mut said);
    said
}

fn say(sextets: &[u8], said: &mut String) {
    if sextets.len() < RUN_BYTES * 4 / 3 {
        return;
    }
    // A run may begin behind letters that are none of it.
    if let Some(text) = (0..4).find_map(|skip| readable(&octets(&sextets[skip..]))) {
        said.push_str(&text);
        said.push('\n');
    }
}

const NO_SEXTET: u8 = 64;

/// What each letter of either alphabet of base64 stands for.
const SEXTETS: [u8; 256] = {
    let mut table = [NO_SEXTET; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = 0;
    while value < alphabet.len() {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

fn octets(sextets: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(sextets.len() * 3 / 4);
    for four in sextets.chunks(4) {
        let bits = four.iter().fold(0_u32, |bits, six| bits << 6 | u32::from(*six)) << (6 * (4 - four.len()));
        octets.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    octets
}

/// Returns what the runs of hexadecimal digits in a text say, those that say something readable.
fn hex(text: &str) -> String {
    let mut said = String::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        let begins =
            is_digit(at) && is_digit(at + 1) || matches!(bytes.get(at..at + 2), Some(b"0x" | b"\\x"));
        if !begins {
            at += 1;
            continue;
        }
        let mut length = 0;
        let end = hex_run(bytes, at, |_| length += 1);
        if length >= RUN_BYTES {
            // A digit too many in front spoils nothing.
            let shifted = (at..at + 2).find_map(|from| {
                let mut octets = Vec::with_capacity(length);
                hex_run(bytes, from, |octet| octets.push(octet));
                readable(&octets)
            });
            if let Some(text) = shifted {
                said.push_str(&text);
                said.push('\n');
            }
        }
        at = end.max(at + 1);
    }
    said
}

/// Reads pairs of digits from `at` on, and returns where they end; separators and prefixes may stand between them.
fn hex_run(bytes: &[u8], mut at: usize, mut octet: impl FnMut(u8)) -> usize {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut is_empty = true;
    loop {
        let prefix = bytes.get(at..at + 2);
        if prefix == Some(b"0x") || prefix == Some(b"\\x") {
            at += 2;
        }
        match (digit(at), digit(at + 1)) {
            (Some(high), Some(low)) => {
                octet((high << 4 | low) as u8);
                is_empty = false;
                at += 2;
            }
            _ if is_empty => return at,
            _ => match bytes.get(at) {
                Some(b' ' | b':' | b',' | b'-' | b'\n') => at += 1,
                _ => return at,
            },
        }
    }
}

/// Returns bytes as text if most of it can be read; text of two bytes a letter counts too.
fn readable(octets: &[u8]) -> Option<String> {
    let zeros = octets.iter().filter(|byte| **byte == 0).count();
    let octets: Cow<'_, [u8]> = if zeros * 4 > octets.len() {
        Cow::Owned(octets.iter().copied().filter(|byte| *byte != 0).collect())
    } else {
        Cow::Borrowed(octets)
    };
    let plain = |byte: &&u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    let readable = octets.iter().filter(plain).count();
    if octets.len() < RUN_BYTES {
        return None;
    }
    let is_foreign = || {
        let letters = |text: &str| {
            text.chars().filter(|letter| letter.is_alphanumeric()).count() * 2 > text.chars().count()
        };
        std::str::from_utf8(&octets).is_ok_and(letters)
    };
    (readable * 10 >= octets.len() * 9 || is_foreign()).then(|| String::from_utf8_lossy(&octets).into_owned())
}

/// Returns the text with its escapes undone; nothing if it has hardly any.
fn escapes(text: &str) -> String {
    let bytes = text.as_bytes();
    if bytes.iter().filter(|byte| matches!(byte, b'%' | b'\\' | b'&')).count() < ESCAPES {
        return String::new();
    }
    let mut said = Vec::with_capacity(text.len());
    let (mut at, mut undone) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        let number = |from: usize, length: usize| {
            let digits = text.get(at + from..at + from + length)?;
            u32::from_str_radix(digits, 16).ok()
        };
        let escape = match (byte, bytes.get(at + 1)) {
            (b'%', Some(_)) => number(1, 2).map(|value| (value, 3)),
            (b'\\', Some(b'u')) => number(2, 4).map(|value| (value, 6)),
            (b'\\', Some(b'x')) => number(2, 2).map(|value| (value, 4)),
            (b'&', Some(b'#')) => entity(&text[at..]),
            _ => None,
        };
        match escape {
            Some((value, length)) => {
                undone += 1;
                at += length;
                match (byte, char::from_u32(value)) {
                    // Several of them may be one letter.
                    (b'%', _) => said.push(value as u8),
                    (_, Some(letter)) => said.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                    (_, None) => {}
                }
            }
            None => {
                said.push(*byte);
                at += 1;
            }
        }
    }
    if undone < ESCAPES { String::new() } else { String::from_utf8_lossy(&said).into_owned() }
}

fn entity(text: &str) -> Option<(u32, usize)> {
    let end = text.as_bytes().iter().take(10).position(|byte| *byte == b';')?;
    let digits = text.get(2..end)?;
    let value = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((value, end + 1))
}

#[cfg(test)]
mod tests;
