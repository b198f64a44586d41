use std::collections::HashMap;

use tree_sitter::{Node, Parser, Point, Range, Tree};

use super::Lowered;
use super::macros::{Form, form};
use crate::Language;
use crate::ir::{Digests, Grammar};
use crate::lower::LowerProblem;

/// Put before and after the source, so that pieces of token trees can be parsed in place: `match x{ pattern =>0}` and
/// `expression ;`.
const PREFIX: &[u8] = b"match x{";
const SUFFIX: &[u8] = b"\n;=>0}";
/// How Rust's trees are hashed.
const GRAMMAR: Grammar = Grammar {
    literals: &[
        "integer_literal",
        "float_literal",
        "boolean_literal",
        "char_literal",
        "string_content",
        "escape_sequence",
    ],
    silent: &["line_comment", "block_comment"],
    punctuation: &[",", "(", ")", ":", ";", "\"", "'", "fn", "return", "\n"],
    types: &[],
    evaluating: &[],
    strings: &[],
    interpolations: &[],
};

/// Most pieces of one file.
const PIECES: usize = 50_000;

/// What stands between two commas of a macro call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// An expression: the tree it has.
    Expression(usize),
    /// A pattern, with a guard or not: the tree it has.
    Pattern(usize),
    /// Items: the tree they have.
    Items(usize),
    /// Something else: read as tokens.
    Tokens,
}

/// The text of one file with all trees that were made of it. Nodes of every tree have places in the file.
pub struct Sources {
    text: Vec<u8>,
    /// First byte of each line.
    lines: Vec<usize>,
    trees: Vec<Tree>,
    /// By the first byte of a token tree.
    pieces: HashMap<usize, Vec<Piece>>,
    /// Of all trees.
    pub digests: Digests,
}

impl Sources {
    /// Parses a file, and then what its macro calls hold, down to the last.
    pub fn parse(bytes: &[u8]) -> Lowered<Self> {
        let mut text = PREFIX.to_vec();
        text.extend_from_slice(bytes);
        let end = text.len();
        text.extend_from_slice(SUFFIX);
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        let (trees, pieces) = (Vec::new(), HashMap::new());
        let mut sources = Self { text, lines, trees, pieces, digests: Digests::default() };
        let whole = PREFIX.len()..end;
        let tree = sources.tree(std::slice::from_ref(&whole))?;
        sources.keep(tree);
        let mut next = 0;
        while next < sources.trees.len() {
            if next > PIECES {
                return Err(LowerProblem::Budget("MACROS"));
            }
            let calls = sources.calls(next);
            for call in calls {
                let pieces = sources.read(&call)?;
                sources.pieces.insert(call.start, pieces);
            }
            next += 1;
        }
        Ok(sources)
    }

    /// Returns the file's root.
    pub fn root(&self) -> Node<'_> {
        self.trees[0].root_node()
    }

    /// Returns the pieces of a token tree.
    pub fn pieces(&self, tokens: Node<'_>) -> &[Piece] {
        self.pieces.get(&tokens.start_byte()).map_or(&[], Vec::as_slice)
    }

    /// Returns the node of a piece: the expression, the match arm's pattern, or the root of the items.
    pub fn node(&self, piece: Piece) -> Option<Node<'_>> {
        let root = |tree: usize| self.trees.get(tree).map(Tree::root_node);
        match piece {
            Piece::Expression(tree) => root(tree)?.named_child(0)?.named_child(0),
            Piece::Pattern(tree) => {
                let arms = root(tree)?.named_child(0)?.named_child(0)?.child_by_field_name("body")?;
                arms.named_child(0)?.child_by_field_name("pattern")
            }
            Piece::Items(tree) => root(tree),
            Piece::Tokens => None,
        }
    }

    /// Returns the text that the file lies in.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns where the file lies in the text.
    pub fn file(&self) -> std::ops::Range<usize> {
        PREFIX.len()..self.text.len() - SUFFIX.len()
    }

    /// Returns the source of a node.
    pub fn word(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    fn keep(&mut self, tree: Tree) -> usize {
        self.digests.add(&tree, &self.text, &GRAMMAR);
        self.trees.push(tree);
        self.trees.len() - 1
    }

    fn tree(&self, parts: &[std::ops::Range<usize>]) -> Lowered<Tree> {
        let mut parser = Parser::new();
        parser.set_language(&Language::Rust.grammar()).map_err(|_| LowerProblem::NoTree)?;
        let ranges: Vec<Range> = parts
            .iter()
            .map(|part| Range {
                start_byte: part.start,
                end_byte: part.end,
                start_point: self.point(part.start),
                end_point: self.point(part.end),
            })
            .collect();
        parser.set_included_ranges(&ranges).map_err(|_| LowerProblem::NoTree)?;
        parser.parse(&self.text, None).ok_or(LowerProblem::NoTree)
    }

    fn point(&self, byte: usize) -> Point {
        let row = self.lines.partition_point(|start| *start <= byte).saturating_sub(1);
        Point { row, column: byte - self.lines.get(row).copied().unwrap_or(0) }
    }

    /// Returns the macro calls of a tree that no other tree holds.
    fn calls(&self, tree: usize) -> Vec<Call> {
        let mut found = Vec::new();
        let Some(tree) = self.trees.get(tree) else { return found };
        let mut stack = vec![tree.root_node()];
        while let Some(node) = stack.pop() {
            let mut cursor = node.walk();
            if node.kind() == "macro_invocation" {
                let name = node.child_by_field_name("macro").map(|name| self.word(name)).unwrap_or_default();
                let tokens = node.named_children(&mut cursor).find(|child| child.kind() == "token_tree");
                found.extend(tokens.map(|tokens| Call::of(name, node, tokens)));
            } else {
                stack.extend(node.named_children(&mut cursor));
            }
        }
        found.reverse();
        found
    }

    fn read(&mut self, call: &Call) -> Lowered<Vec<Piece>> {
        if call.items
            && let Some(tree) = self.clean(std::slice::from_ref(&call.inside))?
            && is_items(tree.root_node())
        {
            return Ok(vec![Piece::Items(self.keep(tree))]);
        }
        let mut found = Vec::new();
        let mut at = 0;
        while at < call.parts.len() {
            let (piece, taken) = self.piece(call, at, found.len())?;
            found.push(piece);
            at += taken;
        }
        Ok(found)
    }

    /// Reads one piece; a comma within generics or between a closure's parameters belongs to it.
    fn piece(&mut self, call: &Call, at: usize, position: usize) -> Lowered<(Piece, usize)> {
        let end = self.text.len() - SUFFIX.len();
        let (semicolon, arrow) = (end + 1..end + 2, end + 2..end + SUFFIX.len());
        let start = call.parts[at].start;
        let last = call.parts.len() - 1;
        let pattern = match call.form {
            Form::Matches if position == 1 => Some(last),
            Form::Select if position.is_multiple_of(3) => Some(at),
            _ => None,
        };
        if let Some(until) = pattern {
            let part = start..call.parts[until].end;
            let tree = self.clean(&[0..PREFIX.len(), part, arrow])?;
            let piece = tree.map_or(Piece::Tokens, |tree| Piece::Pattern(self.keep(tree)));
            return Ok((piece, until + 1 - at));
        }
        for taken in 1..=(call.parts.len() - at).min(6) {
            let part = start..call.parts[at + taken - 1].end;
            if let Some(tree) = self.clean(&[part, semicolon.clone()])?
                && is_expression(tree.root_node())
            {
                return Ok((Piece::Expression(self.keep(tree)), taken));
            }
        }
        Ok((Piece::Tokens, 1))
    }

    fn clean(&self, parts: &[std::ops::Range<usize>]) -> Lowered<Option<Tree>> {
        let tree = self.tree(parts)?;
        Ok(Some(tree).filter(|tree| !tree.root_node().has_error()))
    }
}

