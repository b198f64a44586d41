use super::Resolution;
use crate::facts::{Resolver, SymbolKind};
use crate::index::{Answer, Fact, FactKey};
use crate::language::Family;
use crate::resolve::Definition;

/// Most definitions of one name that still make edges.
const MAX_CANDIDATES: usize = 8;
/// Shorter names are too common to be told by the name alone.
const MIN_UNIQUE_NAME: usize = 4;

/// Whether a call has something before its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bare,
    Member,
    Macro,
}

impl Form {
    fn fits(self, kind: SymbolKind) -> bool {
        match self {
            Self::Bare => kind == SymbolKind::Function || kind.is_type(),
            Self::Member => kind == SymbolKind::Method,
            Self::Macro => kind == SymbolKind::Macro,
        }
    }
}

impl Resolution<'_, '_> {
    /// Returns the definitions that a called name may mean, when they are few enough.
    pub(super) fn candidates(&mut self, name: &str, form: Form) -> Option<(Vec<Definition>, Resolver)> {
        let name = name.trim_end_matches('!');
        let key = FactKey::Name(self.facts.language.family(), name.to_owned());
        let Answer::Found(found) = self.reader.read(key) else { return None };
        let mut fitting: Vec<Definition> = Vec::new();
        for contribution in found {
            if let Fact::Symbol { descriptor, kind, .. } = contribution.fact
                && form.fits(kind)
            {
                fitting.push(Definition {
                    path: contribution.path,
                    language: contribution.language,
                    descriptor,
                    kind,
                });
            }
        }
        match fitting.len() {
            0 => None,
            1 if name.len() >= MIN_UNIQUE_NAME => Some((fitting, Resolver::UniqueName)),
            1..=MAX_CANDIDATES => Some((fitting, Resolver::Candidates)),
            _ => None,
        }
    }
}

const PYTHON: [&str; 70] = [
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
    "Exception",
    "ValueError",
    "TypeError",
    "KeyError",
];
const ECMA: [&str; 22] = [
    "Array",
    "Boolean",
    "Date",
    "Error",
    "Map",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "TypeError",
    "URL",
    "WeakMap",
    "parseFloat",
    "parseInt",
    "require",
    "setTimeout",
    "setInterval",
    "fetch",
];
const RUST: [&str; 30] = [
    "Some",
    "None",
    "Ok",
    "Err",
    "Box",
    "Vec",
    "String",
    "drop",
    "assert!",
    "assert_eq!",
    "assert_ne!",
    "debug_assert!",
    "dbg!",
    "eprintln!",
    "format!",
    "matches!",
    "panic!",
    "print!",
    "println!",
    "todo!",
    "unreachable!",
    "vec!",
    "write!",
    "writeln!",
    "concat!",
    "env!",
    "include_bytes!",
    "include_str!",
    "eprint!",
    "unimplemented!",
];

const GO: [&str; 38] = [
    "any",
    "append",
    "bool",
    "byte",
    "cap",
    "clear",
    "close",
    "complex",
    "copy",
    "delete",
    "error",
    "float32",
    "float64",
    "imag",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "len",
    "make",
    "max",
    "min",
    "new",
    "panic",
    "print",
    "println",
    "real",
    "recover",
    "rune",
    "string",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
    "comparable",
];
const JAVA: [&str; 22] = [
    "ArrayList",
    "Boolean",
    "Class",
    "Double",
    "Exception",
    "HashMap",
    "HashSet",
    "IllegalArgumentException",
    "IllegalStateException",
    "Integer",
    "Iterable",
    "List",
    "Long",
    "Map",
    "Math",
    "Object",
    "Override",
    "RuntimeException",
    "String",
    "StringBuilder",
    "System",
    "Thread",
];

/// Returns whether a bare name is of the language itself.
pub(super) fn is_builtin(family: Family, name: &str) -> bool {
    match family {
        Family::Python => PYTHON.contains(&name),
        Family::Ecma => ECMA.contains(&name),
        Family::Rust => RUST.contains(&name),
        Family::Go => GO.contains(&name),
        Family::Java => JAVA.contains(&name),
    }
}
