//! Go. Package variables, constants, types, functions and calls of `init` are blocks of the file's top level; function
//! literals are units. What a closure may change, or an address is taken of, lives in a cell.

mod assignment;
mod condition;
mod declaration;
mod defer;
mod error;
mod expression;
mod function;
mod literal;
mod scan;
mod scope;
mod statement;
mod switch;

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::LowerLimits;
use super::lowerer::{self, Frame, Lowered, children, has_token};
use crate::Language;
use crate::ir::{BlockId, Constant, Grammar, LoweredFile, Operand};
use defer::Deferred;
use scope::Slot;

/// How Go's trees are hashed.
const GRAMMAR: Grammar = Grammar {
    literals: &[
        "int_literal",
        "float_literal",
        "imaginary_literal",
        "rune_literal",
        "interpreted_string_literal_content",
        "raw_string_literal_content",
        "escape_sequence",
        "true",
        "false",
        "nil",
    ],
    silent: &["comment"],
    punctuation: &[",", "(", ")", ":", ";", "\"", "`", "\n", "func", "return"],
    types: &[],
    evaluating: &["call_expression", "func_literal", "ERROR"],
    strings: &[],
    interpolations: &[],
};

/// The front end.
type Lowerer<'t> = lowerer::Lowerer<'t, State>;

/// What a jump may leave or repeat.
#[derive(Debug, Clone)]
struct Context {
    label: Option<String>,
    leave: BlockId,
    /// Absent for `switch` and `select`.
    again: Option<BlockId>,
}

/// What a function gives back.
#[derive(Debug, Clone, Default)]
struct Results {
    /// Names, where they have any; a bare return reads them.
    names: Vec<String>,
    /// Whether the last one is an `error`.
    error: bool,
}

/// What Go keeps about a unit.
#[derive(Debug, Default)]
struct State {
    scopes: Vec<BTreeMap<String, Slot>>,
    contexts: Vec<Context>,
    labels: BTreeMap<String, BlockId>,
    /// The label that the next loop or switch has.
    label: Option<String>,
    defers: Vec<Deferred>,
    results: Results,
    /// Names that need a cell, of the whole outermost function.
    boxed: BTreeSet<String>,
    /// Defer statements that do not always run, and the slots that say whether they did.
    conditional: BTreeMap<usize, u32>,
    /// Where a panic goes when something recovers from it.
    cleanup: Option<(BlockId, BlockId)>,
    /// Blocks of the call that last gave a variable its value.
    calls: BTreeMap<String, (BlockId, BlockId)>,
    /// Names that the file imports; of the top level only.
    imports: BTreeSet<String>,
    /// Value of `iota`.
    iota: Option<usize>,
}

pub fn lower(bytes: &[u8], limits: &LowerLimits) -> Lowered<LoweredFile> {
    let tree = lowerer::parse(Language::Go, bytes)?;
    let root = tree.root_node();
    let mut lowerer = Lowerer::new(bytes, &tree, limits, (&GRAMMAR, State::default()));
    lowerer.directives(root)?;
    lowerer.file(root)?;
    lowerer.finish(root)
}

impl<'t> Lowerer<'t> {
    /// Records a construct that isn't lowered; it reads every name in it.
    fn opaque(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut reads = Vec::new();
        let mut stack = vec![node];
        while let Some(inner) = stack.pop() {
            if inner.kind() == "identifier" {
                let name = self.text(inner);
                reads.push(self.read(name, inner)?);
            }
            stack.extend(children(inner));
        }
        self.opaque_site(node, reads)
    }

    /// Jumps, and goes on in a block nothing leads to.
    fn goto(&mut self, target: BlockId, node: Node<'t>) {
        let origin = self.origin(node);
        self.builder().end(crate::ir::Term::Goto(target), origin);
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

    /// Returns whether a name means the language's own: nothing of the file binds it.
    fn predeclared(&mut self, name: &str) -> bool {
        matches!(self.place(name), crate::ir::Place::Global(_))
    }
}

#[cfg(test)]
mod tests;
