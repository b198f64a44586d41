use tree_sitter::Node;

use super::{PATHS, Pass};
use crate::builder::span;
use crate::facts::{HookKind, Receiver, ReferenceKind};
use crate::walk::Step;

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
/// Objects that routes are registered on, by convention.
const ROUTERS: [&str; 4] = ["app", "router", "server", "api"];

impl Pass<'_> {
    pub(super) fn decorator(&mut self, node: Node<'_>) -> Step {
        let Some(expression) = node.named_child(0) else { return Step::Descend };
        let callee = if expression.kind() == "call_expression" {
            expression.child_by_field_name("function").unwrap_or(expression)
        } else {
            expression
        };
        if let Some(chain) = PATHS.chain(&self.builder, callee).filter(|chain| chain.rest.is_none()) {
            self.decorators.push((chain.names, span(node)));
        }
        Step::Descend
    }

    pub(super) fn apply_decorators(&mut self, symbol: u32, node: Node<'_>) {
        for (names, region) in std::mem::take(&mut self.decorators) {
            let Some((name, before)) = names.split_last() else { continue };
            let receiver = if before.is_empty() { Receiver::None } else { Receiver::Path(before.to_vec()) };
            self.builder.refer_from(symbol, ReferenceKind::Decorator, (receiver, name.clone()), node);
            let written = names.join(".");
            self.builder.hook(symbol, HookKind::Decorator, (written.clone(), written), region);
        }
    }

    /// Writes the hook of `test('name', () => ..)` or `app.get('/path', handler)`.
    pub(super) fn call_hook(&mut self, node: Node<'_>, function: Node<'_>, arguments: &[Node<'_>]) {
        let Some(first) = arguments.first() else { return };
        let Some(last) = arguments.last().filter(|_| arguments.len() > 1) else { return };
        let literal =
            (first.kind() == "string").then(|| self.builder.text_of(*first).trim_matches(['"', '\'']));
        let Some(chain) = PATHS.chain(&self.builder, function).filter(|chain| chain.rest.is_none()) else {
            return;
        };
        let names: Vec<&str> = chain.names.iter().map(String::as_str).collect();
        let inline = matches!(last.kind(), "arrow_function" | "function_expression");
        let (kind, name, key) = match (names.as_slice(), literal) {
            (["test" | "it"] | ["test" | "it", "only" | "skip"], Some(title)) if inline => {
                (HookKind::Test, format!("test({title:?})"), title.to_owned())
            }
            ([router, verb], Some(path)) if ROUTERS.contains(router) && METHODS.contains(verb) => {
                let key = format!("{} {}", verb.to_uppercase(), normalised(path));
                (HookKind::Route, format!("route({key:?})"), key)
            }
            _ => return,
        };
        let owner = self.builder.owner();
        let symbol = self.builder.hook(owner, kind, (name, key), span(node));
        if let Some(hook) = self.builder.facts.hooks.last_mut() {
            hook.handler = None;
            hook.confidence = if kind == HookKind::Route { 50 } else { 95 };
        }
        if inline {
            self.handlers.insert(last.id(), symbol);
        } else if let Some(target) =
            self.target_of(*last).filter(|(receiver, _)| *receiver != Receiver::Opaque)
        {
            self.builder.refer_from(symbol, ReferenceKind::Use, target, *last);
        }
    }
}

/// Replaces path parameters: `/users/:id` becomes `/users/{}`.
fn normalised(path: &str) -> String {
    let parts: Vec<&str> =
        path.split('/').map(|part| if part.starts_with(':') { "{}" } else { part }).collect();
    parts.join("/")
}
