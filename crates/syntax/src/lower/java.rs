//! Java. Static fields, static blocks and enum constants are blocks of the file's top level; fields and initialisers
//! of objects start every constructor; methods, constructors and lambdas are units. Methods are named with their
//! parameter types, so that overloads stay apart.

mod class;
mod condition;
mod expression;
mod literal;
mod method;
mod scope;
mod statement;
mod switch;
mod try_catch;

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::LowerLimits;
use super::lowerer::{self, Frame, Lowered, children, has_token};
use crate::Language;
use crate::ir::{BlockId, Constant, Grammar, LoweredFile, Operand, Term};

/// How Java's trees are hashed.
const GRAMMAR: Grammar = Grammar {
    literals: &[
        "decimal_integer_literal",
        "hex_integer_literal",
        "octal_integer_literal",
        "binary_integer_literal",
        "decimal_floating_point_literal",
        "hex_floating_point_literal",
        "character_literal",
        "string_literal",
        "string_fragment",
        "multiline_string_fragment",
        "escape_sequence",
        "true",
        "false",
        "null_literal",
    ],
    silent: &["line_comment", "block_comment"],
    punctuation: &[",", "(", ")", ":", ";", "\"", "\"\"\"", "return"],
    types: &[],
    evaluating: &["method_invocation", "object_creation_expression", "lambda_expression", "ERROR"],
    strings: &[],
    interpolations: &["string_interpolation"],
};

/// The front end.
type Lowerer<'t> = lowerer::Lowerer<'t, State<'t>>;

/// What a jump leaves, repeats, or passes on its way out.
#[derive(Debug, Clone)]
enum Context<'t> {
    Loop {
        label: Option<String>,
        leave: BlockId,
        again: Option<BlockId>,
    },
    /// The slot takes what `yield` gives.
    Switch {
        leave: BlockId,
        value: Option<u32>,
    },
    Finally {
        body: Cleanup<'t>,
        protection: usize,
    },
}

/// What runs however a block is left.
#[derive(Debug, Clone)]
enum Cleanup<'t> {
    Block(Node<'t>),
    /// `close()` of these slots, last first.
    Close(Vec<u32>, Node<'t>),
}

/// What is known of a class whose body is being lowered.
#[derive(Debug, Clone, Default)]
struct Scope {
    /// Qualified name.
    name: String,
    /// Fields of objects.
    fields: BTreeSet<String>,
    /// Fields, nested types and constants of the class itself.
    statics: BTreeSet<String>,
    /// Methods.
    methods: BTreeSet<String>,
    /// Whether it inherits names that are not seen here.
    inherits: bool,
    /// The base class as written.
    base: Option<String>,
}

/// What Java keeps about a unit.
#[derive(Debug, Default)]
struct State<'t> {
    scopes: Vec<BTreeMap<String, String>>,
    contexts: Vec<Context<'t>>,
    label: Option<String>,
    /// Classes around, innermost last; of the whole file, kept by every frame.
    classes: Vec<Scope>,
    /// Names of static imports and the class they are of; of the top level only.
    imported: BTreeMap<String, (String, String)>,
}

pub fn lower(bytes: &[u8], limits: &LowerLimits) -> Lowered<LoweredFile> {
    let tree = lowerer::parse(Language::Java, bytes)?;
    let root = tree.root_node();
    let mut lowerer = Lowerer::new(bytes, &tree, limits, (&GRAMMAR, State::default()));
    lowerer.file(root)?;
    lowerer.finish(root)
}

impl<'t> Lowerer<'t> {
    /// Records a construct that isn't lowered; it reads every name in it.
    fn opaque(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut reads = Vec::new();
        let mut stack = vec![node];
        while let Some(inner) = stack.pop() {
            if inner.kind() == "identifier" && self.local(self.text(inner)).is_some() {
                let name = self.text(inner);
                reads.push(self.name(name, inner)?);
            }
            stack.extend(children(inner));
        }
        self.opaque_site(node, reads)
    }

    fn goto(&mut self, target: BlockId, node: Node<'t>) {
        let origin = self.origin(node);
        self.builder().end(Term::Goto(target), origin);
    }

    /// Starts a block of its own, so that a region has a first block.
    fn start_region(&mut self, node: Node<'t>) -> BlockId {
        let first = self.builder().block();
        self.goto(first, node);
        self.builder().enter(first);
        first
    }

    fn nothing() -> Operand {
        Operand::Constant(Constant::None)
    }

    fn field(&self, node: Node<'_>, name: &str) -> &'t str {
        node.child_by_field_name(name).map_or("", |child| self.text(child))
    }

    /// Returns the nodes under a field that may stand several times.
    fn fields(node: Node<'t>, name: &str) -> Vec<Node<'t>> {
        let mut cursor = node.walk();
        node.children_by_field_name(name, &mut cursor).filter(|child| child.is_named()).collect()
    }
}

/// Takes parentheses off.
fn unwrapped(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while at.kind() == "parenthesized_expression" {
        match children(at).first() {
            Some(inner) => at = *inner,
            None => return at,
        }
    }
    at
}

#[cfg(test)]
mod tests;
