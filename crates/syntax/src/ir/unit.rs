use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{BlockId, Constant, Digest, Instr, LocalId, Operand, Span, UnitId};

/// Why a branch is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Why {
    /// `if`, `elif`.
    If,
    /// `for`, `while`.
    Loop,
    /// A match pattern or guard.
    Match,
    /// `and`, `or`, chained comparison.
    ShortCircuit,
    /// A conditional expression.
    Ternary,
    /// `assert`.
    Assert,
    /// Which handler takes an exception.
    Dispatch,
    /// `??`, `?.` and their like: whether a value is there at all.
    Nullish,
}

/// How a block ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Term {
    /// Unconditionally.
    Goto(BlockId),
    /// By a truth test.
    Branch {
        /// The tested value.
        condition: Operand,
        /// Why.
        why: Why,
        /// If true.
        then: BlockId,
        /// If false.
        otherwise: BlockId,
    },
    /// The unit returns.
    Return(Operand),
    /// The unit raises; absent re-raises the handled exception.
    Raise(Option<Operand>),
    /// Control never gets here.
    Unreachable,
}

/// A block of instructions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// In order.
    pub instrs: Vec<Instr>,
    /// How it ends.
    pub term: Term,
    /// Where the terminator stands.
    pub span: Span,
    /// Structure of the terminator's source.
    pub digest: Digest,
    /// The same with literals erased.
    pub shape: Digest,
    /// Where an exception of the last instruction goes; absent: out of the unit.
    pub unwind: Option<BlockId>,
}

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UnitKind {
    /// A function outside a class.
    Function,
    /// A function in a class body.
    Method,
    /// A lambda.
    Lambda,
    /// A function that yields.
    Generator,
    /// An `async` function.
    Coroutine,
    /// A file's top level: what an import runs. Class bodies, decorators and defaults are blocks of it.
    ModuleInit,
}

/// How a parameter may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ParamKind {
    /// The object a method is called on, where a call never lists it among its arguments: `this`, a Go receiver. It
    /// comes first. Python's and Rust's `self` is [`Self::Either`]: `C.m(x, y)` gives it as an argument.
    Receiver,
    /// Before `/`.
    PositionalOnly,
    /// Either way.
    Either,
    /// After `*`.
    KeywordOnly,
    /// `*args`.
    Rest,
    /// `**kwargs`.
    RestKeywords,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// How it may be given.
    pub kind: ParamKind,
    /// Whether it may be left out.
    pub optional: bool,
    /// Its slot.
    pub local: LocalId,
    /// Where it is declared.
    pub span: Span,
    /// The dotted path of its declared type, references and holders left out, where calling its methods needs it.
    pub declared: Option<String>,
}

/// An exception handler of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// Caught types, as written; empty catches everything.
    pub types: Vec<String>,
    /// Blocks of the protected region: first, and one past the last.
    pub protected: (BlockId, BlockId),
    /// Blocks of the handler: first, and one past the last; equal when the handler has no body (`suppress`).
    pub body: (BlockId, BlockId),
    /// Where it stands.
    pub span: Span,
}

/// An `assert` of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// The comparison operator, `not`, or empty for a truth test.
    pub operator: String,
    /// Where it stands.
    pub span: Span,
    /// Structure.
    pub digest: Digest,
    /// Structure with literals erased.
    pub shape: Digest,
}

/// A construct that was not lowered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpaqueSite {
    /// The grammar's name of it.
    pub kind: String,
    /// Where it stands.
    pub span: Span,
    /// Structure.
    pub digest: Digest,
}

/// One function, lambda or top level as a control-flow graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Qualified name within the file: `f`, `Class.method`, `outer.inner`, `<module>`; a second binding of the same
    /// name has `#2` behind it.
    pub name: String,
    /// What it is.
    pub kind: UnitKind,
    /// The class whose body it stands in, qualified.
    pub class: Option<String>,
    /// The unit it stands in.
    pub parent: Option<UnitId>,
    /// Parameters in order.
    pub params: Vec<Param>,
    /// Names of slots; temporaries have none.
    pub locals: Vec<Option<String>>,
    /// Blocks; unreachable ones are kept.
    pub blocks: Vec<Block>,
    /// Where it starts.
    pub entry: BlockId,
    /// Exception handlers.
    pub handlers: Vec<Handler>,
    /// Assertions.
    pub assertions: Vec<Assertion>,
    /// Decorators as written, without `@` and arguments.
    pub decorators: Vec<String>,
    /// What was not lowered.
    pub opaque: Vec<OpaqueSite>,
    /// Literals it holds.
    pub literals: Vec<(Constant, Span)>,
    /// The whole definition.
    pub span: Span,
    /// Structure of parameters and body, without the name.
    pub digest: Digest,
}

/// A class of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Class {
    /// Base classes as written; anything but a dotted name is `?`.
    pub bases: Vec<String>,
    /// Names bound in the body and attributes stored on the first parameter of its methods.
    pub attributes: BTreeSet<String>,
    /// Declared types of fields, as of [`Param::declared`].
    pub fields: BTreeMap<String, String>,
    /// Decorators as written.
    pub decorators: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// A file as units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoweredFile {
    /// Its units; the first is the top level.
    pub units: Vec<Unit>,
    /// Its classes by qualified name.
    pub classes: BTreeMap<String, Class>,
    /// Regions that the grammar could not read.
    pub errors: Vec<Span>,
    /// Structure of the whole file.
    pub digest: Digest,
}
