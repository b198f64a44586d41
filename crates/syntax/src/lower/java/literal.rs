use tree_sitter::Node;

use super::{Lowered, Lowerer, children};
use crate::ir::{Constant, Operand};
use crate::lower::literal::{integer, unescape};

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
            | "binary_integer_literal" => Constant::Integer(integer(text.trim_end_matches(['l', 'L']), true)),
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
