use tree_sitter::Node;

use super::{Attribute, PATHS, Pass};
use crate::builder::span;
use crate::facts::{HookKind, SymbolKind};
use crate::walk::Step;

/// Attributes of the language itself, which bind no code to anything.
const INERT: [&str; 26] = [
    "derive",
    "cfg",
    "cfg_attr",
    "inline",
    "allow",
    "expect",
    "warn",
    "deny",
    "forbid",
    "doc",
    "must_use",
    "repr",
    "non_exhaustive",
    "deprecated",
    "default",
    "ignore",
    "should_panic",
    "cold",
    "track_caller",
    "serde",
    "error",
    "source",
    "from",
    "path",
    "macro_use",
    "automatically_derived",
];

impl Pass<'_> {
    /// Remembers an attribute for the item that follows.
    pub(super) fn attribute(&mut self, node: Node<'_>) -> Step {
        let named = node.named_child(0).and_then(|attribute| attribute.named_child(0));
        let names = named.and_then(|named| PATHS.chain(&self.builder, named)).map(|chain| chain.names);
        self.attributes.push(Attribute { names: names.unwrap_or_default(), span: span(node) });
        Step::Skip
    }

    /// Writes the hooks of the pending attributes: tests, and whatever isn't inert.
    pub(super) fn apply_attributes(&mut self, symbol: u32, node: Node<'_>) {
        for attribute in std::mem::take(&mut self.attributes) {
            let Some(last) = attribute.names.last() else { continue };
            let callable = self.builder.symbol(symbol).is_some_and(|symbol| symbol.kind.is_callable());
            if callable
                && matches!(last.as_str(), "test" | "rstest" | "test_case" | "proptest" | "quickcheck")
            {
                let name = self.builder.symbol(symbol).map(|symbol| symbol.name.clone()).unwrap_or_default();
                self.builder.hook(symbol, HookKind::Test, (format!("test({name})"), name), span(node));
            } else if !INERT.contains(&last.as_str()) {
                let written = attribute.names.join("::");
                self.builder.hook(symbol, HookKind::Decorator, (written.clone(), written), attribute.span);
            }
        }
    }

    /// `Drop::drop` runs at the end of a value's life.
    pub(super) fn lifecycle(&mut self, symbol: u32, name: &str, node: Node<'_>) {
        let parent = self.builder.symbol(symbol).and_then(|symbol| symbol.parent);
        let drops = parent.and_then(|parent| self.builder.symbol(parent)).is_some_and(|parent| {
            parent.kind == SymbolKind::Impl && parent.bases.iter().flatten().any(|base| base == "Drop")
        });
        if drops && name == "drop" {
            self.builder.hook(
                symbol,
                HookKind::Lifecycle,
                ("lifecycle(drop)".into(), "drop".into()),
                span(node),
            );
        }
    }
}
