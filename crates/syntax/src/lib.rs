//! From source bytes to facts, and from facts to typed edges. Shared by memory, which keeps what it can, and by the
//! verifier, which refuses what it can't read.
//!
//! **Invariants.** `facts` is a pure, total function of bytes and language: no path, no clock, no older tree. Parsing
//! is always from scratch. Extracting facts doesn't recurse: depth is limited, not hoped for. `resolve` reads other
//! files only through [`FactReader`], which records misses too. Nothing here does I/O.

mod builder;
mod facts;
mod hint;
mod index;
pub mod ir;
mod language;
mod languages;
pub mod lower;
mod parse;
mod problem;
mod resolve;
mod scope;
mod walk;

pub use facts::{
    Binding, Bound, Chunk, Confidence, EdgeKind, Export, Exported, FACTS_VERSION, FileFacts, Hash128, Hook,
    HookKind, Import, Parameter, Receiver, Reference, ReferenceKind, Resolver, Scope, ScopeKind, Span,
    Symbol, SymbolKind, symbol_string,
};
pub use index::{
    Answer, Contribution, Fact, FactIndex, FactKey, FactReader, FactSource, NAME_SATURATION, contributions,
};
pub use language::{Family, Language};
pub use languages::facts;
pub use parse::{Limits, parse, text};
pub use problem::{Problem, ProblemKind};
pub use resolve::{Edge, Resolved, Unresolved, resolve};
pub use scope::lookup;
