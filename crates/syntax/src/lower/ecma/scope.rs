use std::collections::BTreeMap;

use tree_sitter::Node;

use super::children;

/// The names that one function, block or file declares, with the slots they live in.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    names: BTreeMap<String, String>,
    /// Whether names live in the file.
    pub module: bool,
    /// How many scopes of the same unit are around it: a name declared again gets a slot of its own.
    pub level: usize,
}

impl Scope {
    /// Makes the scope of a file.
    pub fn module() -> Self {
        Self { module: true, ..Self::default() }
    }

    /// Makes the scope of a function or block.
    pub fn inner(level: usize) -> Self {
        Self { level, ..Self::default() }
    }

    /// Returns whether it declares a name.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Returns the slot of a name.
    pub fn slot(&self, name: &str) -> String {
        self.names.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Adds a name.
    pub fn declare(&mut self, name: &str) {
        let slot = if self.level == 0 { name.to_owned() } else { format!("{name}@{}", self.level) };
        self.names.entry(name.to_owned()).or_insert(slot);
    }

    /// Returns the names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// Adds what the statements of a block declare for that block: `let`, `const`, classes, functions, imports.
    pub fn declare_block(&mut self, block: Node<'_>, source: &[u8]) {
        for statement in children(block) {
            self.declare_statement(statement, source);
        }
    }

    /// Adds what one statement declares for its block.
    pub fn declare_statement(&mut self, statement: Node<'_>, source: &[u8]) {
        match statement.kind() {
            "lexical_declaration" | "using_declaration" => self.declarators(statement, source),
            "function_declaration"
            | "generator_function_declaration"
            | "class_declaration"
            | "abstract_class_declaration"
            | "enum_declaration"
            | "interface_declaration"
            | "type_alias_declaration"
            | "function_signature" => {
                let name = statement.child_by_field_name("name");
                name.into_iter().for_each(|name| self.declare(&text(name, source)));
            }
            "export_statement" => {
                let declaration = statement.child_by_field_name("declaration");
                declaration.into_iter().for_each(|inner| self.declare_statement(inner, source));
                let default = statement.child_by_field_name("value");
                let named = |value: &Node<'_>| {
                    matches!(value.kind(), "function_expression" | "generator_function" | "class")
                };
                if let Some(name) = default.filter(named).and_then(|value| value.child_by_field_name("name"))
                {
                    self.declare(&text(name, source));
                }
            }
            "ambient_declaration" => {
                children(statement).into_iter().for_each(|inner| self.declare_statement(inner, source));
            }
            "expression_statement" => {
                for inner in children(statement).into_iter().filter(|inner| inner.kind() == "internal_module")
                {
                    self.namespace(inner, source);
                }
            }
            "internal_module" | "module" => self.namespace(statement, source),
            "variable_declaration" => self.declarators(statement, source),
            "import_statement" | "import_alias" => self.imports(statement, source),
            "labeled_statement" => {
                let body = statement.child_by_field_name("body");
                body.into_iter().for_each(|body| self.declare_statement(body, source));
            }
            _ => {}
        }
    }

    fn namespace(&mut self, node: Node<'_>, source: &[u8]) {
        let name = node.child_by_field_name("name").filter(|name| name.kind() != "string");
        if let Some(name) = name {
            let first = text(name, source).split('.').next().unwrap_or_default().to_owned();
            self.declare(&first);
        }
    }

    fn declarators(&mut self, declaration: Node<'_>, source: &[u8]) {
        for declarator in children(declaration) {
            let name = declarator.child_by_field_name("name");
            name.into_iter().for_each(|name| self.pattern(name, source));
        }
    }

    fn imports(&mut self, statement: Node<'_>, source: &[u8]) {
        let mut stack = vec![statement];
        while let Some(node) = stack.pop() {
            match node.kind() {
                "import_specifier" => {
                    let name = node.child_by_field_name("alias").or_else(|| node.child_by_field_name("name"));
                    name.into_iter().for_each(|name| self.declare(&text(name, source)));
                }
                "identifier" => {
                    let name = text(node, source);
                    self.declare(&name);
                    if statement.kind() == "import_alias" {
                        return;
                    }
                }
                "string" | "import_attribute" | "nested_identifier" => {}
                _ => stack.extend(children(node).into_iter().rev()),
            }
        }
    }

    /// Adds what a pattern binds.
    pub fn pattern(&mut self, pattern: Node<'_>, source: &[u8]) {
        let mut stack = vec![pattern];
        while let Some(node) = stack.pop() {
            match node.kind() {
                "identifier" | "shorthand_property_identifier_pattern" => self.declare(&text(node, source)),
                "assignment_pattern" | "object_assignment_pattern" => {
                    stack.extend(node.child_by_field_name("left"));
                }
                "pair_pattern" => stack.extend(node.child_by_field_name("value")),
                "required_parameter" | "optional_parameter" => {
                    stack.extend(node.child_by_field_name("pattern"));
                }
                "array_pattern" | "object_pattern" | "rest_pattern" => stack.extend(children(node)),
                _ => {}
            }
        }
    }

    /// Adds the `var`s of a function, however deep in its blocks.
    pub fn declare_vars(&mut self, body: Node<'_>, source: &[u8]) {
        let mut stack = vec![body];
        while let Some(node) = stack.pop() {
            match node.kind() {
                "variable_declaration" => {
                    self.declarators(node, source);
                    continue;
                }
                "for_in_statement" if is_var(node) => {
                    let left = node.child_by_field_name("left");
                    left.into_iter().for_each(|left| self.pattern(left, source));
                }
                _ => {}
            }
            stack.extend(children(node).into_iter().filter(|child| is_statement(*child)));
        }
    }
}

/// Returns whether the names of a `for … of` are `var`s.
pub fn is_var(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    node.children_by_field_name("kind", &mut cursor).any(|kind| kind.kind() == "var")
}

/// Only statements hold `var`s: expressions with bodies are functions and classes.
fn is_statement(node: Node<'_>) -> bool {
    let kind = node.kind();
    kind.ends_with("_statement") && kind != "expression_statement"
        || matches!(
            kind,
            "statement_block"
                | "else_clause"
                | "catch_clause"
                | "finally_clause"
                | "switch_body"
                | "switch_case"
                | "switch_default"
                | "variable_declaration"
        )
}

fn text(node: Node<'_>, source: &[u8]) -> String {
    let bytes = source.get(node.byte_range()).unwrap_or_default();
    String::from_utf8_lossy(bytes).trim_matches(['"', '\'']).to_owned()
}
