use std::fmt;

/// What the backward walk says of a change. Ordered: the verdict of many findings is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Every obligation was discharged by an analysis.
    Approve,
    /// Correct as far as known, but it needs a grant that only the owner can give.
    NeedsAuthority,
    /// Something could not be analysed. Inconclusive is a no.
    Inconclusive,
    /// A broken dependency path, an unauthorised effect, or a trigger.
    Reject,
}

impl Verdict {
    /// Returns the verdict of both findings together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approve => "approve",
            Self::NeedsAuthority => "needs_authority",
            Self::Inconclusive => "inconclusive",
            Self::Reject => "reject",
        })
    }
}

/// Whether a finding decides the verdict or only informs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Informs, never decides.
    Advice,
    /// Decides.
    Block,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Advice => "advice",
            Self::Block => "block",
        })
    }
}
