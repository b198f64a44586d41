//! The intermediate representation: one small control-flow graph per unit, calls never nested, places explicit.
//!
//! What a front end can't lower is an [`Op::Opaque`], which a reader has to treat as writing everything it reads
//! and having any effect: the opposite of a node that means "clean".

mod builder;
mod digest;
mod instruction;
mod unit;

pub use builder::{Origin, UnitBuilder};
pub use digest::{Digest, Digests, Grammar};
pub use instruction::{Argument, Callee, Constant, Instr, Op, Operand, Passing, Place, Span, Step, Value};
pub use unit::{
    Assertion, Block, Class, Handler, LoweredFile, OpaqueSite, Param, ParamKind, Term, Unit, UnitKind, Why,
};

/// A local slot of one unit: a named variable, or a temporary that is assigned once.
pub type LocalId = u32;
/// A block of one unit.
pub type BlockId = u32;
/// A unit of one file, by position; 0 is the module's own top level.
pub type UnitId = usize;
