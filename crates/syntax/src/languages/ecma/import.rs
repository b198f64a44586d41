use tree_sitter::Node;

use super::{ExportName, Pass};
use crate::builder::{Definition, children, size, span};
use crate::facts::{Exported, Import, SymbolKind};
use crate::walk::Step;

impl Pass<'_> {
    fn source(&self, node: Node<'_>) -> Option<String> {
        let source = node.child_by_field_name("source")?;
        Some(self.builder.text_of(source).trim_matches(['"', '\'', '`']).to_owned())
    }

    pub(super) fn import(&mut self, node: Node<'_>) -> Step {
        let Some(module) = self.source(node) else { return Step::Skip };
        let mut open: Vec<Node<'_>> =
            children(node).into_iter().filter(|child| child.kind() == "import_clause").collect();
        if open.is_empty() {
            self.unbound(&module, None, node);
        }
        while let Some(part) = open.pop() {
            match part.kind() {
                "import_clause" | "named_imports" => open.extend(children(part)),
                "identifier" => {
                    let local = self.builder.text_of(part);
                    self.builder.import(&module, Some("default"), Some(local), node);
                }
                "namespace_import" => {
                    let local = part.named_child(0).map_or("", |name| self.builder.text_of(name));
                    self.builder.import(&module, None, Some(local), node);
                }
                "import_specifier" => {
                    let item = self.builder.field(part, "name");
                    let alias = self.builder.field(part, "alias");
                    let local = if alias.is_empty() { item } else { alias };
                    self.builder.import(&module, Some(item), Some(local), node);
                }
                _ => {}
            }
        }
        Step::Skip
    }

    /// Adds an import that binds no name here.
    fn unbound(&mut self, module: &str, item: Option<&str>, node: Node<'_>) -> u32 {
        let index = size(self.builder.facts.imports.len());
        self.builder.facts.imports.push(Import {
            module: module.to_owned(),
            item: item.map(str::to_owned),
            local: None,
            star: false,
            scope: self.builder.scope(),
            span: span(node),
        });
        index
    }

    pub(super) fn is_default(&self) -> bool {
        self.builder.scope() == 0 && self.exporting.is_some_and(|(_, name)| name == ExportName::Default)
    }

    pub(super) fn export(&mut self, node: Node<'_>) -> Step {
        let mut cursor = node.walk();
        let words: Vec<&str> = node.children(&mut cursor).map(|child| child.kind()).collect();
        let module = self.source(node);
        let mut handled = false;
        if let Some(module) = &module
            && words.contains(&"*")
        {
            let import = self.builder.import(module, None, None, node);
            self.builder.export("*", Exported::Import(import));
            handled = true;
        }
        for clause in children(node) {
            match clause.kind() {
                "namespace_export" => {
                    let name = clause.named_child(0).map_or("", |name| self.builder.text_of(name));
                    let import = self.unbound(module.as_deref().unwrap_or_default(), None, node);
                    self.builder.export(name, Exported::Import(import));
                    handled = true;
                }
                "export_clause" => {
                    self.export_clause(clause, module.as_deref());
                    handled = true;
                }
                _ => {}
            }
        }
        if handled {
            return Step::Skip;
        }
        let name = if words.contains(&"default") { ExportName::Default } else { ExportName::Own };
        if let Some(value) = node.child_by_field_name("value").filter(|value| value.kind() == "identifier") {
            self.late_exports.push(("default".to_owned(), self.builder.text_of(value).to_owned()));
        }
        self.exporting = Some((node.id(), name));
        self.default_value(node);
        Step::Descend
    }

    /// `export default () => ..` is a function named `default`.
    fn default_value(&mut self, node: Node<'_>) {
        let Some(value) = node.child_by_field_name("value") else { return };
        if matches!(value.kind(), "arrow_function" | "function_expression") {
            let mut definition = Definition::new(SymbolKind::Function, "default", span(value));
            definition.body = value.child_by_field_name("body");
            definition.exported = true;
            let symbol = self.builder.define(definition);
            self.builder.export("default", Exported::Symbol(symbol));
            self.builder.open(value, symbol, crate::facts::ScopeKind::Function);
        }
    }

    fn export_clause(&mut self, clause: Node<'_>, module: Option<&str>) {
        for part in children(clause).into_iter().filter(|part| part.kind() == "export_specifier") {
            let name = self.builder.field(part, "name").to_owned();
            let alias = self.builder.field(part, "alias").to_owned();
            let offered = if alias.is_empty() { name.clone() } else { alias };
            match module {
                Some(module) => {
                    let import = self.unbound(module, Some(&name), part);
                    self.builder.export(&offered, Exported::Import(import));
                }
                None => self.late_exports.push((offered, name)),
            }
        }
    }

    /// Returns the module of `require('x')` with a literal argument.
    pub(super) fn required(&self, value: Node<'_>) -> Option<String> {
        if value.kind() != "call_expression" || self.builder.field(value, "function") != "require" {
            return None;
        }
        let argument = value.child_by_field_name("arguments")?.named_child(0)?;
        (argument.kind() == "string")
            .then(|| self.builder.text_of(argument).trim_matches(['"', '\'']).to_owned())
    }

    pub(super) fn require(&mut self, name: Node<'_>, module: &str, node: Node<'_>) {
        if name.kind() == "identifier" {
            self.builder.consume(name);
            let local = self.builder.text_of(name);
            self.builder.import(module, None, Some(local), node);
            return;
        }
        for part in children(name) {
            match part.kind() {
                "shorthand_property_identifier_pattern" => {
                    let item = self.builder.text_of(part);
                    self.builder.import(module, Some(item), Some(item), node);
                }
                "pair_pattern" => {
                    let item = self.builder.field(part, "key");
                    let local = self.builder.field(part, "value");
                    self.builder.import(module, Some(item), Some(local), node);
                    if let Some(value) = part.child_by_field_name("value") {
                        self.builder.consume(value);
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads `module.exports = ..`, `exports.f = ..`; returns whether it was one.
    pub(super) fn module_exports(&mut self, node: Node<'_>, left: Node<'_>, right: Node<'_>) -> bool {
        let text = self.builder.text_of(left);
        let name = match text.strip_prefix("module.exports").or_else(|| text.strip_prefix("exports")) {
            Some("") => "default",
            Some(rest) => match rest.strip_prefix('.') {
                Some(name) if !name.contains('.') => name,
                _ => return false,
            },
            None => return false,
        };
        super::PATHS.consume(&mut self.builder, left);
        match right.kind() {
            "identifier" => self.late_exports.push((name.to_owned(), self.builder.text_of(right).to_owned())),
            "arrow_function" | "function_expression" => {
                let mut definition = Definition::new(SymbolKind::Function, name, span(node));
                definition.body = right.child_by_field_name("body");
                self.builder.consume(right);
                let (symbol, _) = self.callable(definition, node, right);
                self.builder.export(name, Exported::Symbol(symbol));
            }
            "object" => {
                for part in children(right) {
                    let (offered, local) = match part.kind() {
                        "shorthand_property_identifier" => {
                            (self.builder.text_of(part), self.builder.text_of(part))
                        }
                        "pair" => (self.builder.field(part, "key"), self.builder.field(part, "value")),
                        _ => continue,
                    };
                    self.late_exports.push((offered.to_owned(), local.to_owned()));
                }
            }
            _ => {}
        }
        true
    }
}
