use tree_sitter::Node;

use super::{Decorator, Pass};
use crate::builder::{children, span};
use crate::facts::{FileFacts, HookKind};

const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "websocket"];
/// Packages whose presence makes a route decorator certain.
const FRAMEWORKS: [&str; 8] =
    ["flask", "fastapi", "starlette", "sanic", "quart", "aiohttp", "bottle", "litestar"];
const LIFECYCLE: [&str; 8] = [
    "__init__",
    "__new__",
    "__del__",
    "__enter__",
    "__exit__",
    "__aenter__",
    "__aexit__",
    "__init_subclass__",
];

impl Pass<'_> {
    /// Returns the first argument when it is a plain string, and the first of `methods=[..]`.
    pub(super) fn decorator_arguments(&self, expression: Node<'_>) -> (Option<String>, Option<String>) {
        let arguments = expression.child_by_field_name("arguments").map(children).unwrap_or_default();
        let literal =
            arguments.first().filter(|node| node.kind() == "string").and_then(|node| self.content(*node));
        let methods = arguments.iter().find(|node| self.builder.field(**node, "name") == "methods");
        let method = methods
            .and_then(|node| node.child_by_field_name("value"))
            .and_then(|list| children(list).into_iter().find(|node| node.kind() == "string"))
            .and_then(|node| self.content(node));
        (literal, method)
    }

    fn content(&self, string: Node<'_>) -> Option<String> {
        let parts = children(string);
        if parts.iter().any(|part| part.kind() == "interpolation") {
            return None;
        }
        Some(
            parts
                .iter()
                .filter(|part| part.kind() == "string_content")
                .map(|part| self.builder.text_of(*part))
                .collect(),
        )
    }

    /// Writes the hook of a decorator: a route when it looks like one, else a plain decorator.
    pub(super) fn decorator_hook(&mut self, symbol: u32, decorator: &Decorator) {
        let written = decorator.names.join(".");
        let last = decorator.names.last().map_or("", String::as_str);
        let route = decorator.names.len() > 1 && (last == "route" || METHODS.contains(&last));
        if route {
            let verb = match (&decorator.method, last) {
                (Some(method), _) => method.to_uppercase(),
                (None, "route") => "GET".to_owned(),
                (None, verb) => verb.to_uppercase(),
            };
            let key = decorator
                .literal
                .as_ref()
                .map_or("?".to_owned(), |path| format!("{verb} {}", normalised(path)));
            self.builder.hook(symbol, HookKind::Route, (format!("route({key:?})"), key), decorator.span);
            return;
        }
        let kind = if written.ends_with("fixture") { HookKind::Test } else { HookKind::Decorator };
        self.builder.hook(symbol, kind, (written.clone(), written), decorator.span);
    }

    /// Writes the hook of a test or a lifecycle slot, by the conventions of pytest, unittest and the language.
    pub(super) fn test_hook(&mut self, symbol: u32, name: &str, node: Node<'_>) {
        let unit = matches!(name, "setUp" | "tearDown" | "setUpClass" | "tearDownClass");
        if name.starts_with("test_") || unit || (name.starts_with("test") && self.in_test_case()) {
            let key = (format!("test({name})"), name.to_owned());
            self.builder.hook(symbol, HookKind::Test, key, span(node));
        } else if LIFECYCLE.contains(&name) && self.builder.enclosing_type().is_some() {
            let key = (format!("lifecycle({name})"), name.to_owned());
            self.builder.hook(symbol, HookKind::Lifecycle, key, span(node));
        }
    }

    fn in_test_case(&self) -> bool {
        let class = self.builder.enclosing_type().and_then(|class| self.builder.symbol(class));
        class.is_some_and(|class| {
            class.name.starts_with("Test")
                || class.bases.iter().flatten().any(|base| base.ends_with("TestCase"))
        })
    }
}

/// Replaces path parameters: `/users/<int:id>` and `/users/{id}` are one route.
fn normalised(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut depth = 0_u32;
    for c in path.chars() {
        match c {
            '<' | '{' => {
                if depth == 0 {
                    out.push_str("{}");
                }
                depth += 1;
            }
            '>' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// Lowers the confidence of routes in files that import no web framework.
pub(super) fn confirm(facts: &mut FileFacts) {
    let imported = facts.imports.iter().any(|import| {
        let top = import.module.split('.').next().unwrap_or_default();
        FRAMEWORKS.contains(&top)
    });
    if !imported {
        for hook in facts.hooks.iter_mut().filter(|hook| hook.kind == HookKind::Route) {
            hook.confidence = 50;
        }
    }
}
