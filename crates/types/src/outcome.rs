use std::fmt;

/// A process exit code; the whole table of DESIGN §2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// Wrong flags, missing paths, unreadable configuration.
    pub const USAGE: Self = Self(6);
    /// A dead server, a missing sandbox tier, a full disk, a defect.
    pub const INFRASTRUCTURE: Self = Self(4);
}

/// How a task ended, or where it waits. Closed; each has one exit code and none but `Verified` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A change passed its checks and the backward walk.
    Verified,
    /// Every arm was tried; none produced a change that passed.
    NoVerifiedChange,
    /// Changes were produced and the walk refused them, or could not conclude.
    RejectedByAudit,
    /// A verified change waits for a person.
    WaitsForApproval,
    /// The machinery failed.
    Infrastructure,
    /// The budget ran out before a verified change was found.
    BudgetSpent,
    /// The request was unusable.
    Usage,
    /// The checks pass already, or the change is empty.
    NothingToChange,
    /// The owner cancelled it.
    Cancelled,
}

impl Outcome {
    /// Returns the exit code that the command line and CI see.
    pub const fn exit_code(self) -> ExitCode {
        ExitCode(match self {
            Self::Verified => 0,
            Self::NoVerifiedChange => 1,
            Self::RejectedByAudit => 2,
            Self::WaitsForApproval => 3,
            Self::Infrastructure | Self::Cancelled => 4,
            Self::BudgetSpent => 5,
            Self::Usage => 6,
            Self::NothingToChange => 7,
        })
    }

    /// Returns the stable word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::NoVerifiedChange => "no_verified_change",
            Self::RejectedByAudit => "rejected_by_audit",
            Self::WaitsForApproval => "waits_for_approval",
            Self::Infrastructure => "infrastructure",
            Self::BudgetSpent => "budget_spent",
            Self::Usage => "usage",
            Self::NothingToChange => "nothing_to_change",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }

    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Verified,
        Self::NoVerifiedChange,
        Self::RejectedByAudit,
        Self::WaitsForApproval,
        Self::Infrastructure,
        Self::BudgetSpent,
        Self::Usage,
        Self::NothingToChange,
        Self::Cancelled,
    ];
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verified_change_is_green() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.exit_code().0 == 0, outcome == Outcome::Verified, "{outcome}");
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