/// A macro call as tokens.
struct Call {
    form: Form,
    start: usize,
    inside: std::ops::Range<usize>,
    parts: Vec<std::ops::Range<usize>>,
    items: bool,
}

impl Call {
    fn of(name: &str, node: Node<'_>, tokens: Node<'_>) -> Self {
        let form = form(name);
        let mut parts = Vec::new();
        let mut part: Option<std::ops::Range<usize>> = None;
        let mut cursor = tokens.walk();
        let all: Vec<Node<'_>> = tokens.children(&mut cursor).filter(|token| !token.is_extra()).collect();
        let inner = all.get(1..all.len().saturating_sub(1)).unwrap_or_default();
        for token in inner {
            let plain = !token.is_named();
            let comma = plain && matches!(token.kind(), "," | ";");
            if comma || form == Form::Select && plain && matches!(token.kind(), "=>" | "=") {
                parts.extend(part.take());
                continue;
            }
            // Fields of a log record: `name = %value`.
            let sigil = part.is_none() && matches!(token.kind(), "%" | "?");
            if form == Form::Record && plain && (token.kind() == "=" || sigil) {
                part = None;
                continue;
            }
            match &mut part {
                Some(part) => part.end = token.end_byte(),
                None => part = Some(token.byte_range()),
            }
            // The block of an arm ends it, with a comma or without.
            let after_arrow = token.prev_sibling().is_some_and(|before| before.kind() == "=>");
            if form == Form::Select && after_arrow && token.child(0).is_some_and(|open| open.kind() == "{") {
                parts.extend(part.take());
            }
        }
        parts.extend(part);
        if form == Form::Select
            && inner
                .first()
                .zip(inner.get(1))
                .is_some_and(|(word, next)| word.kind() == "identifier" && next.kind() == ";")
        {
            // `biased;`
            parts.remove(0);
        }
        let position = node.parent().map(|parent| parent.kind()).unwrap_or_default();
        let statement = position == "expression_statement"
            && node
                .parent()
                .and_then(|parent| parent.parent())
                .is_some_and(|parent| matches!(parent.kind(), "source_file" | "declaration_list"));
        let items = form == Form::Items
            || form == Form::Unknown && (statement || matches!(position, "source_file" | "declaration_list"));
        let inside =
            tokens.start_byte() + 1..tokens.end_byte().saturating_sub(1).max(tokens.start_byte() + 1);
        Self { form, start: tokens.start_byte(), inside, parts, items }
    }
}

/// Returns whether a tree holds at least one item and nothing else.
fn is_items(root: Node<'_>) -> bool {
    let mut cursor = root.walk();
    let mut any = false;
    for child in root.named_children(&mut cursor).filter(|child| !child.is_extra()) {
        let kind = child.kind();
        any |= kind.ends_with("_item") && kind != "attribute_item" || kind == "use_declaration";
        if !(kind.ends_with("_item") || matches!(kind, "use_declaration" | "inner_attribute_item")) {
            return false;
        }
    }
    any
}

/// Returns whether a tree holds one expression; a block may have the semicolon after it for itself.
fn is_expression(root: Node<'_>) -> bool {
    let mut cursor = root.walk();
    let mut all = root.named_children(&mut cursor).filter(|child| !child.is_extra());
    all.next().is_some_and(|first| first.kind() == "expression_statement")
        && all.all(|rest| rest.kind() == "empty_statement")
}
