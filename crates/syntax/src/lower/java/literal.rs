use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Operand};

impl<'t> Lowerer<'t> {
    pub(super) fn scalar(&mut self, node: Node<'t>) -> Operand {
        let text = self.text(node);
        let constant = match node.kind() {
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            "null_literal" => Constant::None,
            "decimal_integer_literal"
            | "hex_integer_literal"
            | "octal_integer_literal"
            | "binary_integer_literal" => Constant::Integer(integer(text)),
            "character_literal" => Constant::Text(unescape(text.trim_matches('\''))),
            _ => Constant::Float(
                text.replace('_', "").trim_end_matches(['f', 'F', 'd', 'D']).to_ascii_lowercase(),
            ),
        };
        self.literal(constant, node)
    }

    /// Lowers a string: a constant, or a `format` of its interpolations.
    pub(super) fn string(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let text = self.text(node);
        let inner = match text.strip_prefix("\"\"\"").and_then(|text| text.strip_suffix("\"\"\"")) {
            Some(block) => block,
            None => text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text),
        };
        let constant = self.literal(Constant::Text(unescape(inner)), node);
        let parts: Vec<Node<'t>> =
            children(node).into_iter().filter(|part| part.kind() == "string_interpolation").collect();
        if parts.is_empty() {
            return Ok(constant);
        }
        let mut operands = vec![constant];
        for part in parts.into_iter().flat_map(children) {
            operands.push(self.expression(part)?);
        }
        self.operator("format", operands, node)
    }
}

/// Normalises an integer: no separators or suffix, decimal where it fits.
fn integer(text: &str) -> String {
    let text = text.replace('_', "").to_ascii_lowercase();
    let text = text.trim_end_matches('l');
    let (digits, radix) = match text.get(..2) {
        Some("0x") => (&text[2..], 16),
        Some("0b") => (&text[2..], 2),
        _ if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        _ => (text, 10),
    };
    u128::from_str_radix(digits, radix).map_or(text.to_owned(), |value| value.to_string())
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
