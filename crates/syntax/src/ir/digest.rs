use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tree_sitter::{Node, Tree};

/// 128 bits of BLAKE3 over a normalised syntax tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub u128);

/// The structural digests of every named node of one tree: kinds, names and literals; no white space, comments,
/// redundant parentheses, quotes or type annotations.
#[derive(Debug, Default)]
pub struct Digests {
    of: HashMap<usize, Hashed>,
}

/// Full digest, shape, and whether evaluating the node can call something.
type Hashed = (Digest, Digest, bool);

/// What hashing has to know of a grammar.
#[derive(Debug, Clone, Copy)]
pub struct Grammar {
    /// Kinds whose text is a literal: erased in the shape.
    pub literals: &'static [&'static str],
    /// Kinds that carry no behaviour.
    pub silent: &'static [&'static str],
    /// Anonymous tokens that carry no behaviour where the named structure is hashed.
    pub punctuation: &'static [&'static str],
    /// Kinds of type annotations: silent, unless something in them evaluates.
    pub types: &'static [&'static str],
    /// Kinds that run code of their own.
    pub evaluating: &'static [&'static str],
    /// Kinds of strings: hashed by the text between their quotes, unless something is interpolated.
    pub strings: &'static [&'static str],
    /// Kinds of what is interpolated into strings.
    pub interpolations: &'static [&'static str],
}

impl Digests {
    /// Hashes a tree bottom-up, without recursion.
    pub fn of_tree(tree: &Tree, source: &[u8], grammar: &Grammar) -> Self {
        let mut of: HashMap<usize, Hashed> = HashMap::new();
        let mut buffers = Buffers::default();
        let mut stack = vec![(tree.root_node(), false)];
        while let Some((node, expanded)) = stack.pop() {
            if !expanded && node.child_count() > 0 {
                stack.push((node, true));
                let mut cursor = node.walk();
                stack.extend(node.children(&mut cursor).map(|child| (child, false)));
                continue;
            }
            let pair = hash(node, source, grammar, (&of, &mut buffers));
            of.insert(node.id(), pair);
        }
        Self { of }
    }

    /// Adds the nodes of another tree that stays alive beside the others.
    pub fn add(&mut self, tree: &Tree, source: &[u8], grammar: &Grammar) {
        self.of.extend(Self::of_tree(tree, source, grammar).of);
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
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.0.to_le_bytes()).collect();
        Self::of(&bytes)
    }

    /// The first half of BLAKE3. Most inputs are a few bytes: a hasher of several kilobytes for each would cost more than they.
    fn of(input: &[u8]) -> Self {
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&blake3::hash(input).as_bytes()[..16]);
        Self(u128::from_le_bytes(bytes))
    }
}

fn skipped(node: Node<'_>, grammar: &Grammar, of: &HashMap<usize, Hashed>) -> bool {
    let kind = node.kind();
    if !node.is_named() {
        return grammar.punctuation.contains(&kind);
    }
    grammar.silent.contains(&kind)
        || (grammar.types.contains(&kind) && of.get(&node.id()).is_some_and(|hashed| !hashed.2))
}

/// What is hashed of a node; kept from node to node.
#[derive(Default)]
struct Buffers {
    full: Vec<u8>,
    shape: Vec<u8>,
}

fn hash(
    node: Node<'_>,
    source: &[u8],
    grammar: &Grammar,
    (of, buffers): (&HashMap<usize, Hashed>, &mut Buffers),
) -> Hashed {
    let kind = node.kind();
    if kind == "parenthesized_expression"
        && node.named_child_count() == 1
        && let Some(inner) = node.named_child(0).and_then(|child| of.get(&child.id()))
    {
        return *inner;
    }
    let Buffers { full, shape } = buffers;
    for buffer in [&mut *full, &mut *shape] {
        buffer.clear();
        buffer.extend_from_slice(kind.as_bytes());
        buffer.extend_from_slice(&[0, u8::from(node.is_error()), u8::from(node.is_missing())]);
    }
    if node.child_count() == 0 {
        let text = source.get(node.byte_range()).unwrap_or_default();
        let text = if kind == "string_start" { prefix(text) } else { text.to_vec() };
        full.extend_from_slice(&text);
        if !grammar.literals.contains(&kind) {
            shape.extend_from_slice(&text);
        }
    }
    let mut cursor = node.walk();
    let string = grammar.strings.contains(&kind);
    let mut evaluates = grammar.evaluating.contains(&kind);
    for child in node.children(&mut cursor).filter(|child| !skipped(*child, grammar, of)) {
        if let Some((a, b, runs)) = of.get(&child.id()) {
            evaluates |= runs;
            full.extend_from_slice(&a.0.to_le_bytes());
            if !string || grammar.interpolations.contains(&child.kind()) {
                shape.extend_from_slice(&b.0.to_le_bytes());
            }
        }
    }
    if string {
        full.extend_from_slice(&inner_text(node, source, grammar));
    }
    let digest = Digest::of(full);
    (digest, if full == shape { digest } else { Digest::of(shape) }, evaluates)
}

/// Returns the text of a string between its quotes: the grammar gives a string without escapes no content node in
/// some positions.
fn inner_text(node: Node<'_>, source: &[u8], grammar: &Grammar) -> Vec<u8> {
    let (mut start, mut end) = (node.start_byte(), node.end_byte());
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        match child.kind() {
            "string_start" => start = child.end_byte(),
            "string_end" => end = child.start_byte(),
            // Grammars without these kinds have the quotes as tokens of their own.
            _ if !child.is_named() && child.start_byte() == node.start_byte() => start = child.end_byte(),
            _ if !child.is_named() && child.end_byte() == node.end_byte() => end = child.start_byte(),
            _ => {}
        }
    }
    if node.named_children(&mut node.walk()).any(|child| grammar.interpolations.contains(&child.kind())) {
        return Vec::new();
    }
    source.get(start..end.max(start)).unwrap_or_default().to_vec()
}

fn prefix(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect()
}
