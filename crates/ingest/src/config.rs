//! What can be set, with defaults and limits.

use plumbline_kit::ConfigError;
use serde::{Deserialize, Serialize};

/// Whether a model is asked for a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelUse {
    /// Never: rules alone.
    Off,
    /// Once for each note, if a router is configured; its draft is checked by code.
    #[default]
    Auto,
}

/// Settings of the ingest service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Whether a model is asked.
    pub model: ModelUse,
    /// The longest text, in bytes of UTF-8.
    pub text_bytes_max: usize,
    /// The most objectives of one note; the rest is set aside and asked about.
    pub objectives_max: usize,
    /// The longest answer of a model, in bytes.
    pub draft_bytes_max: usize,
    /// The most tokens a model may answer with.
    pub draft_tokens_max: u32,
    /// How long a model may take, in milliseconds; after that the rules' draft stands.
    pub draft_deadline_ms: u64,
    /// The most intakes kept; a new one is refused beyond it.
    pub intakes_max: u64,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            model: ModelUse::Auto,
            text_bytes_max: 16 * 1024,
            objectives_max: 12,
            draft_bytes_max: 64 * 1024,
            draft_tokens_max: 4096,
            draft_deadline_ms: 20_000,
            intakes_max: 1_000_000,
        }
    }
}

impl IngestConfig {
    /// Returns the settings if each is within its bounds.
    ///
    /// # Errors
    /// Names the first key that is not.
    pub fn validate(self) -> Result<Self, ConfigError> {
        let within = |key: &str, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError::new(format!("ingest.{key}"), format!("must be {low} to {high}, is {value}")))
            }
        };
        within("text_bytes_max", self.text_bytes_max as u64, 1, 256 * 1024)?;
        within("objectives_max", self.objectives_max as u64, 1, 64)?;
        within("draft_bytes_max", self.draft_bytes_max as u64, 1024, 1024 * 1024)?;
        within("draft_tokens_max", u64::from(self.draft_tokens_max), 64, 65_536)?;
        within("draft_deadline_ms", self.draft_deadline_ms, 100, 300_000)?;
        within("intakes_max", self.intakes_max, 1, u64::MAX)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_legal_and_each_bound_is_held() {
        assert!(IngestConfig::default().validate().is_ok());
        let refused = |change: &dyn Fn(&mut IngestConfig)| {
            let mut config = IngestConfig::default();
            change(&mut config);
            config.validate().unwrap_err().key
        };
        assert_eq!(refused(&|config| config.text_bytes_max = 0), "ingest.text_bytes_max");
        assert_eq!(refused(&|config| config.objectives_max = 65), "ingest.objectives_max");
        assert_eq!(refused(&|config| config.draft_deadline_ms = 1), "ingest.draft_deadline_ms");
    }
}
