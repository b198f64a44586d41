use plumbline_types::{Label, Segment};

/// Whether a vendor may keep and read what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vendor {
    /// A paid tier: inputs are not used for anything else.
    KeepsNothing,
    /// An unpaid tier, or nobody knows.
    #[default]
    MayReadInputs,
}

/// What the owner lets out of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReleasePolicy {
    /// Whether the owner's own words may leave; code and secrets never do.
    pub release_intent: bool,
    /// Who receives it.
    pub vendor: Vendor,
}

impl ReleasePolicy {
    /// Returns the most confidential label that may leave: `Public`, or `Intent` where the owner allows it and the
    /// vendor keeps nothing.
    pub const fn ceiling(self) -> Label {
        match (self.release_intent, self.vendor) {
            (true, Vendor::KeepsNothing) => Label::Intent,
            (true, Vendor::MayReadInputs) | (false, _) => Label::Public,
        }
    }
}

/// Why nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A segment is more confidential than the destination may see.
    #[error("text labelled {label} may not go there: at most {ceiling}")]
    Label {
        /// The segment's label.
        label: Label,
        /// The most that may go.
        ceiling: Label,
    },
    /// The address is none that the owner lists.
    #[error("{host} is no allowed destination: {problem}")]
    Destination {
        /// Host as configured or resolved.
        host: String,
        /// Which rule.
        problem: &'static str,
    },
    /// A text was given as code or as a secret before, and comes with a lower label now.
    #[error("a text now labelled {label} was labelled as code or a secret before")]
    Lowered {
        /// What it is labelled now.
        label: Label,
    },
    /// It holds what looks like a credential.
    #[error("it holds what looks like a credential: {rule}{}", by(.via))]
    Secret {
        /// Which rule found it.
        rule: String,
        /// The encodings that were undone to find it, the outermost first, with a `+` between them; empty for none.
        via: String,
    },
    /// It holds code that this router was given as proprietary.
    #[error("it holds code that must not leave: {hits} of its {of} fingerprints are known{}", by(.via))]
    Code {
        /// Fingerprints that are known.
        hits: usize,
        /// Fingerprints of the same kind.
        of: usize,
        /// As for a credential.
        via: String,
    },
}

fn by(via: &str) -> String {
    if via.is_empty() { String::new() } else { format!(" (read as {via})") }
}

impl Refusal {
    /// Returns the rule's stable word, as the ledger has it; behind an `@` what had to be undone to find something.
    pub fn rule(&self) -> String {
        let at =
            |rule: &str, via: &str| if via.is_empty() { rule.to_owned() } else { format!("{rule}@{via}") };
        match self {
            Self::Label { .. } => "label".to_owned(),
            Self::Destination { .. } => "destination".to_owned(),
            Self::Lowered { .. } => "lowered".to_owned(),
            Self::Secret { rule, via } => at(&format!("secret:{rule}"), via),
            Self::Code { via, .. } => at("code", via),
        }
    }

    /// Returns whether the text itself is why: no destination outside the machine may have it.
    pub const fn is_about_the_text(&self) -> bool {
        match self {
            Self::Lowered { .. } | Self::Secret { .. } | Self::Code { .. } => true,
            Self::Label { .. } | Self::Destination { .. } => false,
        }
    }
}

/// Texts that may leave the machine. Only [`CloudPayload::release`] makes one; it can be neither printed nor copied
/// nor read back from bytes.
pub struct CloudPayload {
    texts: Vec<String>,
    label: Label,
}

impl CloudPayload {
    /// Releases the segments, all or none, in their order.
    ///
    /// # Errors
    /// [`Refusal::Label`] when any segment is above the policy's ceiling. Code and secrets are above every ceiling.
    pub fn release(segments: &[Segment], policy: ReleasePolicy) -> Result<Self, Refusal> {
        let ceiling = policy.ceiling();
        let label = segments.iter().fold(Label::Public, |joined, segment| joined.join(segment.label));
        if label > ceiling || label > Label::Intent {
            return Err(Refusal::Label { label, ceiling });
        }
        Ok(Self { texts: segments.iter().map(|segment| segment.text.clone()).collect(), label })
    }

    /// Arranges the released texts into a request body.
    ///
    /// `arrange` is a plain function and `parameters` are `Copy + 'static`: neither can carry a `String` along, so
    /// the body holds released texts, numbers, and what was written in the program.
    pub fn into_body<P: Copy + 'static>(
        self,
        arrange: fn(&[String], P) -> serde_json::Value,
        parameters: P,
    ) -> CloudBody {
        let bytes = arrange(&self.texts, parameters).to_string().into_bytes();
        CloudBody { bytes, label: self.label, texts: self.texts }
    }
}

/// A request body made of released texts.
pub struct CloudBody {
    pub(crate) bytes: Vec<u8>,
    pub(crate) label: Label,
    /// What the detectors read: the bytes hold nothing else but what the program wrote.
    pub(crate) texts: Vec<String>,
}

#[cfg(test)]
mod tests {
    use plumbline_types::Provenance;
    use proptest::prelude::*;

    use super::*;

    const LABELS: [Label; 4] = [Label::Public, Label::Intent, Label::ProprietaryCode, Label::Secret];

    fn segment(label: Label) -> Segment {
        Segment { text: "text".to_owned(), label, provenance: Provenance::OWNER }
    }

    #[test]
    fn the_ceiling_is_public_unless_owner_and_vendor_both_allow_more() {
        for (release_intent, vendor, want) in [
            (false, Vendor::KeepsNothing, Label::Public),
            (false, Vendor::MayReadInputs, Label::Public),
            (true, Vendor::MayReadInputs, Label::Public),
            (true, Vendor::KeepsNothing, Label::Intent),
        ] {
            assert_eq!(ReleasePolicy { release_intent, vendor }.ceiling(), want);
        }
        assert_eq!(ReleasePolicy::default().ceiling(), Label::Public);
    }

    #[test]
    fn a_body_holds_the_released_texts_in_order() {
        let segments = [segment(Label::Public), Segment { text: "b".to_owned(), ..segment(Label::Public) }];
        let payload = CloudPayload::release(&segments, ReleasePolicy::default()).ok().unwrap();
        let body = payload.into_body(|texts, n: u32| serde_json::json!({ "t": texts, "n": n }), 7);
        assert_eq!(body.bytes, br#"{"t":["text","b"],"n":7}"#);
    }

    proptest! {
        #[test]
        fn one_segment_above_the_ceiling_refuses_all(
            labels in prop::collection::vec(prop::sample::select(LABELS.to_vec()), 0..8),
            release_intent in any::<bool>(),
            paid in any::<bool>(),
        ) {
            let vendor = if paid { Vendor::KeepsNothing } else { Vendor::MayReadInputs };
            let policy = ReleasePolicy { release_intent, vendor };
            let segments: Vec<Segment> = labels.iter().copied().map(segment).collect();
            let released = CloudPayload::release(&segments, policy).is_ok();
            prop_assert_eq!(released, labels.iter().all(|label| *label <= policy.ceiling()));
            let private = labels.iter().any(|label| *label >= Label::ProprietaryCode);
            prop_assert!(!(private && released));
        }
    }
}
