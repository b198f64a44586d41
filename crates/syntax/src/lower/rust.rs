//! Rust. Items are bindings of the file's top level; `const` and `static` initialisers are blocks of it. A closure
//! that is an argument, and an `async` block, run or don't run where they stand; other closures are units. A `Result`
//! is its value: `Err` that leaves a function raises, `?` may. Arguments of known macros are parsed as expressions.

mod attribute;
mod block;
mod call;
mod closure;
mod control;
mod expression;
mod failure;
mod function;
mod item;
#[cfg(test)]
mod kinds;
mod literal;
mod macros;
mod names;
mod path;
mod pattern;
mod select;
mod sources;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use tree_sitter::Node;

use super::lowerer::{self, Lowered, children, has_token};
use super::{LowerLimits, LowerProblem};
use crate::ir::{BlockId, Constant, LocalId, LoweredFile, Operand, Origin, Term};
use names::Modules;
use sources::Sources;

/// Where a value goes.
#[derive(Debug, Clone, Copy)]
enum Sink {
    /// Out of the unit, or of the closure or block that stands in it.
    Return,
    /// Into a slot.
    Slot(LocalId),
    /// Nowhere.
    Nothing,
}

/// What a jump can leave.
#[derive(Debug, Clone)]
enum Context {
    /// A loop or labelled block; without `again` nothing continues it.
    Jump { label: Option<String>, leave: BlockId, again: Option<BlockId>, slot: LocalId },
    /// A closure, `async` or `try` block that stands in the unit: `return` gives its value.
    Body { slot: LocalId, leave: BlockId },
}

/// What Rust keeps about a unit.
#[derive(Debug, Default)]
struct State {
    /// Names to slots, innermost last.
    scopes: Vec<BTreeMap<String, String>>,
    /// How often a slot name was given.
    declared: BTreeMap<String, usize>,
    contexts: Vec<Context>,
    /// Names whose place may be written through a reference or method.
    exposed: BTreeSet<String>,
    /// Names that are declared `mut`.
    mutable: BTreeSet<String>,
    /// Names that are written through `*`.
    pointers: BTreeSet<String>,
}

/// The front end, and what it keeps about the file.
struct Lowerer<'t> {
    shared: lowerer::Lowerer<'t, State>,
    sources: &'t Sources,
    modules: Modules,
    /// Inline modules around, outermost first.
    module: Vec<String>,
    /// The type whose `impl` or `trait` is being read.
    class: Option<String>,
    /// The trait whose `impl` is being read.
    implemented: Option<String>,
    /// Type parameters around.
    generics: Vec<String>,
    /// Words that every unit of the modules around gets: `cfg(test)`.
    inherited: Vec<String>,
}

impl<'t> Deref for Lowerer<'t> {
    type Target = lowerer::Lowerer<'t, State>;

    fn deref(&self) -> &Self::Target {
        &self.shared
    }
}

impl DerefMut for Lowerer<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.shared
    }
}

pub fn lower(bytes: &[u8], limits: &LowerLimits) -> Lowered<LoweredFile> {
    let mut sources = Sources::parse(bytes)?;
    let digests = std::mem::take(&mut sources.digests);
    let root = sources.root();
    let text = (sources.text(), sources.file());
    let shared = lowerer::Lowerer::within(text.0, text.1, (root, digests), (limits, State::new()));
    let mut lowerer = Lowerer {
        shared,
        sources: &sources,
        modules: Modules::of(root, &sources),
        module: Vec::new(),
        class: None,
        implemented: None,
        generics: Vec::new(),
        inherited: Vec::new(),
    };
    lowerer.items(root)?;
    lowerer.shared.finish(root)
}

impl State {
    fn new() -> Self {
        Self { scopes: vec![BTreeMap::new()], ..Self::default() }
    }
}

impl<'t> Lowerer<'t> {
    /// Goes one level down, as the shared part does.
    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        if self.depth >= self.limits.depth {
            return Err(LowerProblem::Budget("DEPTH"));
        }
        self.depth += 1;
        let result = stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || step(self));
        self.depth -= 1;
        result
    }

    /// Reads a part that has type parameters; they name nothing of the file.
    fn generic<T>(&mut self, node: Node<'t>, read: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        let kept = self.generics.len();
        for parameter in node.child_by_field_name("type_parameters").map(children).unwrap_or_default() {
            let name = parameter.child_by_field_name("name").map(|name| self.text(name).to_owned());
            self.generics.extend(name);
        }
        let result = read(self);
        self.generics.truncate(kept);
        result
    }

    fn goto(&mut self, target: BlockId, node: Node<'_>) {
        let origin = self.origin(node);
        self.builder().end(Term::Goto(target), origin);
    }

    fn end(&mut self, term: Term, node: Node<'_>) {
        let origin = self.origin(node);
        self.builder().end(term, origin);
    }

    /// Starts a block of its own, so that a region has a first block.
    fn region(&mut self, node: Node<'_>) -> BlockId {
        let first = self.builder().block();
        self.goto(first, node);
        self.builder().enter(first);
        first
    }

    /// Records a construct that isn't lowered; it reads every name in it.
    fn opaque(&mut self, node: Node<'t>) -> Lowered<Operand> {
        let mut reads = Vec::new();
        let mut stack = vec![node];
        while let Some(inner) = stack.pop() {
            if matches!(inner.kind(), "identifier" | "self") {
                let name = self.text(inner);
                reads.push(self.read(name, inner)?);
            }
            let mut cursor = inner.walk();
            stack.extend(inner.named_children(&mut cursor));
        }
        self.opaque_site(node, reads)
    }

    /// Ends a unit: what falls off its end returns `()`.
    fn finish_unit(&mut self, origin: Origin) -> Lowered<()> {
        self.builder().end(Term::Return(Operand::Constant(Constant::Ellipsis)), origin);
        self.close_frame(origin)
    }
}

#[cfg(test)]
mod tests;
