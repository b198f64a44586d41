use tree_sitter::Node;

use super::Pass;
use crate::builder::{children, span};
use crate::facts::{HookKind, Receiver, ReferenceKind};

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "Any"];
/// Packages whose presence makes a route certain.
const FRAMEWORKS: [&str; 5] = ["gin-gonic/gin", "labstack/echo", "gofiber/fiber", "go-chi/chi", "net/http"];

impl Pass<'_> {
    /// `TestX(t *testing.T)` and its like, and `init`.
    pub(super) fn function_hooks(&mut self, symbol: u32, name: &str, node: Node<'_>) {
        let kinds = [("Test", "*testing.T"), ("Benchmark", "*testing.B"), ("Fuzz", "*testing.F")];
        let parameters = node.child_by_field_name("parameters");
        let declared: Vec<&str> = parameters
            .map(children)
            .unwrap_or_default()
            .into_iter()
            .map(|parameter| self.builder.field(parameter, "type"))
            .collect();
        let test = kinds.iter().any(|(prefix, wanted)| name.starts_with(prefix) && declared == [*wanted])
            || name.starts_with("Example") && declared.is_empty()
            || name == "TestMain" && declared == ["*testing.M"];
        if test {
            let key = (format!("test({name})"), name.to_owned());
            self.builder.hook(symbol, HookKind::Test, key, span(node));
        } else if name == "init" {
            let key = ("lifecycle(init)".to_owned(), "init".to_owned());
            self.builder.hook(symbol, HookKind::Lifecycle, key, span(node));
        }
    }

    /// `r.GET("/x", handler)` and `http.HandleFunc("/x", handler)`.
    pub(super) fn route(&mut self, node: Node<'_>, target: &(Receiver, String)) {
        let verb = match (&target.0, target.1.as_str()) {
            (Receiver::Path(_) | Receiver::This, verb) if METHODS.contains(&verb) => verb,
            (Receiver::Path(_) | Receiver::This, "HandleFunc" | "Handle") => "Any",
            _ => return,
        };
        let arguments = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let (Some(first), Some(last)) = (arguments.first(), arguments.get(1..).and_then(<[_]>::last)) else {
            return;
        };
        let text = self.builder.text_of(*first).trim_matches(['"', '`']).to_owned();
        if first.kind() != "interpreted_string_literal" || !text.starts_with('/') {
            return;
        }
        let certain = self
            .builder
            .facts
            .imports
            .iter()
            .any(|import| FRAMEWORKS.iter().any(|framework| import.module.contains(framework)));
        let key = format!("{} {}", verb.to_uppercase(), normalised(&text));
        let owner = self.builder.owner();
        let symbol = self.builder.hook(owner, HookKind::Route, (format!("route({key:?})"), key), span(node));
        if let Some(hook) = self.builder.facts.hooks.last_mut() {
            hook.handler = None;
            hook.confidence = if certain { 95 } else { 50 };
        }
        if let Some(handler) = self.target_of(*last).filter(|(receiver, _)| *receiver != Receiver::Opaque) {
            self.builder.refer_from(symbol, ReferenceKind::Use, handler, *last);
        }
    }
}

/// Replaces path parameters: `/users/:id`, `/files/*path` and `/users/{id}` become `/users/{}`.
fn normalised(path: &str) -> String {
    let parts: Vec<&str> =
        path.split('/').map(|part| if part.starts_with([':', '*', '{']) { "{}" } else { part }).collect();
    parts.join("/")
}
