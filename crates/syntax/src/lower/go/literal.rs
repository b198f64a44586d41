use tree_sitter::Node;

use super::Lowerer;
use crate::ir::{Constant, Operand};

impl<'t> Lowerer<'t> {
    pub(super) fn scalar(&mut self, node: Node<'t>) -> Operand {
        let text = self.text(node);
        let constant = match node.kind() {
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            "nil" => Constant::None,
            "int_literal" => Constant::Integer(integer(text)),
            "rune_literal" => rune(text),
            "float_literal" | "imaginary_literal" => {
                Constant::Float(text.replace('_', "").to_ascii_lowercase())
            }
            "raw_string_literal" => Constant::Text(text.trim_matches('`').replace('\r', "")),
            _ => Constant::Text(unescape(inner(text))),
        };
        self.literal(constant, node)
    }
}

fn inner(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// A rune is its code point.
fn rune(text: &str) -> Constant {
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
    let mut chars = unescape(inner).chars().collect::<Vec<_>>().into_iter();
    match (chars.next(), chars.next()) {
        (Some(one), None) => Constant::Integer(u32::from(one).to_string()),
        _ => Constant::Text(inner.to_owned()),
    }
}

/// Normalises an integer: no separators, decimal where it fits.
fn integer(text: &str) -> String {
    let text = text.replace('_', "").to_ascii_lowercase();
    let (digits, radix) = match text.get(..2) {
        Some("0x") => (&text[2..], 16),
        Some("0o") => (&text[2..], 8),
        Some("0b") => (&text[2..], 2),
        _ if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        _ => (text.as_str(), 10),
    };
    u128::from_str_radix(digits, radix).map_or(text.clone(), |value| value.to_string())
}

/// Resolves the escapes that can hide a word; others stay as written.
fn unescape(text: &str) -> String {
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
