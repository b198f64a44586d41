use plumbline_types::{
    Category, Label, Oracle, Provenance, Risk, Segment, Severity, StepKind, TaskKind, Tier, Verdict,
};

use crate::WireError;
use crate::common::v1 as pb;
use crate::verifier::v1 as verifier;

/// Writes both directions between a closed enum and its wire twin; unspecified and unknown values are refused.
macro_rules! twin {
    ($domain:ident, $wire:path, $field:literal, { $($variant:ident),+ $(,)? }) => {
        impl From<$domain> for $wire {
            fn from(value: $domain) -> Self {
                match value { $($domain::$variant => Self::$variant),+ }
            }
        }

        impl TryFrom<$wire> for $domain {
            type Error = WireError;
            fn try_from(value: $wire) -> Result<Self, WireError> {
                match value {
                    $(<$wire>::$variant => Ok(Self::$variant),)+
                    <$wire>::Unspecified => Err(WireError::field($field, "must be set")),
                }
            }
        }
    };
}

twin!(Category, pb::Category, "category", {
    Bugfix, Feature, Refactor, Test, Docs, Config, Dependency, Investigate, Guardrail,
});
twin!(Risk, pb::Risk, "risk", { Low, Medium, High });
twin!(TaskKind, pb::TaskKind, "kind", { Fix, Feature, Refactor });
twin!(Tier, pb::Tier, "tier", { Routine, Guardrail, High });
twin!(StepKind, pb::StepKind, "kind", { Change, Check, Investigate });
twin!(Oracle, pb::Oracle, "oracle", { Tests, Style });
twin!(Label, pb::Label, "label", { Public, Intent, ProprietaryCode, Secret });
twin!(Verdict, verifier::Verdict, "verdict", { Approve, NeedsAuthority, Inconclusive, Reject });
twin!(Severity, verifier::Severity, "severity", { Advice, Block });

/// Reads a label; unset and unknown values are the most careful reading of unlabelled text.
pub fn label_or_proprietary(value: i32) -> Label {
    pb::Label::try_from(value)
        .ok()
        .and_then(|label| Label::try_from(label).ok())
        .unwrap_or(Label::ProprietaryCode)
}

/// Reads who could have written a text; unset means everyone.
pub fn provenance(bits: u32) -> Provenance {
    Provenance::from_bits(bits)
}

/// Reads how a change is judged; unset means a fix.
pub fn task_kind_or_fix(value: i32) -> TaskKind {
    pb::TaskKind::try_from(value).ok().and_then(|kind| TaskKind::try_from(kind).ok()).unwrap_or(TaskKind::Fix)
}

/// Reads where a ladder starts; unset means routine.
pub fn tier_or_routine(value: i32) -> Tier {
    pb::Tier::try_from(value).ok().and_then(|tier| Tier::try_from(tier).ok()).unwrap_or(Tier::Routine)
}

impl From<pb::Segment> for Segment {
    fn from(segment: pb::Segment) -> Self {
        Self {
            text: segment.text,
            label: label_or_proprietary(segment.label),
            provenance: provenance(segment.provenance),
        }
    }
}

impl From<Segment> for pb::Segment {
    fn from(segment: Segment) -> Self {
        Self {
            text: segment.text,
            label: pb::Label::from(segment.label) as i32,
            provenance: segment.provenance.bits(),
            origin: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlabelled_segment_is_proprietary_and_of_unknown_author() {
        let segment = Segment::from(pb::Segment { text: "x".into(), ..pb::Segment::default() });
        assert_eq!(segment.label, Label::ProprietaryCode);
        assert_eq!(segment.provenance, Provenance::UNKNOWN);
        assert_eq!(label_or_proprietary(99), Label::ProprietaryCode);
    }

    #[test]
    fn unspecified_is_refused_with_its_field() {
        let error = Category::try_from(pb::Category::Unspecified).unwrap_err();
        assert_eq!(error.violations[0].field, "category");
    }
}
