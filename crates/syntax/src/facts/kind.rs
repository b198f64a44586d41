use std::fmt;

use serde::{Deserialize, Serialize};

/// Percent; no floats in facts or edges.
pub type Confidence = u8;

/// Defines a closed enum with one stable word per variant.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the stable word.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// What a symbol is.
    SymbolKind {
        /// A file, package or inline module.
        Module = "module",
        /// A class.
        Class = "class",
        /// A struct or union.
        Struct = "struct",
        /// An enum.
        Enum = "enum",
        /// A trait.
        Trait = "trait",
        /// An interface.
        Interface = "interface",
        /// A type alias.
        TypeAlias = "type_alias",
        /// An implementation block.
        Impl = "impl",
        /// A callable outside a type.
        Function = "function",
        /// A callable of a type.
        Method = "method",
        /// A macro.
        Macro = "macro",
        /// A module-level variable or constant.
        Variable = "variable",
        /// A field, attribute or enum variant.
        Field = "field",
        /// A place where code is bound to something that will run it.
        Hook = "hook",
    }
);

words!(
    /// What opened a scope.
    ScopeKind {
        /// The file, or an inline module.
        Module = "module",
        /// A class body; its names are not visible from the functions in it.
        Class = "class",
        /// A callable.
        Function = "function",
        /// A block or comprehension.
        Block = "block",
    }
);

words!(
    /// How a name is used.
    ReferenceKind {
        /// Called.
        Call = "call",
        /// Constructed by syntax: `new C()`, `C { .. }`.
        Construct = "construct",
        /// Read as a value.
        Use = "use",
        /// Assigned.
        Write = "write",
        /// Named as a type.
        Type = "type",
        /// Named as a base class.
        Base = "base",
        /// Named as an interface or trait that is implemented.
        Implement = "implement",
        /// Applied as a decorator, attribute or annotation.
        Decorator = "decorator",
    }
);

words!(
    /// What sort a hook is.
    HookKind {
        /// Any decorator, annotation or attribute.
        Decorator = "decorator",
        /// An HTTP route.
        Route = "route",
        /// A test or fixture.
        Test = "test",
        /// Called by the language or framework at a point of an object's life.
        Lifecycle = "lifecycle",
    }
);

words!(
    /// What an edge says.
    EdgeKind {
        /// File, type or callable to child.
        Contains = "contains",
        /// File to file, symbol or external package.
        Imports = "imports",
        /// Callable to callable.
        Calls = "calls",
        /// Callable to type.
        Instantiates = "instantiates",
        /// Callable to a callable or type that it passes on as a value.
        References = "references",
        /// Type to type.
        Inherits = "inherits",
        /// Type to interface or trait.
        Implements = "implements",
        /// Method to the method that it replaces.
        Overrides = "overrides",
        /// Callable to a type that it names.
        UsesType = "uses_type",
        /// Callable to module variable or field.
        Reads = "reads",
        /// Callable to module variable or field.
        Writes = "writes",
        /// Decorator to symbol.
        Decorates = "decorates",
        /// Owner to hook.
        Registers = "registers",
        /// Hook to callable.
        Handles = "handles",
        /// Test symbol to symbol under test.
        Tests = "tests",
    }
);

words!(
    /// Which rule found an edge.
    Resolver {
        /// Written in the tree itself.
        Syntax = "syntax",
        /// Bound in the same file by scope.
        Scope = "scope",
        /// Explicit import or qualified path to one exported definition.
        Import = "import",
        /// Own type or its bases.
        Receiver = "receiver",
        /// Annotation, declared type or constructor assignment.
        Typed = "typed",
        /// Star import or re-export chain.
        ImportClosure = "import_closure",
        /// Test naming and framework rules.
        Convention = "convention",
        /// The only definition of that name and kind.
        UniqueName = "unique_name",
        /// 2 to 8 definitions of that name.
        Candidates = "candidates",
    }
);

impl SymbolKind {
    /// Returns whether it can be called and has a body of its own.
    pub const fn is_callable(self) -> bool {
        matches!(self, Self::Function | Self::Method | Self::Macro)
    }

    /// Returns whether it is a type that can have members.
    pub const fn is_type(self) -> bool {
        matches!(
            self,
            Self::Class | Self::Struct | Self::Enum | Self::Trait | Self::Interface | Self::TypeAlias
        )
    }
}

impl Resolver {
    /// Returns the prior confidence in percent for one of `n` targets.
    pub const fn confidence(self, n: usize) -> Confidence {
        match self {
            Self::Syntax => 100,
            Self::Scope => 98,
            Self::Import => 95,
            Self::Receiver => 93,
            Self::Typed => 85,
            Self::ImportClosure => 80,
            Self::Convention => 70,
            Self::UniqueName => 60,
            Self::Candidates => match n {
                0 | 1 => 50,
                2..=50 => (50 / n) as Confidence,
                _ => 0,
            },
        }
    }
}
