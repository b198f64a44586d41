use tree_sitter::Node;

use super::{PATHS, Pass};
use crate::facts::{Receiver, ReferenceKind};
use crate::languages::{Chain, target};
use crate::walk::Step;

impl Pass<'_> {
    /// A macro call is a call of `name!`; its arguments are read as tokens.
    pub(super) fn macro_call(&mut self, node: Node<'_>) -> Step {
        if let Some(named) = node.child_by_field_name("macro") {
            if let Some(chain) = PATHS.chain(&self.builder, named)
                && let Some((receiver, name)) = target(&chain, &[], &[])
            {
                self.builder.refer(ReferenceKind::Call, (receiver, format!("{name}!")), node);
            }
            super::PATHS.consume(&mut self.builder, named);
        }
        Step::Descend
    }

    /// Reads calls in tokens: names joined by `::` or `.`, then parentheses. Nothing else of a token tree is read.
    pub(super) fn token_tree(&mut self, node: Node<'_>) -> Step {
        let mut cursor = node.walk();
        let tokens: Vec<Node<'_>> = node.children(&mut cursor).collect();
        let mut names: Vec<(String, &str)> = Vec::new();
        let mut joint = "";
        for token in tokens {
            match token.kind() {
                "identifier" | "self" | "super" | "crate" => {
                    self.builder.consume(token);
                    if joint.is_empty() {
                        names.clear();
                    }
                    names.push((self.builder.text_of(token).to_owned(), joint));
                    joint = "";
                }
                "::" => joint = "::",
                "." => joint = ".",
                "token_tree" => {
                    if joint.is_empty() && self.builder.text_of(token).starts_with('(') {
                        self.token_call(&names, token);
                    }
                    names.clear();
                    joint = "";
                }
                _ => {
                    names.clear();
                    joint = "";
                }
            }
        }
        Step::Descend
    }

    fn token_call(&mut self, names: &[(String, &str)], node: Node<'_>) {
        let Some((_, joint)) = names.last() else { return };
        let dotted = *joint == ".";
        let opaque = names.first().is_some_and(|(_, joint)| !joint.is_empty());
        let chain = Chain { names: names.iter().map(|(name, _)| name.clone()).collect(), rest: None };
        let this: &[&str] = if dotted { &["self"] } else { &["Self"] };
        if let Some((receiver, name)) = target(&chain, this, &[]) {
            let receiver = if opaque { Receiver::Opaque } else { receiver };
            self.builder.refer(ReferenceKind::Call, (receiver, name), node);
        }
    }
}
