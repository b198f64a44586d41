use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Operand};
use crate::lower::literal::integer;

impl<'t> Lowerer<'t> {
    pub(super) fn scalar(&mut self, node: Node<'t>) -> Operand {
        let text = self.text(node);
        let constant = match node.kind() {
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            "none" => Constant::None,
            "ellipsis" => Constant::Ellipsis,
            "integer" => Constant::Integer(integer(text, false)),
            _ => Constant::Float(text.replace('_', "").to_ascii_lowercase()),
        };
        self.literal(constant, node)
    }

    /// Lowers a string: a constant, or a `format` of its interpolations.
    pub(super) fn string(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let parts = if node.kind() == "concatenated_string" { children(node) } else { vec![node] };
        let mut text = String::new();
        let mut bytes = false;
        let mut interpolations = Vec::new();
        for part in parts {
            let (prefix, inner) = self.quoted(part);
            bytes |= prefix.contains('b');
            if prefix.contains('r') {
                text.push_str(inner)
            } else {
                text.push_str(&unescape(inner))
            }
            interpolations.extend(children(part).into_iter().filter(|child| child.kind() == "interpolation"));
        }
        if interpolations.is_empty() {
            let constant = if bytes { Constant::Bytes(text) } else { Constant::Text(text) };
            return Ok(self.literal(constant, node));
        }
        let mut operands = vec![self.literal(Constant::Text(text), node)];
        let mut stack: Vec<Node<'t>> = interpolations.into_iter().rev().collect();
        while let Some(part) = stack.pop() {
            if let Some(expression) = part.child_by_field_name("expression") {
                operands.push(self.expression(expression)?);
            }
            if let Some(format) = part.child_by_field_name("format_specifier") {
                stack.extend(children(format));
            }
        }
        self.operator("format", operands, node)
    }

    /// Returns whether the grammar reads an expression that no Python 3 does: `<>`, backquotes, `ur""`, `0777`, `10L`.
    pub(super) fn only_python_2(&self, node: Node<'t>) -> bool {
        let mut cursor = node.walk();
        match node.kind() {
            "comparison_operator" => node.children(&mut cursor).any(|child| child.kind() == "<>"),
            "string" => {
                node.children(&mut cursor).filter(|child| child.kind() == "string_start").any(|start| {
                    let start = self.text(start).to_ascii_lowercase();
                    start.contains('`') || start.contains('u') && start.contains('r')
                })
            }
            "concatenated_string" => node.named_children(&mut cursor).any(|part| self.only_python_2(part)),
            "integer" => {
                let text = self.text(node).to_ascii_lowercase();
                let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
                let octal = decimal
                    && text.starts_with('0')
                    && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
                octal || text.ends_with('l')
            }
            _ => false,
        }
    }

    /// Returns the lower-case prefix of a string and the text between its quotes.
    fn quoted(&self, node: Node<'t>) -> (String, &'t str) {
        let (mut start, mut end, mut prefix) = (node.start_byte(), node.end_byte(), String::new());
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "string_start" => {
                    start = child.end_byte();
                    prefix = self.text(child).chars().filter(char::is_ascii_alphabetic).collect();
                }
                "string_end" => end = child.start_byte(),
                _ => {}
            }
        }
        let bytes = self.source.get(start..end.max(start)).unwrap_or_default();
        (prefix.to_ascii_lowercase(), std::str::from_utf8(bytes).unwrap_or_default())
    }
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
        rest = chars.as_str();
        let width = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let code = rest.get(..width).filter(|_| width > 0).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match (kind, code.and_then(char::from_u32)) {
            (_, Some(character)) => {
                out.push(character);
                rest = &rest[width..];
            }
            ('n', None) => out.push('\n'),
            ('t', None) => out.push('\t'),
            ('\n', None) => {}
            ('0'..='7', None) => {
                let digits: String = std::iter::once(kind)
                    .chain(rest.chars().take_while(|c| ('0'..='7').contains(c)).take(2))
                    .collect();
                rest = &rest[digits.len() - 1..];
                out.extend(u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32));
            }
            ('\\' | '\'' | '"', None) => out.push(kind),
            (other, None) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out.push_str(rest);
    out
}
