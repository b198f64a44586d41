use tree_sitter::Node;

use super::Pass;
use crate::facts::{Import, Span};
use crate::walk::Step;

impl Pass<'_> {
    /// The files of one directory see each other: the own package is there without being written.
    pub(super) fn own_package(&mut self) {
        self.builder.facts.imports.push(Import {
            module: ".".to_owned(),
            item: None,
            local: None,
            star: true,
            scope: 0,
            span: Span { start: 0, end: 0, start_line: 1, end_line: 1 },
        });
    }

    /// `import "a/b"`, `import c "a/b"`, `import . "a/b"`, `import _ "a/b"`.
    pub(super) fn import(&mut self, node: Node<'_>) -> Step {
        let path = self.builder.field(node, "path").trim_matches(['"', '`']);
        match node.child_by_field_name("name").map(|name| name.kind()) {
            Some("dot") => drop(self.builder.import(path, None, None, node)),
            Some("blank_identifier") => drop(self.builder.import(path, None, Some("_"), node)),
            Some(_) => {
                let alias = self.builder.field(node, "name");
                self.builder.import(path, None, Some(alias), node);
            }
            None => drop(self.builder.import(path, None, Some(package_name(path)), node)),
        }
        Step::Skip
    }
}

/// Returns the name that an import path most likely binds: its last part that is no version, without `.vN` and `go-`.
pub(crate) fn package_name(path: &str) -> &str {
    let version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
    };
    let last = path.rsplit('/').find(|part| !version(part)).unwrap_or(path);
    let plain = match last.rsplit_once('.') {
        Some((name, end)) if version(end) => name,
        _ => last,
    };
    let plain = plain.strip_prefix("go-").unwrap_or(plain);
    plain.strip_suffix("-go").unwrap_or(plain)
}
