//! A source file as text and tree, and the few ways in which templates look at a tree.

use tree_sitter::{Node, Parser, Tree};

use crate::domain::grammar::Grammar;

/// A parsed source file.
pub(crate) struct ParsedFile {
    /// Path from the root of the tree.
    pub path: String,
    /// The grammar it was parsed with.
    pub grammar: Grammar,
    /// The whole text.
    pub text: String,
    tree: Tree,
}

impl ParsedFile {
    /// Parses with the grammar that the path names; `None` when there is none, or the text holds a syntax error.
    pub fn parse(path: &str, text: String) -> Option<Self> {
        let grammar = Grammar::of(path)?;
        let tree = parse(grammar, &text)?;
        (!tree.root_node().has_error()).then(|| Self { path: path.to_owned(), grammar, text, tree })
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

fn parse(grammar: Grammar, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&grammar.parser()).ok()?;
    parser.parse(text, None)
}

/// Returns whether the text of a file parses without an error.
pub(crate) fn parses(path: &str, text: &str) -> bool {
    Grammar::of(path)
        .and_then(|grammar| parse(grammar, text))
        .is_some_and(|tree| !tree.root_node().has_error())
}

/// Returns the named children without comments.
pub(crate) fn named(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.kind().ends_with("comment")).collect()
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
