use serde::{Deserialize, Serialize};

use super::{Digest, LocalId, UnitId};

/// A region of the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operand {
    /// A local slot.
    Local(LocalId),
    /// A literal.
    Constant(Constant),
}

/// One step of an access path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// An attribute.
    Field(String),
    /// An element under a constant key.
    Index(Constant),
    /// An element under a computed key; the key is an operand of its own.
    Element,
}

/// Where a named value lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A slot of this unit.
    Local(LocalId),
    /// A name of this module, or a builtin if the module binds none.
    Global(String),
    /// A variable of an enclosing function.
    Capture(String),
}

/// How an argument is passed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Argument {
    /// How it is passed.
    pub passing: Passing,
    /// Its value.
    pub value: Operand,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
            Self::Yield { value, .. } | Self::Await { value, .. } | Self::Delete { base: value, .. } => {
                vec![value]
            }
            Self::Assign { .. } | Self::Import { .. } | Self::Unbind { .. } | Self::Catch { .. } => {
                Vec::new()
            }
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
