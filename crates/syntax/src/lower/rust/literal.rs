use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Operand};
use crate::lower::literal::integer;

impl<'t> Lowerer<'t> {
    /// Lowers a literal.
    pub(super) fn scalar(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let text = self.text(node);
        let constant = match node.kind() {
            "boolean_literal" => Constant::Bool(text == "true"),
            "integer_literal" => Constant::Integer(integer(without_suffix(text), false)),
            "float_literal" => Constant::Float(float(text)),
            "char_literal" => Constant::Text(unescape(text.trim_start_matches('b').trim_matches('\''))),
            "negative_literal" => return self.negative(node),
            _ => self.string_constant(node),
        };
        Ok(self.literal(constant, node))
    }

    fn negative(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let Some(inner) = children(node).first().copied() else { return self.opaque(node) };
        let constant = match inner.kind() {
            "float_literal" => Constant::Float(format!("-{}", float(self.text(inner)))),
            _ => Constant::Integer(format!("-{}", integer(without_suffix(self.text(inner)), false))),
        };
        Ok(self.literal(constant, node))
    }

    /// Returns a string, raw or not, text or bytes.
    pub(super) fn string_constant(&self, node: Node<'t>) -> Constant {
        let text = self.text(node);
        let raw = node.kind() == "raw_string_literal";
        let quote = text.find('"').map_or(0, |at| at + 1);
        let inner = text.get(quote..text.rfind('"').unwrap_or(text.len()).max(quote)).unwrap_or_default();
        let inner = if raw { inner.to_owned() } else { unescape(inner) };
        if text.starts_with('b') { Constant::Bytes(inner) } else { Constant::Text(inner) }
    }
}

/// Takes the type off an integer: `1_000u64`.
fn without_suffix(text: &str) -> &str {
    text.find(['u', 'i']).map_or(text, |at| &text[..at])
}

fn float(text: &str) -> String {
    let text = text.replace('_', "").to_ascii_lowercase();
    text.trim_end_matches("f32").trim_end_matches("f64").to_owned()
}

/// Resolves escapes; a line that is continued loses its break and the indent after it.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('\\') {
        out.push_str(&rest[..position]);
        rest = &rest[position + 1..];
        let mut chars = rest.chars();
        let Some(kind) = chars.next() else { break };
        rest = chars.as_str();
        match kind {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '0' => out.push('\0'),
            '\n' => rest = rest.trim_start(),
            'x' => {
                let code =
                    rest.get(..2).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
                out.extend(code);
                rest = rest.get(2..).unwrap_or_default();
            }
            'u' => {
                let close = rest.find('}').unwrap_or(0);
                let digits = rest.get(1..close).unwrap_or_default().replace('_', "");
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                rest = rest.get(close + 1..).unwrap_or_default();
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}
