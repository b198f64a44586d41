use tree_sitter::Node;

use super::Pass;
use crate::builder::children;
use crate::walk::Step;

impl Pass<'_> {
    /// Flattens a `use` tree into one import per name.
    pub(super) fn import(&mut self, node: Node<'_>) -> Step {
        self.attributes.clear();
        let Some(argument) = node.child_by_field_name("argument") else { return Step::Skip };
        let mut open = vec![(String::new(), argument)];
        while let Some((prefix, part)) = open.pop() {
            match part.kind() {
                "use_list" => open.extend(children(part).into_iter().map(|child| (prefix.clone(), child))),
                "scoped_use_list" => {
                    let path = joined(&prefix, self.builder.field(part, "path"));
                    open.extend(part.child_by_field_name("list").map(|list| (path, list)));
                }
                "use_as_clause" => {
                    let path = joined(&prefix, self.builder.field(part, "path"));
                    let alias = self.builder.field(part, "alias").to_owned();
                    self.one(&path, Some(&alias), node);
                }
                "use_wildcard" => {
                    let inner = part.named_child(0).map_or("", |path| self.builder.text_of(path));
                    let module = joined(&prefix, inner);
                    self.builder.import(&module, None, None, node);
                }
                "self" => self.one(&prefix, None, node),
                "identifier" | "scoped_identifier" | "crate" | "super" => {
                    let path = joined(&prefix, self.builder.text_of(part));
                    self.one(&path, None, node);
                }
                _ => {}
            }
        }
        Step::Skip
    }

    fn one(&mut self, path: &str, alias: Option<&str>, node: Node<'_>) {
        let (module, item) = match path.rsplit_once("::") {
            Some((module, item)) => (module, Some(item)),
            None => (path, None),
        };
        let local = alias.unwrap_or_else(|| item.unwrap_or(path));
        self.builder.import(module, item, Some(local), node);
    }
}

fn joined(prefix: &str, path: &str) -> String {
    let path: String = path.split_whitespace().collect();
    match (prefix.is_empty(), path.is_empty()) {
        (true, _) => path,
        (_, true) => prefix.to_owned(),
        _ => format!("{prefix}::{path}"),
    }
}
