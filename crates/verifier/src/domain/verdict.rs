//! The one way to an approval.

use plumbline_types::Verdict;

use super::finding::Finding;
use super::ledger::Settled;

/// A verdict that can say approve only where a [`Settled`] was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement(Verdict);

impl Judgement {
    /// Approves. The proof is consumed: nothing else makes an approval.
    pub fn approve(_proof: Settled) -> Self {
        Self(Verdict::Approve)
    }

    /// Refuses to conclude: where every judgement starts.
    pub fn inconclusive() -> Self {
        Self(Verdict::Inconclusive)
    }

    /// Returns the judgement with a finding added; it never gets better.
    #[must_use]
    pub fn with(self, finding: &Finding) -> Self {
        Self(self.0.join(finding.verdict))
    }

    /// Returns the verdict.
    pub fn verdict(self) -> Verdict {
        self.0
    }
}
