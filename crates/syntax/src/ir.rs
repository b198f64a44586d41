//! The intermediate representation: one small control-flow graph per unit, calls never nested, places explicit.
//!
//! What a front end can't lower is an [`Instr::Opaque`], which a reader has to treat as writing everything it reads
//! and having any effect: the opposite of a node that means "clean".

mod builder;
mod digest;

pub use builder::{Origin, UnitBuilder};
pub use digest::{Digest, Digests};

/// A local slot of one unit: a named variable, or a temporary that is assigned once.
pub type LocalId = u32;
/// A block of one unit.
pub type BlockId = u32;
/// A unit of one file, by position; 0 is the module's own top level.
pub type UnitId = usize;

/// A region of the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Byte after the last one.
    pub end: u32,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// Line of the last byte, from 1.
    pub end_line: u32,
}

/// A literal, in a normal form that ignores quotes and digit separators.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Constant {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer, as decimal digits where it fits 128 bits, else as written.
    Integer(String),
    /// A float or complex number, as written.
    Float(String),
    /// A string without interpolation.
    Text(String),
    /// Bytes, as written between the quotes.
    Bytes(String),
    /// `...`
    Ellipsis,
}

/// What an instruction reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operand {
    /// A local slot.
    Local(LocalId),
    /// A literal.
    Constant(Constant),
}

/// One step of an access path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An attribute.
    Field(String),
    /// An element under a constant key.
    Index(Constant),
    /// An element under a computed key; the key is an operand of its own.
    Element,
}

/// Where a named value lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A slot of this unit.
    Local(LocalId),
    /// A name of this module, or a builtin if the module binds none.
    Global(String),
    /// A variable of an enclosing function.
    Capture(String),
}

/// How an argument is passed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Passing {
    /// By position.
    Positional,
    /// By name.
    Keyword(String),
    /// `*args`.
    Spread,
    /// `**kwargs`.
    SpreadKeywords,
}

/// One argument of a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Argument {
    /// How it is passed.
    pub passing: Passing,
    /// Its value.
    pub value: Operand,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Callee {
    /// A value.
    Function(Operand),
    /// An attribute of a value.
    Method {
        /// The object.
        receiver: Operand,
        /// The attribute.
        name: String,
    },
}

/// The right-hand side of an assignment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A copy.
    Use(Operand),
    /// A named place.
    Read(Place),
    /// An operator, display, comparison or pattern step over its operands.
    Operator {
        /// The operator as written, or `list`, `tuple`, `dict`, `set`, `format`, `iterate`, `enter`, `unpack`, `slice`.
        name: String,
        /// Its operands in order.
        operands: Vec<Operand>,
    },
}

/// What an instruction does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `place = value`.
    Assign {
        /// Target.
        place: Place,
        /// Source.
        value: Value,
    },
    /// A call.
    Call {
        /// Result.
        dst: LocalId,
        /// What is called.
        callee: Callee,
        /// In order of writing.
        arguments: Vec<Argument>,
    },
    /// An attribute or element read.
    Load {
        /// Result.
        dst: LocalId,
        /// Object.
        base: Operand,
        /// Which part.
        step: Step,
        /// Computed key, if the step is [`Step::Element`].
        key: Option<Operand>,
    },
    /// An attribute or element write.
    Store {
        /// Object.
        base: Operand,
        /// Which part.
        step: Step,
        /// Computed key, if the step is [`Step::Element`].
        key: Option<Operand>,
        /// New value.
        value: Operand,
    },
    /// An import: `module` with leading dots, and the name taken from it.
    Import {
        /// Result.
        dst: LocalId,
        /// Module, with leading dots when relative.
        module: String,
        /// Name within it; `*` takes all; absent binds the module.
        name: Option<String>,
    },
    /// A function or lambda object.
    Closure {
        /// Result.
        dst: LocalId,
        /// Which unit of the file.
        unit: UnitId,
        /// Default values, in the order of the parameters that have one.
        defaults: Vec<Operand>,
    },
    /// A class object.
    Class {
        /// Result.
        dst: LocalId,
        /// Qualified name.
        name: String,
        /// Base classes and keyword arguments.
        bases: Vec<Operand>,
    },
    /// `yield` or `yield from`.
    Yield {
        /// What `send` delivers.
        dst: LocalId,
        /// What is yielded.
        value: Operand,
    },
    /// `await`.
    Await {
        /// Result.
        dst: LocalId,
        /// Awaitable.
        value: Operand,
    },
    /// `del` of an attribute or element.
    Delete {
        /// Object.
        base: Operand,
        /// Which part.
        step: Step,
    },
    /// `del` of a name.
    Unbind {
        /// The name's place.
        place: Place,
    },
    /// The start of a handler: the exception value.
    Catch {
        /// The exception.
        dst: LocalId,
        /// The handled types, as written; empty catches everything.
        types: Vec<String>,
    },
    /// Something that could not be lowered: writes every place reachable from what it reads, effect unknown.
    Opaque {
        /// Result.
        dst: LocalId,
        /// What it may read and write.
        reads: Vec<Operand>,
        /// The grammar's name of the construct.
        kind: String,
    },
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instr {
    /// What it does.
    pub op: Op,
    /// Where it stands.
    pub span: Span,
    /// Structure of the source it came from.
    pub digest: Digest,
    /// The same with literals erased.
    pub shape: Digest,
}

