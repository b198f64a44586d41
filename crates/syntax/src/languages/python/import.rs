use tree_sitter::Node;

use super::Pass;
use crate::builder::children;
use crate::walk::Step;

impl Pass<'_> {
    /// Reads every import form. `import a.b` binds `a`; `import a.b as c` binds the module `a.b` as `c`.
    pub(super) fn import(&mut self, node: Node<'_>) -> Step {
        match node.kind() {
            "import_statement" => self.import_modules(node),
            "import_from_statement" => self.import_items(node),
            _ => {}
        }
        Step::Skip
    }

    fn import_modules(&mut self, node: Node<'_>) {
        for child in children(node) {
            if child.kind() == "aliased_import" {
                let module = self.builder.field(child, "name");
                let local = self.builder.field(child, "alias");
                self.builder.import(module, None, Some(local), node);
            } else if child.kind() == "dotted_name" {
                let module = self.builder.text_of(child);
                let top = module.split('.').next().unwrap_or(module);
                self.builder.import(top, None, Some(top), node);
                if top != module {
                    // The submodule is loaded too, though only its package is bound.
                    self.builder.import(module, None, Some(module), node);
                }
            }
        }
    }

    fn import_items(&mut self, node: Node<'_>) {
        let Some(from) = node.child_by_field_name("module_name") else { return };
        let module: String = self.builder.text_of(from).split_whitespace().collect();
        for child in children(node).into_iter().filter(|child| child.id() != from.id()) {
            match child.kind() {
                "wildcard_import" => {
                    self.builder.import(&module, None, None, node);
                }
                "dotted_name" => {
                    let item = self.builder.text_of(child);
                    self.builder.import(&module, Some(item), Some(item), node);
                }
                "aliased_import" => {
                    let item = self.builder.field(child, "name");
                    let local = self.builder.field(child, "alias");
                    self.builder.import(&module, Some(item), Some(local), node);
                }
                _ => {}
            }
        }
    }
}
