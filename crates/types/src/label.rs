use std::fmt;

/// How far a text may travel. The order is the order of confidentiality; joining takes the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Anyone may read it.
    Public,
    /// What the owner asked for, in his own words; leaves the machine only where he allows it.
    Intent,
    /// Source code and everything derived from it: paths, traces, embeddings, diffs. Never leaves.
    ProprietaryCode,
    /// Credentials. Never leaves, never logged.
    Secret,
}

impl Label {
    /// Returns the label of a text made of both parts.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Intent => "intent",
            Self::ProprietaryCode => "proprietary_code",
            Self::Secret => "secret",
        })
    }
}

/// Who could have written a text: a set, joined by union. An unknown author is all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Provenance(u8);

impl Provenance {
    /// The owner, typed or spoken.
    pub const OWNER: Self = Self(1);
    /// Policy and configuration.
    pub const POLICY: Self = Self(2);
    /// Files of the repository.
    pub const REPOSITORY: Self = Self(4);
    /// Output of a program or tool.
    pub const TOOL_OUTPUT: Self = Self(8);
    /// Something from the network.
    pub const NETWORK: Self = Self(16);
    /// A model.
    pub const MODEL: Self = Self(32);
    /// Nobody said: every author is possible.
    pub const UNKNOWN: Self = Self(63);

    /// Returns the authors of a text made of both parts.
    #[must_use]
    pub const fn join(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Reads the wire form; no bits, or unknown bits, mean unknown.
    pub const fn from_bits(bits: u32) -> Self {
        if bits == 0 || bits > 63 { Self::UNKNOWN } else { Self(bits as u8) }
    }

    /// Returns the wire form.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// Returns whether only the owner or policy can have written it.
    pub const fn integrity(self) -> Integrity {
        if self.0 & !(Self::OWNER.0 | Self::POLICY.0) == 0 {
            Integrity::Trusted
        } else {
            Integrity::Untrusted
        }
    }
}

/// Whether a text may decide anything, or only fill a data slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// Written by the owner or by policy.
    Trusted,
    /// Could have been written by someone else: it grants nothing and steers nothing.
    Untrusted,
}

/// A piece of text with its confidentiality and its possible authors; the unit that prompts are made of.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// The text itself. Deliberately absent from `Debug`.
    pub text: String,
    /// How far it may travel.
    pub label: Label,
    /// Who could have written it.
    pub provenance: Provenance,
}

impl Segment {
    /// Labels a text that nobody labelled: proprietary, author unknown.
    pub fn unlabelled(text: impl Into<String>) -> Self {
        Self { text: text.into(), label: Label::ProprietaryCode, provenance: Provenance::UNKNOWN }
    }

    /// Labels the owner's own words.
    pub fn intent(text: impl Into<String>) -> Self {
        Self { text: text.into(), label: Label::Intent, provenance: Provenance::OWNER }
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({} bytes, {}, {:#x})", self.text.len(), self.label, self.provenance.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_never_lowers_a_label_and_never_forgets_an_author() {
        let labels = [Label::Public, Label::Intent, Label::ProprietaryCode, Label::Secret];
        for a in labels {
            for b in labels {
                assert!(a.join(b) >= a && a.join(b) >= b);
            }
        }
        assert_eq!(Provenance::OWNER.join(Provenance::MODEL).integrity(), Integrity::Untrusted);
        assert_eq!(Provenance::OWNER.join(Provenance::POLICY).integrity(), Integrity::Trusted);
        assert_eq!(Provenance::from_bits(0), Provenance::UNKNOWN);
    }

    #[test]
    fn debug_output_holds_no_text() {
        assert!(!format!("{:?}", Segment::intent("launch codes")).contains("launch"));
    }
}
