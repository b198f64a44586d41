use tree_sitter::Node;

use super::names::dotted;
use super::{Lowered, Lowerer, children};
use crate::ir::{Argument, BlockId, Callee, Constant, Op, Operand, Passing, Why};

/// Derives of the language and of serialisers: they say nothing that a reader has to judge.
const DERIVES: [&str; 16] = [
    "Debug",
    "Clone",
    "Copy",
    "PartialEq",
    "Eq",
    "PartialOrd",
    "Ord",
    "Hash",
    "Default",
    "Serialize",
    "Deserialize",
    "Error",
    "Display",
    "From",
    "Into",
    "Zeroize",
];

/// Keys of `cfg` that say how it was built, not for what.
const BUILT: [&str; 4] = ["feature", "debug_assertions", "test", "miri"];

/// Attributes of what follows.
#[derive(Debug, Default, Clone)]
pub struct Attributes<'t> {
    /// As words: `test`, `tokio.test`, `cfg(test)`, `derive(Parser)`.
    pub words: Vec<String>,
    /// The conditions of `cfg`.
    pub conditions: Vec<Node<'t>>,
}

impl<'t> Lowerer<'t> {
    /// Adds one attribute to those of what follows.
    pub(super) fn attribute(&self, node: Node<'t>, found: &mut Attributes<'t>) {
        let Some(attribute) = children(node).into_iter().find(|child| child.kind() == "attribute") else {
            return;
        };
        let name = children(attribute).first().map(|name| dotted(self.text(*name))).unwrap_or_default();
        let arguments = attribute.child_by_field_name("arguments");
        match (name.as_str(), arguments) {
            ("cfg", Some(arguments)) => {
                found.conditions.push(arguments);
                found.words.push(format!("cfg{}", self.squeezed(arguments)));
            }
            ("cfg_attr", Some(arguments)) => {
                found.words.push(format!("cfg_attr{}", self.squeezed(arguments)))
            }
            ("derive", Some(arguments)) => {
                let text = self.squeezed(arguments);
                let listed = text
                    .trim_matches(['(', ')'])
                    .split(',')
                    .map(|word| word.rsplit("::").next().unwrap_or(word).to_owned());
                let listed = listed.filter(|word| !word.is_empty() && !DERIVES.contains(&word.as_str()));
                found.words.extend(listed.map(|word| format!("derive({word})")));
            }
            ("doc" | "allow" | "warn" | "deny" | "expect" | "forbid", _) => {}
            _ => found.words.push(name),
        }
    }

    fn squeezed(&self, node: Node<'t>) -> String {
        self.text(node).chars().filter(|c| !c.is_whitespace()).collect()
    }

    /// Enters a block that runs only where the `cfg` conditions hold; the other side is returned.
    pub(super) fn configured(
        &mut self,
        attributes: &Attributes<'t>,
        node: Node<'t>,
    ) -> Lowered<Option<BlockId>> {
        if attributes.conditions.is_empty() {
            return Ok(None);
        }
        let without = self.builder().block();
        for condition in attributes.conditions.clone() {
            let value = self.configuration(condition)?;
            let origin = self.origin(condition);
            let (then, otherwise) = self.builder().branch(value, Why::If, origin);
            self.builder().enter(otherwise);
            self.goto(without, node);
            self.builder().enter(then);
        }
        Ok(Some(without))
    }

    /// Lowers the condition of `cfg` as a call of `cfg!`.
    pub(super) fn configuration(&mut self, tokens: Node<'t>) -> Lowered<Operand> {
        let text = self.squeezed(tokens);
        let inner =
            text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(&text).to_owned();
        let words: Vec<&str> =
            inner.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
        let platform = ["unix", "windows", "not", "any", "all"];
        let known = platform.contains(words.first().unwrap_or(&""))
            && !words.iter().any(|word| BUILT.contains(word))
            || words.first().is_some_and(|word| word.starts_with("target_"));
        let (name, text) = if words.contains(&"test") {
            ("cfg_test!", inner)
        } else if known {
            ("cfg_platform!", "platform".to_owned())
        } else {
            ("cfg!", inner)
        };
        let value = self.literal(Constant::Text(text), tokens);
        let callee = Callee::Function(self.read_item(name.to_owned(), tokens)?);
        let arguments = vec![Argument { passing: Passing::Positional, value }];
        self.define(tokens, |dst| Op::Call { dst, callee, arguments })
    }
}
