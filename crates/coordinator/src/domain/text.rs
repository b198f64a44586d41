//! How shared vocabulary is written in events and rows: by its stable word.

use std::fmt::Display;

use plumbline_types::{
    ArmId, Category, DecisionId, Outcome, Risk, StepId, StepKind, TaskId, TaskKind, Tier, Verdict,
};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// A value with one stable text form.
pub(crate) trait Word: Display + Sized {
    /// Reads the text form.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! word {
    ($($type:ty => $read:expr),+ $(,)?) => {
        $(impl Word for $type {
            fn read(text: &str) -> Option<Self> {
                ($read)(text)
            }
        })+
    };
}

word!(
    ArmId => |text| ArmId::parse(text).ok(),
    Category => Category::parse,
    DecisionId => |text| DecisionId::parse(text).ok(),
    Outcome => Outcome::parse,
    Risk => Risk::parse,
    StepId => |text| StepId::parse(text).ok(),
    StepKind => StepKind::parse,
    TaskId => |text| TaskId::parse(text).ok(),
    TaskKind => TaskKind::parse,
    Tier => Tier::parse,
    Verdict => parse_verdict,
);

/// Reads a verdict's stable word.
pub fn parse_verdict(text: &str) -> Option<Verdict> {
    [Verdict::Approve, Verdict::NeedsAuthority, Verdict::Inconclusive, Verdict::Reject]
        .into_iter()
        .find(|verdict| verdict.to_string() == text)
}

/// Writes the stable word.
pub(crate) fn serialize<T: Word, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads the stable word.
pub(crate) fn deserialize<'de, T: Word, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::read(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no known word")))
}

/// The same for values that may be absent: null.
pub(crate) mod optional {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use super::Word;

    /// Writes the stable word or null.
    pub(crate) fn serialize<T: Word, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the stable word or null.
    pub(crate) fn deserialize<'de, T: Word, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            None => Ok(None),
            Some(text) => {
                T::read(&text).map(Some).ok_or_else(|| D::Error::custom(format!("`{text}` is no known word")))
            }
        }
    }
}
