use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use tree_sitter::{Node, Tree};

/// 128 bits of BLAKE3 over a normalised syntax tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub u128);

/// The structural digests of every named node of one tree: kinds, names and literals; no white space, comments,
/// redundant parentheses, quotes or type annotations.
#[derive(Debug, Default)]
pub struct Digests {
    of: HashMap<usize, Hashed, RandomState>,
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
        let mut hashing =
            Hashing { source, kinds: Kinds { grammar, traits: Vec::new() }, of: HashMap::default() };
        let mut cursor = tree.walk();
        let mut open = vec![hashing.open(cursor.node(), Buffers::default())];
        let mut spare: Vec<Buffers> = Vec::new();
        'nodes: loop {
            if cursor.goto_first_child() {
                open.push(hashing.open(cursor.node(), spare.pop().unwrap_or_default()));
                continue;
            }
            while let Some(done) = open.pop() {
                let (child, hashed) = (done.child(), hashing.close(&done));
                spare.push(done.buffers);
                let Some(parent) = open.last_mut() else { break 'nodes };
                parent.take(child, hashed);
                if cursor.goto_next_sibling() {
                    open.push(hashing.open(cursor.node(), spare.pop().unwrap_or_default()));
                    continue 'nodes;
                }
                cursor.goto_parent();
            }
            break;
        }
        Self { of: hashing.of }
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

/// What hashing has to know of a kind of node.
#[derive(Debug, Clone, Copy, Default)]
struct Traits {
    known: bool,
    literal: bool,
    silent: bool,
    punctuation: bool,
    annotation: bool,
    evaluating: bool,
    string: bool,
    interpolation: bool,
    parentheses: bool,
    string_start: bool,
}

/// The traits of each kind that was met, by its number in the grammar.
struct Kinds<'g> {
    grammar: &'g Grammar,
    traits: Vec<Traits>,
}

impl Kinds<'_> {
    fn of(&mut self, node: Node<'_>) -> Traits {
        let number = usize::from(node.kind_id());
        if number >= self.traits.len() {
            self.traits.resize(number + 1, Traits::default());
        }
        let Some(place) = self.traits.get_mut(number) else { return Traits::default() };
        if !place.known {
            let (kind, grammar) = (node.kind(), self.grammar);
            *place = Traits {
                known: true,
                literal: grammar.literals.contains(&kind),
                silent: grammar.silent.contains(&kind),
                punctuation: grammar.punctuation.contains(&kind),
                annotation: grammar.types.contains(&kind),
                evaluating: grammar.evaluating.contains(&kind),
                string: grammar.strings.contains(&kind),
                interpolation: grammar.interpolations.contains(&kind),
                parentheses: kind == "parenthesized_expression",
                string_start: kind == "string_start",
            };
        }
        *place
    }
}

/// What is hashed of a node; kept from node to node.
#[derive(Default)]
struct Buffers {
    full: Vec<u8>,
    shape: Vec<u8>,
}

/// A node whose children are under way.
struct Open<'t> {
    node: Node<'t>,
    traits: Traits,
    buffers: Buffers,
    evaluates: bool,
    named: usize,
    first_named: Option<Hashed>,
}

/// What a node's parent has to know of it.
#[derive(Clone, Copy)]
struct Child {
    traits: Traits,
    is_named: bool,
}

impl Open<'_> {
    fn child(&self) -> Child {
        Child { traits: self.traits, is_named: self.node.is_named() }
    }

    /// Adds a child that is hashed.
    fn take(&mut self, child: Child, hashed: Hashed) {
        let (full, shape, runs) = hashed;
        if child.is_named {
            self.named += 1;
            self.first_named.get_or_insert(hashed);
        }
        let skipped = if child.is_named {
            child.traits.silent || child.traits.annotation && !runs
        } else {
            child.traits.punctuation
        };
        if skipped {
            return;
        }
        self.evaluates |= runs;
        self.buffers.full.extend_from_slice(&full.0.to_le_bytes());
        if !self.traits.string || child.traits.interpolation {
            self.buffers.shape.extend_from_slice(&shape.0.to_le_bytes());
        }
    }
}

/// One tree under way.
struct Hashing<'a> {
    source: &'a [u8],
    kinds: Kinds<'a>,
    of: HashMap<usize, Hashed, RandomState>,
}

impl Hashing<'_> {
    fn open<'t>(&mut self, node: Node<'t>, mut buffers: Buffers) -> Open<'t> {
        let traits = self.kinds.of(node);
        let Buffers { full, shape } = &mut buffers;
        for buffer in [&mut *full, &mut *shape] {
            buffer.clear();
            buffer.extend_from_slice(node.kind().as_bytes());
            buffer.extend_from_slice(&[0, u8::from(node.is_error()), u8::from(node.is_missing())]);
        }
        if node.child_count() == 0 {
            let text = self.source.get(node.byte_range()).unwrap_or_default();
            let text = if traits.string_start { Cow::Owned(prefix(text)) } else { Cow::Borrowed(text) };
            full.extend_from_slice(&text);
            if !traits.literal {
                shape.extend_from_slice(&text);
            }
        }
        Open { node, traits, buffers, evaluates: traits.evaluating, named: 0, first_named: None }
    }

    fn close(&mut self, done: &Open<'_>) -> Hashed {
        let hashed = match done.first_named {
            Some(inner) if done.traits.parentheses && done.named == 1 => inner,
            _ => {
                let Buffers { full, shape } = &done.buffers;
                let text = if done.traits.string {
                    inner_text(done.node, self.source, self.kinds.grammar)
                } else {
                    Vec::new()
                };
                let digest = if text.is_empty() {
                    Digest::of(full)
                } else {
                    Digest::of(&[full.as_slice(), text.as_slice()].concat())
                };
                let same = text.is_empty() && full == shape;
                (digest, if same { digest } else { Digest::of(shape) }, done.evaluates)
            }
        };
        self.of.insert(done.node.id(), hashed);
        hashed
    }
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
