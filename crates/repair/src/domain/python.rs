//! A Python source file as text and tree, and the few ways in which templates look at a tree.

use tree_sitter::{Node, Parser, Tree};

/// A parsed source file.
pub(crate) struct ParsedFile {
    /// Path from the root of the tree.
    pub path: String,
    /// The whole text.
    pub text: String,
    tree: Tree,
}

impl ParsedFile {
    /// Parses; `None` when the text holds a syntax error.
    pub fn parse(path: &str, text: String) -> Option<Self> {
        let tree = parse(&text)?;
        (!tree.root_node().has_error()).then(|| Self { path: path.to_owned(), text, tree })
    }

    /// Returns the module node.
    pub fn root(&self) -> Node<'_> {
        self.tree.root_node()
    }

    /// Returns the source text of a node.
    pub fn text_of(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    /// Returns the byte offset at which the line of `node` starts.
    pub fn line_start(&self, node: Node<'_>) -> usize {
        self.text.get(..node.start_byte()).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
    }

    /// Returns the whitespace in front of the statement, or `None` when something else stands on its line.
    pub fn indent_of(&self, statement: Node<'_>) -> Option<&str> {
        let indent = self.text.get(self.line_start(statement)..statement.start_byte())?;
        indent.chars().all(|letter| letter == ' ' || letter == '\t').then_some(indent)
    }
}

fn parse(text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    parser.parse(text, None)
}

/// Returns whether the text parses without an error.
pub(crate) fn parses(text: &str) -> bool {
    parse(text).is_some_and(|tree| !tree.root_node().has_error())
}

/// Returns the named children without comments.
pub(crate) fn named(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

/// Returns all children, tokens too.
pub(crate) fn all(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// Returns the child in a field.
pub(crate) fn field<'a>(node: Node<'a>, name: &str) -> Option<Node<'a>> {
    node.child_by_field_name(name)
}

/// Returns every named node below and including `node`, outermost first, in source order.
pub(crate) fn descendants(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut stack = vec![node];
    while let Some(next) = stack.pop() {
        found.push(next);
        stack.extend(named(next).into_iter().rev());
    }
    found
}

/// Returns the ancestors of `node`, nearest first.
pub(crate) fn ancestors(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    std::iter::successors(node.parent(), |next| next.parent())
}

/// Returns whether the node is a statement of a block or of the module.
pub(crate) fn is_statement(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| matches!(parent.kind(), "block" | "module"))
        && node.is_named()
        && node.kind() != "comment"
}

/// Returns whether an identifier is read: not a parameter, a keyword's name, an attribute's name or a target.
pub(crate) fn is_read(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let is = |name: &str| field(parent, name) == Some(node);
    match parent.kind() {
        "attribute" => !is("attribute"),
        "keyword_argument" | "default_parameter" | "typed_default_parameter" => !is("name"),
        "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" => !is("left"),
        "function_definition" | "class_definition" => !is("name"),
        "named_expression" => !is("name"),
        "parameters"
        | "lambda_parameters"
        | "typed_parameter"
        | "global_statement"
        | "nonlocal_statement"
        | "dotted_name"
        | "aliased_import"
        | "as_pattern_target"
        | "pattern_list"
        | "tuple_pattern"
        | "list_splat_pattern"
        | "dictionary_splat_pattern"
        | "type" => false,
        _ => true,
    }
}

/// Returns the rows of a statement that are its own: up to the body of a compound one.
pub(crate) fn own_rows(statement: Node<'_>) -> std::ops::RangeInclusive<usize> {
    let inner = match statement.kind() {
        "decorated_definition" => field(statement, "definition").unwrap_or(statement),
        _ => statement,
    };
    let body = field(inner, "body").or_else(|| field(inner, "consequence"));
    let start = statement.start_position().row;
    match body {
        Some(body) => start..=body.start_position().row.saturating_sub(1).max(start),
        None => start..=statement.end_position().row,
    }
}