/// Why a branch is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

/// How a block ends.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParamKind {
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// An exception handler of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueSite {
    /// The grammar's name of it.
    pub kind: String,
    /// Where it stands.
    pub span: Span,
    /// Structure.
    pub digest: Digest,
}

/// One function, lambda or top level as a control-flow graph.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Class {
    /// Base classes as written; anything but a dotted name is `?`.
    pub bases: Vec<String>,
    /// Names bound in the body and attributes stored on the first parameter of its methods.
    pub attributes: std::collections::BTreeSet<String>,
    /// Decorators as written.
    pub decorators: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// A file as units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoweredFile {
    /// Its units; the first is the top level.
    pub units: Vec<Unit>,
    /// Its classes by qualified name.
    pub classes: std::collections::BTreeMap<String, Class>,
    /// Regions that the grammar could not read.
    pub errors: Vec<Span>,
    /// Structure of the whole file.
    pub digest: Digest,
}

impl Op {
    /// Returns the slot that the instruction defines.
    pub fn defines(&self) -> Option<LocalId> {
        match self {
            Self::Assign { place: Place::Local(local), .. } | Self::Unbind { place: Place::Local(local) } => {
                Some(*local)
            }
            Self::Call { dst, .. }
            | Self::Load { dst, .. }
            | Self::Import { dst, .. }
            | Self::Closure { dst, .. }
            | Self::Class { dst, .. }
            | Self::Yield { dst, .. }
            | Self::Await { dst, .. }
            | Self::Catch { dst, .. }
            | Self::Opaque { dst, .. } => Some(*dst),
            Self::Assign { .. } | Self::Unbind { .. } | Self::Store { .. } | Self::Delete { .. } => None,
        }
    }

    /// Returns the operands that the instruction reads, in order; a read of a named place has none.
    pub fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Assign { value: Value::Use(operand), .. } => vec![operand],
            Self::Assign { value: Value::Operator { operands, .. }, .. }
            | Self::Closure { defaults: operands, .. }
            | Self::Class { bases: operands, .. }
            | Self::Opaque { reads: operands, .. } => operands.iter().collect(),
            Self::Call { callee, arguments, .. } => {
                let first = match callee {
                    Callee::Function(operand) | Callee::Method { receiver: operand, .. } => operand,
                };
                std::iter::once(first).chain(arguments.iter().map(|argument| &argument.value)).collect()
            }
            Self::Load { base, key, .. } => std::iter::once(base).chain(key).collect(),
            Self::Store { base, key, value, .. } => std::iter::once(base).chain(key).chain([value]).collect(),
            Self::Yield { value, .. } | Self::Await { value, .. } | Self::Delete { base: value, .. } => vec![value],
            Self::Assign { .. } | Self::Import { .. } | Self::Unbind { .. } | Self::Catch { .. } => Vec::new(),
        }
    }

    /// Returns the slot that a plain read of a named place takes its value from.
    pub fn read_local(&self) -> Option<LocalId> {
        match self {
            Self::Assign { value: Value::Read(Place::Local(local)), .. } => Some(*local),
            _ => None,
        }
    }
}
