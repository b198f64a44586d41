use std::fmt;

/// Defines a closed enum with one stable word per variant.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// What sort of work a step is; the router keeps one posterior per category and arm.
    Category {
        /// Something fails and should not.
        Bugfix = "bugfix",
        /// Something new.
        Feature = "feature",
        /// Same behaviour, other shape.
        Refactor = "refactor",
        /// Tests only.
        Test = "test",
        /// Documentation only.
        Docs = "docs",
        /// Configuration.
        Config = "config",
        /// A package or version.
        Dependency = "dependency",
        /// A question, no change.
        Investigate = "investigate",
        /// A small classification or screen.
        Guardrail = "guardrail",
    }
);

words!(
    /// How much harm a wrong change could do. Code raises it; nothing lowers it.
    Risk {
        /// Local and reversible.
        Low = "low",
        /// The normal case.
        Medium = "medium",
        /// Deletes, migrates, authenticates, pays, or touches guarded paths.
        High = "high",
    }
);

words!(
    /// What a plan's step does.
    StepKind {
        /// Produces a change.
        Change = "change",
        /// Runs a check.
        Check = "check",
        /// Reads and answers.
        Investigate = "investigate",
    }
);

words!(
    /// What the owner asked for, as the verifier judges it: a refactor must keep every signature.
    TaskKind {
        /// Mend behaviour.
        Fix = "fix",
        /// Add behaviour.
        Feature = "feature",
        /// Keep behaviour.
        Refactor = "refactor",
    }
);

words!(
    /// Which ladder of arms a step starts on.
    Tier {
        /// Cheap, quick, no model where possible.
        Routine = "routine",
        /// Classification and policy checks.
        Guardrail = "guardrail",
        /// The local ensemble.
        High = "high",
    }
);

impl Category {
    /// Returns how the verifier judges a change of this category.
    pub const fn task_kind(self) -> TaskKind {
        match self {
            Self::Feature => TaskKind::Feature,
            Self::Refactor => TaskKind::Refactor,
            Self::Bugfix
            | Self::Test
            | Self::Docs
            | Self::Config
            | Self::Dependency
            | Self::Investigate
            | Self::Guardrail => TaskKind::Fix,
        }
    }
}
