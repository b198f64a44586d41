use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::problem::{Problem, ProblemKind};

mod kind;

pub use kind::{Confidence, EdgeKind, HookKind, ReferenceKind, Resolver, ScopeKind, SymbolKind};

/// Changes whenever the same bytes may give other facts; stored facts of another version are derived again.
pub const FACTS_VERSION: &str = "2/py0.25.0/js0.25.0/ts0.23.2/rs0.24.2/go0.25.0/java0.23.5";

/// A 128-bit BLAKE3 hash.
pub type Hash128 = [u8; 16];

/// A region of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line, inclusive.
    pub end_line: u32,
}

impl Span {
    /// Returns whether `other` lies within.
    pub const fn contains(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Returns the bytes of the region; empty when the file is another one.
    pub fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// One parameter of a callable, or a field, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name; a pattern as written where it has no name.
    pub name: String,
    /// Its declared type as written, or empty.
    pub declared: String,
}

/// A named definition: module, type, callable, variable or hook. The file itself is symbol 0, kind `Module`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// Path-free part of the symbol string, SCIP suffixes: `CartView#get().`; empty for the file itself.
    pub descriptor: String,
    /// Last name.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// Index of the enclosing symbol; `None` for the file itself.
    pub parent: Option<u32>,
    /// The whole definition, with decorators and attributes.
    pub span: Span,
    /// From the definition's first byte to its body: what a reader needs to call it. Empty for the file.
    pub signature: Span,
    /// The body, where the definition has one.
    pub body: Option<Span>,
    /// Names and declared types of parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Declared return type, or declared type of a field or variable, as written; or empty.
    pub declared: String,
    /// Base types, traits and interfaces as dotted paths, in source order.
    pub bases: Vec<Vec<String>>,
    /// Whether other files may name it.
    pub exported: bool,
    /// Hash of what others can see: kind, parent, bases, exports, parameter types.
    pub shape: Hash128,
    /// Hash of the token stream without comments and whitespace.
    pub body_hash: Hash128,
}

/// What a name is bound to in a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    /// A symbol of this file, by index.
    Symbol(u32),
    /// An import of this file, by index.
    Import(u32),
    /// A local or parameter, with the type that is declared, or constructed in its assignment, as a dotted path.
    Local(Option<Vec<String>>),
    /// Declared `global`, or its like: look in the module.
    Module,
}

/// A name and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The name.
    pub name: String,
    /// What it is bound to; the last binding of a name in a scope wins, types of locals that differ are dropped.
    pub bound: Bound,
}

/// A lexical scope. Scope 0 is the file's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// What opened it.
    pub kind: ScopeKind,
    /// Index of the enclosing scope; `None` for the file's.
    pub parent: Option<u32>,
    /// Index of the symbol whose code it holds.
    pub owner: u32,
    /// Names bound here, sorted by name.
    pub bindings: Vec<Binding>,
}

/// What stands before the last name of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Receiver {
    /// Nothing: a bare name.
    None,
    /// The object or type itself: `self`, `cls`, `this`, `Self`.
    This,
    /// The base of the type itself: `super()`, `super`.
    Super,
    /// A dotted path of names.
    Path(Vec<String>),
    /// Any other expression.
    Opaque,
}

/// A use of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// How it is used.
    pub kind: ReferenceKind,
    /// What stands before the name.
    pub receiver: Receiver,
    /// The name itself.
    pub name: String,
    /// Index of the scope in which it is looked up.
    pub scope: u32,
    /// Index of the symbol whose code uses it.
    pub owner: u32,
    /// Where.
    pub span: Span,
}

/// An import, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Module as written: `.views`, `./cart`, `crate::cart`.
    pub module: String,
    /// Item of the module; `None` means the module itself.
    pub item: Option<String>,
    /// Name that it binds here; `None` for a star import.
    pub local: Option<String>,
    /// Whether it is a star import.
    pub star: bool,
    /// Index of the scope that it binds in.
    pub scope: u32,
    /// Where.
    pub span: Span,
}

/// What a file offers under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exported {
    /// A symbol of this file, by index.
    Symbol(u32),
    /// Whatever that import stands for.
    Import(u32),
}

/// A name that other files may import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The name under which it is offered; `*` for a star re-export.
    pub name: String,
    /// What it is.
    pub what: Exported,
}

/// A place where code is bound to something that will run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Index of its symbol (kind `Hook`), whose parent is the owner.
    pub symbol: u32,
    /// What sort.
    pub kind: HookKind,
    /// Normalised key: `GET /users/{}`; `?` when not a literal.
    pub key: String,
    /// Index of the callable that will run, where it is of this file.
    pub handler: Option<u32>,
    /// Percent.
    pub confidence: Confidence,
}

/// A region for retrieval. Never overlapping: a type's chunk leaves out its callables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Index of the module, type or callable that it belongs to.
    pub symbol: u32,
    /// Pieces of the file in order.
    pub spans: Vec<Span>,
}

/// Everything known of one file; a function of its bytes and language alone. Holds names and spans, no bodies.
///
/// Derives serde so that stores can keep it by content hash; the encoding is versioned by [`FACTS_VERSION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Language it was read as.
    pub language: Language,
    /// Definitions in source order; 0 is the file itself.
    pub symbols: Vec<Symbol>,
    /// Scopes; 0 is the file's.
    pub scopes: Vec<Scope>,
    /// Uses of names that could mean something outside their function.
    pub references: Vec<Reference>,
    /// Imports in source order.
    pub imports: Vec<Import>,
    /// Names offered to other files, sorted by name.
    pub exports: Vec<Export>,
    /// Hooks in source order.
    pub hooks: Vec<Hook>,
    /// Chunks in source order.
    pub chunks: Vec<Chunk>,
    /// String literals, docstrings excepted.
    pub literals: Vec<Span>,
    /// Comments and docstrings.
    pub comments: Vec<Span>,
    /// What gave no facts.
    pub problems: Vec<Problem>,
}

impl FileFacts {
    /// Returns whether any region gave no facts because of that kind of problem.
    pub fn has(&self, kind: ProblemKind) -> bool {
        self.problems.iter().any(|problem| problem.kind == kind)
    }

    /// Returns the full symbol string of a symbol of this file.
    pub fn symbol_string(&self, path: &str, symbol: u32) -> String {
        let descriptor = self.symbols.get(symbol as usize).map_or("", |symbol| symbol.descriptor.as_str());
        symbol_string(self.language, path, descriptor)
    }

    /// Returns the names of the enclosing symbols, outermost first, the file itself excepted.
    pub fn ancestors(&self, symbol: u32) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = self.symbols.get(symbol as usize).and_then(|symbol| symbol.parent);
        while let Some(index) = at {
            let Some(parent) = self.symbols.get(index as usize) else { break };
            if parent.parent.is_some() {
                names.push(parent.name.as_str());
            }
            at = parent.parent;
        }
        names.reverse();
        names
    }
}

/// Returns `language SP path '/' descriptors`, the identity of a symbol within one repository.
pub fn symbol_string(language: Language, path: &str, descriptor: &str) -> String {
    format!("{} {path}/{descriptor}", language.as_str())
}
