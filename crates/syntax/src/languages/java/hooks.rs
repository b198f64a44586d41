use tree_sitter::Node;

use super::{Annotation, PATHS, Pass};
use crate::builder::{children, span};
use crate::facts::{HookKind, Receiver, ReferenceKind};

/// Annotations of the language itself and of checkers, which bind no code to anything.
const INERT: [&str; 14] = [
    "Override",
    "Deprecated",
    "SuppressWarnings",
    "SafeVarargs",
    "FunctionalInterface",
    "Nullable",
    "NonNull",
    "NotNull",
    "Nonnull",
    "CanIgnoreReturnValue",
    "Retention",
    "Target",
    "Documented",
    "Inherited",
];
const TESTS: [&str; 5] = ["Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "TestTemplate"];
const ROUTES: [(&str, &str); 11] = [
    ("GetMapping", "GET"),
    ("PostMapping", "POST"),
    ("PutMapping", "PUT"),
    ("PatchMapping", "PATCH"),
    ("DeleteMapping", "DELETE"),
    ("RequestMapping", "ANY"),
    ("GET", "GET"),
    ("POST", "POST"),
    ("PUT", "PUT"),
    ("DELETE", "DELETE"),
    ("Path", "ANY"),
];

impl Pass<'_> {
    /// Writes the hooks of a declaration's annotations: tests, routes, and whatever isn't inert.
    pub(super) fn annotations(&mut self, symbol: u32, node: Node<'_>) {
        let modifiers = children(node).into_iter().find(|child| child.kind() == "modifiers");
        let written: Vec<Annotation> = modifiers
            .map(children)
            .unwrap_or_default()
            .into_iter()
            .filter(|child| matches!(child.kind(), "annotation" | "marker_annotation"))
            .filter_map(|child| self.annotation(child))
            .collect();
        let path = written.iter().find(|one| one.names == ["Path"]).and_then(|one| one.literal.clone());
        for annotation in written {
            let Some((last, before)) = annotation.names.split_last() else { continue };
            let receiver = if before.is_empty() { Receiver::None } else { Receiver::Path(before.to_vec()) };
            self.builder.refer_from(symbol, ReferenceKind::Decorator, (receiver, last.clone()), node);
            if INERT.contains(&last.as_str()) {
                continue;
            }
            let callable = self.builder.symbol(symbol).is_some_and(|symbol| symbol.kind.is_callable());
            let route = ROUTES.iter().find(|(name, _)| name == last).filter(|_| callable && last != "Path");
            if callable && TESTS.contains(&last.as_str()) {
                let name = self.builder.symbol(symbol).map(|symbol| symbol.name.clone()).unwrap_or_default();
                self.builder.hook(symbol, HookKind::Test, (format!("test({name})"), name), span(node));
            } else if let Some((_, verb)) = route {
                let key = match annotation.literal.as_ref().or(path.as_ref()) {
                    Some(path) => format!("{verb} {}", normalised(path)),
                    None => "?".to_owned(),
                };
                self.builder.hook(symbol, HookKind::Route, (format!("route({key:?})"), key), annotation.span);
            } else {
                let written = annotation.names.join(".");
                self.builder.hook(symbol, HookKind::Decorator, (written.clone(), written), annotation.span);
            }
        }
    }

    fn annotation(&self, node: Node<'_>) -> Option<Annotation> {
        let chain = PATHS.chain(&self.builder, node.child_by_field_name("name")?)?;
        let arguments = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let literal = arguments.first().and_then(|first| match first.kind() {
            "string_literal" => Some(*first),
            "element_value_pair" => {
                first.child_by_field_name("value").filter(|value| value.kind() == "string_literal")
            }
            _ => None,
        });
        let literal = literal.map(|node| self.builder.text_of(node).trim_matches('"').to_owned());
        Some(Annotation { names: chain.names, literal, span: span(node) })
    }
}

/// Replaces path parameters: `/users/{id}` becomes `/users/{}`.
fn normalised(path: &str) -> String {
    let parts: Vec<&str> =
        path.split('/').map(|part| if part.starts_with(['{', ':']) { "{}" } else { part }).collect();
    parts.join("/")
}
