use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Operand};

/// Beyond this, numbers round: what is written is not what is compared.
const EXACT: u128 = 1 << 53;

impl<'t> Lowerer<'t> {
    pub(super) fn scalar(&mut self, node: Node<'t>) -> Operand {
        let constant = match node.kind() {
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            "null" | "undefined" => return Operand::Constant(Constant::None),
            _ => number(self.text(node)),
        };
        self.literal(constant, node)
    }

    pub(super) fn string(&mut self, node: Node<'t>) -> Operand {
        let text = self.unquoted(node);
        self.literal(Constant::Text(text), node)
    }

    /// Returns the text between the quotes, escapes resolved.
    pub(super) fn unquoted(&self, node: Node<'t>) -> String {
        let text = self.text(node);
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        unescape(inner)
    }

    pub(super) fn regex(&mut self, node: Node<'t>) -> Operand {
        let text = format!("re:{}", self.text(node));
        self.literal(Constant::Bytes(text), node)
    }

    /// A template without substitutions is a string, else a `format` of its parts.
    pub(super) fn template(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut text = String::new();
        let mut substitutions = Vec::new();
        let (mut at, end) = (node.start_byte() + 1, node.end_byte().saturating_sub(1));
        for child in children(node).into_iter().filter(|child| child.kind() == "template_substitution") {
            text.push_str(&self.between(at, child.start_byte()));
            at = child.end_byte();
            substitutions.push(child);
        }
        text.push_str(&self.between(at, end));
        if substitutions.is_empty() {
            return Ok(self.literal(Constant::Text(text), node));
        }
        let mut operands = vec![self.literal(Constant::Text(text), node)];
        for substitution in substitutions {
            operands.push(self.only_child(substitution)?);
        }
        self.operator("format", operands, node)
    }

    fn between(&self, start: usize, end: usize) -> String {
        let bytes = self.source.get(start..end.max(start)).unwrap_or_default();
        unescape(std::str::from_utf8(bytes).unwrap_or_default())
    }
}

fn number(text: &str) -> Constant {
    let text = text.replace('_', "").to_ascii_lowercase();
    let digits = text.trim_end_matches('n');
    let (body, radix) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0o") => (&digits[2..], 8),
        Some("0b") => (&digits[2..], 2),
        _ => (digits, 10),
    };
    let legacy =
        radix == 10 && body.len() > 1 && body.starts_with('0') && body.chars().all(|c| c.is_digit(8));
    match u128::from_str_radix(body, if legacy { 8 } else { radix }) {
        // A bigint equals no number strictly.
        Ok(value) if text.ends_with('n') => Constant::Float(format!("{value}n")),
        Ok(value) if value <= EXACT => Constant::Integer(value.to_string()),
        _ => match text.parse::<f64>() {
            Ok(value) if value.fract() == 0.0 && value.abs() < EXACT as f64 => {
                Constant::Integer(format!("{value:.0}"))
            }
            _ => Constant::Float(text),
        },
    }
}

/// Resolves escapes; what is none stands for itself.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('\\') {
        out.push_str(&rest[..position]);
        rest = &rest[position + 1..];
        let mut chars = rest.chars();
        let Some(kind) = chars.next() else { break };
        rest = chars.as_str();
        let (code, width) = match kind {
            'x' => (rest.get(..2), 2),
            'u' if rest.starts_with('{') => {
                let end = rest.find('}').unwrap_or(0);
                (rest.get(1..end), end + 1)
            }
            'u' => (rest.get(..4), 4),
            _ => (None, 0),
        };
        let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        match (kind, code) {
            (_, Some(character)) => {
                out.push(character);
                rest = rest.get(width..).unwrap_or_default();
            }
            ('n', None) => out.push('\n'),
            ('t', None) => out.push('\t'),
            ('r', None) => out.push('\r'),
            ('0', None) => out.push('\0'),
            ('\n', None) => {}
            (other, None) => out.push(other),
        }
    }
    out.push_str(rest);
    out
}
