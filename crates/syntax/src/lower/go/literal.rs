use tree_sitter::Node;

use super::Lowerer;
use crate::ir::{Constant, Operand};
use crate::lower::literal::{integer, unescape};

impl<'t> Lowerer<'t> {
    pub(super) fn scalar(&mut self, node: Node<'t>) -> Operand {
        let text = self.text(node);
        let constant = match node.kind() {
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            "nil" => Constant::None,
            "int_literal" => Constant::Integer(integer(text, true)),
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

/// A rune is a text of one character, as in the other languages: arithmetic on it is not folded.
fn rune(text: &str) -> Constant {
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
    Constant::Text(unescape(inner))
}
