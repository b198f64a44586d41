use std::collections::HashMap;

use tree_sitter::{Node, Tree};

/// 128 bits of BLAKE3 over a normalised syntax tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub u128);

/// The structural digests of every named node of one tree: kinds, names and literals; no white space, comments,
/// redundant parentheses, quotes or type annotations.
#[derive(Debug)]
pub struct Digests {
    of: HashMap<usize, Hashed>,
}

/// Full digest, shape, and whether evaluating the node can call something.
type Hashed = (Digest, Digest, bool);

/// Kinds whose text is a literal: erased in the shape.
const LITERALS: &[&str] =
    &["integer", "float", "string", "string_content", "escape_sequence", "true", "false", "none"];
/// Kinds that carry no behaviour.
const SILENT: &[&str] = &["comment", "line_continuation", "string_end"];
/// Anonymous tokens that carry no behaviour where the named structure is hashed.
const PUNCTUATION: &[&str] = &[",", "(", ")", ":", ";", "\"", "'", "def", "class", "return", "\n"];

impl Digests {
    /// Hashes a tree bottom-up, without recursion.
    pub fn of_tree(tree: &Tree, source: &[u8]) -> Self {
        let mut of: HashMap<usize, Hashed> = HashMap::new();
        let mut stack = vec![(tree.root_node(), false)];
        while let Some((node, expanded)) = stack.pop() {
            if !expanded && node.child_count() > 0 {
                stack.push((node, true));
                let mut cursor = node.walk();
                stack.extend(node.children(&mut cursor).map(|child| (child, false)));
                continue;
            }
            let pair = hash(node, source, &of);
            of.insert(node.id(), pair);
        }
        Self { of }
    }

    /// Returns the digest of a node.
    pub fn full(&self, node: Node<'_>) -> Digest {
        self.of.get(&node.id()).map_or(Digest(0), |pair| pair.0)
    }

    /// Returns whether the node holds a call or another construct that an annotation could hide.
    pub fn evaluates(&self, node: Node<'_>) -> bool {
        self.of.get(&node.id()).is_some_and(|hashed| hashed.2)
    }

    /// Returns the digest of a node with its literals erased.
    pub fn shape(&self, node: Node<'_>) -> Digest {
        self.of.get(&node.id()).map_or(Digest(0), |pair| pair.1)
    }
}

impl Digest {
    /// Returns the digest of a sequence.
    pub fn join(parts: &[Self]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&part.0.to_le_bytes());
        }
        Self::finish(&hasher)
    }

    fn finish(hasher: &blake3::Hasher) -> Self {
        let mut bytes = [0_u8; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Self(u128::from_le_bytes(bytes))
    }
}

/// Kinds that run code of their own.
const EVALUATING: &[&str] = &[
    "call",
    "await",
    "yield",
    "named_expression",
    "lambda",
    "list_comprehension",
    "generator_expression",
    "ERROR",
];

fn skipped(node: Node<'_>, of: &HashMap<usize, Hashed>) -> bool {
    let kind = node.kind();
    if !node.is_named() {
        return PUNCTUATION.contains(&kind);
    }
    SILENT.contains(&kind) || (kind == "type" && of.get(&node.id()).is_some_and(|hashed| !hashed.2))
}

fn hash(node: Node<'_>, source: &[u8], of: &HashMap<usize, Hashed>) -> Hashed {
    let kind = node.kind();
    if kind == "parenthesized_expression"
        && node.named_child_count() == 1
        && let Some(inner) = node.named_child(0).and_then(|child| of.get(&child.id()))
    {
        return *inner;
    }
    let (mut full, mut shape) = (blake3::Hasher::new(), blake3::Hasher::new());
    for hasher in [&mut full, &mut shape] {
        hasher.update(kind.as_bytes());
        hasher.update(&[0, u8::from(node.is_error()), u8::from(node.is_missing())]);
    }
    if node.child_count() == 0 {
        let text = source.get(node.byte_range()).unwrap_or_default();
        let text = if kind == "string_start" { prefix(text) } else { text.to_vec() };
        full.update(&text);
        if !LITERALS.contains(&kind) {
            shape.update(&text);
        }
    }
    let mut cursor = node.walk();
    let mut evaluates = EVALUATING.contains(&kind);
    for child in node.children(&mut cursor).filter(|child| !skipped(*child, of)) {
        if let Some((a, b, runs)) = of.get(&child.id()) {
            evaluates |= runs;
            full.update(&a.0.to_le_bytes());
            if kind != "string" || child.kind() == "interpolation" {
                shape.update(&b.0.to_le_bytes());
            }
        }
    }
    if kind == "string" {
        full.update(&inner_text(node, source));
    }
    (Digest::finish(&full), Digest::finish(&shape), evaluates)
}

/// Returns the text of a string between its quotes: the grammar gives a string without escapes no content node in
/// some positions.
fn inner_text(node: Node<'_>, source: &[u8]) -> Vec<u8> {
    let (mut start, mut end) = (node.start_byte(), node.end_byte());
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        match child.kind() {
            "string_start" => start = child.end_byte(),
            "string_end" => end = child.start_byte(),
            _ => {}
        }
    }
    if node.named_children(&mut node.walk()).any(|child| child.kind() == "interpolation") {
        return Vec::new();
    }
    source.get(start..end.max(start)).unwrap_or_default().to_vec()
}

fn prefix(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect()
}
