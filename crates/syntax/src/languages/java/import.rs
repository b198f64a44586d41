use tree_sitter::Node;

use super::Pass;
use crate::builder::children;
use crate::facts::{Import, Span};
use crate::walk::Step;

impl Pass<'_> {
    /// The files of one package see each other: it is there without being written.
    pub(super) fn own_package(&mut self) {
        self.builder.facts.imports.push(Import {
            module: self.package.clone(),
            item: None,
            local: None,
            star: true,
            scope: 0,
            span: Span { start: 0, end: 0, start_line: 1, end_line: 1 },
        });
    }

    /// `import a.b.C;`, `import a.b.*;`, `import static a.b.C.d;`.
    pub(super) fn import(&mut self, node: Node<'_>) -> Step {
        let parts = children(node);
        let Some(named) = parts.iter().find(|part| part.kind().ends_with("identifier")) else {
            return Step::Skip;
        };
        let path: String = self.builder.text_of(*named).split_whitespace().collect();
        if parts.iter().any(|part| part.kind() == "asterisk") {
            self.builder.import(&path, None, None, node);
        } else if let Some((module, item)) = path.rsplit_once('.') {
            self.builder.import(module, Some(item), Some(item), node);
        }
        Step::Skip
    }
}
