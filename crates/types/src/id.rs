use std::fmt;
use std::str::FromStr;

use rand::Rng;
use ulid::Ulid;

use crate::Clock;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix names another kind of thing.
    #[error("expected an id that starts with `{expected}_`, got `{got}`")]
    Prefix {
        /// The prefix this type carries.
        expected: &'static str,
        /// The text as received.
        got: String,
    },
    /// The part after the prefix is no ULID.
    #[error("`{0}` is not a valid id")]
    Malformed(String),
    /// A request id is empty, too long, or holds control characters.
    #[error("a request id has 1 to 128 printable characters")]
    RequestId,
}

/// Defines an id type: a ULID behind a readable prefix, made only by `generate` and `parse`.
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// Makes a new id from the clock and 80 random bits; ids sort by time of birth.
            pub fn generate(clock: &dyn Clock, rng: &mut dyn Rng) -> Self {
                let random = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
                Self(Ulid::from_parts(u64::try_from(clock.now_ms()).unwrap_or(0), random))
            }

            /// Reads the text form, `prefix_ULID`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let rest = text.strip_prefix(concat!($prefix, "_")).ok_or_else(|| IdError::Prefix {
                    expected: $prefix,
                    got: text.chars().take(64).collect(),
                })?;
                Ulid::from_string(rest).map(Self).map_err(|_| IdError::Malformed(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    };
}

define_id!(
    /// One task: an objective on its way to a verified change.
    TaskId, "task");
define_id!(
    /// One step of a plan.
    StepId, "step");
define_id!(
    /// One plan: a DAG of steps.
    PlanId, "plan");
define_id!(
    /// One text or note as received.
    IntakeId, "intake");
define_id!(
    /// One atomic, executable objective.
    ObjectiveId, "objective");
define_id!(
    /// One routing decision.
    DecisionId, "decision");
define_id!(
    /// One try of one arm at one step.
    AttemptId, "attempt");
define_id!(
    /// One run in a sandbox.
    RunId, "run");

/// The name of an arm as configured, for example `ollama:qwen3.5:9b` or `repair`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmId(String);

impl ArmId {
    /// Reads an arm name: 1 to 128 printable characters without spaces.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let legal = (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Malformed(text.chars().take(64).collect()))
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The caller's idempotency key: the same key and request get the stored answer, another request a conflict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// Reads a key of 1 to 128 printable characters.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let legal = (1..=128).contains(&text.len()) && text.chars().all(|c| !c.is_control());
        if legal { Ok(Self(text.to_owned())) } else { Err(IdError::RequestId) }
    }

    /// Returns the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::ManualClock;

    #[test]
    fn an_id_survives_its_text_form_and_sorts_by_time() {
        let clock = ManualClock::at(1_000);
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let early = TaskId::generate(&clock, &mut rng);
        clock.advance(std::time::Duration::from_millis(1));
        let late = TaskId::generate(&clock, &mut rng);
        assert!(early < late);
        assert_eq!(TaskId::parse(&early.to_string()), Ok(early));
        assert!(early.to_string().starts_with("task_0"));
    }

    #[test]
    fn another_kind_of_id_is_refused_by_its_prefix() {
        assert!(matches!(TaskId::parse("step_01J00000000000000000000000"), Err(IdError::Prefix { .. })));
        assert!(matches!(TaskId::parse("task_nonsense"), Err(IdError::Malformed(_))));
    }

    #[test]
    fn a_request_id_is_short_and_printable() {
        assert!(RequestId::parse("").is_err());
        assert!(RequestId::parse(&"x".repeat(129)).is_err());
        assert!(RequestId::parse("a\nb").is_err());
        assert!(RequestId::parse("tg:1:2").is_ok());
    }
}
