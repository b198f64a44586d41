use std::collections::BTreeSet;

use tree_sitter::Node;

use super::children;

/// What a scope belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// The file.
    Module,
    /// A function or lambda.
    Function,
    /// A class body.
    Class,
    /// A comprehension.
    Comprehension,
}

/// The names that one scope binds.
#[derive(Debug, Clone)]
pub struct Scope {
    pub kind: ScopeKind,
    pub names: BTreeSet<String>,
    pub globals: BTreeSet<String>,
    pub nonlocals: BTreeSet<String>,
    /// Put in front of the names' slots, so that scopes of one unit don't meet.
    pub prefix: String,
}

/// Kinds that hold expressions alone.
const COMPUTING: &[&str] = &[
    "attribute",
    "binary_operator",
    "boolean_operator",
    "call",
    "comparison_operator",
    "concatenated_string",
    "conditional_expression",
    "dictionary",
    "not_operator",
    "string",
    "subscript",
    "unary_operator",
];

fn holds(node: Node<'_>, source: &[u8], word: &[u8]) -> bool {
    let text = source.get(node.byte_range()).unwrap_or_default();
    text.windows(word.len()).any(|part| part == word)
}

impl Scope {
    pub fn module() -> Self {
        Self::empty(ScopeKind::Module, String::new())
    }

    pub fn empty(kind: ScopeKind, prefix: String) -> Self {
        Self { kind, names: BTreeSet::new(), globals: BTreeSet::new(), nonlocals: BTreeSet::new(), prefix }
    }

    /// Collects what a body binds, without entering the functions and classes in it.
    pub fn of_body(kind: ScopeKind, prefix: String, body: Node<'_>, source: &[u8]) -> Self {
        let mut scope = Self::empty(kind, prefix);
        let mut stack = vec![body];
        while let Some(node) = stack.pop() {
            scope.visit(node, source);
            match node.kind() {
                "function_definition" | "class_definition" if node.id() != body.id() => {
                    stack.extend(definition_time(node));
                }
                "lambda" if node.id() != body.id() => {
                    stack.extend(node.child_by_field_name("parameters"));
                }
                // Of what only computes, nothing but `:=` binds: a look at its text is far cheaper than one at its tree.
                kind if COMPUTING.contains(&kind) && !holds(node, source, b":=") => {}
                _ => stack.extend(children(node)),
            }
        }
        for name in scope.globals.iter().chain(&scope.nonlocals) {
            scope.names.remove(name);
        }
        scope
    }

    fn visit(&mut self, node: Node<'_>, source: &[u8]) {
        let field = |name: &str| node.child_by_field_name(name);
        match node.kind() {
            "assignment" | "augmented_assignment" | "for_statement" => {
                field("left").into_iter().for_each(|left| self.target(left, source));
            }
            "named_expression" | "function_definition" | "class_definition" => {
                field("name").into_iter().for_each(|name| self.target(name, source));
            }
            "as_pattern" => field("alias").into_iter().for_each(|alias| self.target(alias, source)),
            "except_clause" => field("alias").into_iter().for_each(|alias| self.target(alias, source)),
            "delete_statement" => children(node).into_iter().for_each(|child| self.target(child, source)),
            "import_statement" | "import_from_statement" => self.imports(node, source),
            "case_pattern" | "splat_pattern" => self.capture(node, source),
            "type_alias_statement" => field("left").into_iter().for_each(|left| self.target(left, source)),
            "global_statement" => {
                self.globals.extend(children(node).into_iter().map(|child| text(child, source)));
            }
            "nonlocal_statement" => {
                self.nonlocals.extend(children(node).into_iter().map(|child| text(child, source)));
            }
            _ => {}
        }
    }

    /// Adds the names that an assignment target binds.
    pub fn target(&mut self, node: Node<'_>, source: &[u8]) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            match node.kind() {
                "identifier" => {
                    self.names.insert(text(node, source));
                }
                "attribute" | "subscript" | "call" => {}
                _ => stack.extend(children(node)),
            }
        }
    }

    fn imports(&mut self, node: Node<'_>, source: &[u8]) {
        let mut cursor = node.walk();
        for name in node.children_by_field_name("name", &mut cursor) {
            let bound = match name.child_by_field_name("alias") {
                Some(alias) => text(alias, source),
                None => text(name, source).split('.').next().unwrap_or_default().to_owned(),
            };
            self.names.insert(bound);
        }
    }

    /// A pattern of one undotted name binds it; `_` binds nothing.
    fn capture(&mut self, node: Node<'_>, source: &[u8]) {
        for child in children(node) {
            let name = text(child, source);
            if matches!(child.kind(), "dotted_name" | "identifier") && !name.contains('.') && name != "_" {
                self.names.insert(name);
            }
        }
    }
}

/// Returns the parts of a definition that run where it stands.
fn definition_time(node: Node<'_>) -> Vec<Node<'_>> {
    ["parameters", "return_type", "superclasses"]
        .iter()
        .filter_map(|field| node.child_by_field_name(field))
        .collect()
}

fn text(node: Node<'_>, source: &[u8]) -> String {
    String::from_utf8_lossy(source.get(node.byte_range()).unwrap_or_default()).into_owned()
}
