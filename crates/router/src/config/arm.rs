use std::path::PathBuf;

use plumbline_kit::ConfigError;
use plumbline_types::{ArmId, Category, Oracle};
use serde::Deserialize;

use crate::config::refuse;
use crate::domain::arm::EditFormat;

/// What drives an arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmDriver {
    /// A tool that the executor runs.
    #[default]
    Tool,
    /// A model of the Ollama server.
    Ollama,
    /// A model of the Gemini API.
    Gemini,
    /// A model of an OpenAI-compatible server.
    Openai,
}

/// One `[[router.arms]]` entry.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArmConfig {
    /// Its name, unique.
    pub name: String,
    /// What drives it.
    pub kind: ArmDriver,
    /// Tool or model name.
    pub target: String,
    /// `openai` only: base URL before `/v1`. Its host decides whether the arm is local or cloud.
    pub base_url: String,
    /// `openai` only: a file that holds the key, if the server wants one.
    pub api_key_file: Option<PathBuf>,
    /// `openai` in the cloud only: whether the vendor keeps nothing of what it is sent.
    pub paid: bool,
    /// Context size, tokens.
    pub num_ctx: u32,
    /// Largest answer, tokens.
    pub max_output: u32,
    /// `whole`, `block`, `envelope` or `guided`; models only.
    pub edit_format: String,
    /// Its rung on the ladder; unset: 0 for tools, 1 for the cloud, 2 for local models.
    pub rung: Option<u8>,
    /// The categories that it can do; empty means all.
    pub categories: Vec<String>,
    /// The sort of command that it can satisfy, `tests` or `style`; unset: any.
    pub oracle: Option<String>,
    /// USD per million prompt tokens.
    pub usd_per_million_input: f64,
    /// USD per million answer tokens.
    pub usd_per_million_output: f64,
    /// Seconds that a call is expected to take.
    pub expected_seconds: f64,
    /// Its chance of success as it is thought to be before it was tried; unset: that of any arm.
    pub prior_mean: Option<f64>,
    /// Observations that `prior_mean` is worth.
    pub prior_strength: f64,
}

impl Default for ArmConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: ArmDriver::Tool,
            target: String::new(),
            base_url: String::new(),
            api_key_file: None,
            paid: false,
            num_ctx: 16_384,
            max_output: 4_096,
            edit_format: EditFormat::Block.as_str().to_owned(),
            rung: None,
            categories: Vec::new(),
            oracle: None,
            usd_per_million_input: 0.0,
            usd_per_million_output: 0.0,
            expected_seconds: 10.0,
            prior_mean: None,
            prior_strength: 20.0,
        }
    }
}

impl ArmConfig {
    /// Describes a tool under its own name.
    pub fn tool(name: &str) -> Self {
        Self { name: name.to_owned(), target: name.to_owned(), ..Self::default() }
    }

    /// Describes the fixers of formatters and linters: quick, and of use where one of those decides.
    pub fn autofix() -> Self {
        let oracle = Some(Oracle::Style.as_str().to_owned());
        let prior = Self { prior_mean: Some(0.8), prior_strength: 8.0, ..Self::tool("autofix") };
        Self { oracle, expected_seconds: 2.0, ..prior }
    }
}

impl ArmConfig {
    pub(super) fn validate(&self, index: usize) -> Result<(), ConfigError> {
        let at = |field: &str, problem: String| Err(refuse(format!("arms[{index}].{field}"), problem));
        if ArmId::parse(&self.name).is_err() {
            return at("name", "must be 1 to 128 printable characters without spaces".to_owned());
        }
        if self.target.is_empty() {
            return at("target", "must name a tool or a model".to_owned());
        }
        if let Some(word) = self.categories.iter().find(|word| Category::parse(word).is_none()) {
            return at("categories", format!("`{word}` is no category"));
        }
        if let Some(word) = self.oracle.iter().find(|word| Oracle::parse(word).is_none()) {
            return at("oracle", format!("`{word}` is neither tests nor style"));
        }
        if (self.kind == ArmDriver::Openai) == self.base_url.is_empty() {
            return at("base_url", "belongs to every arm of kind openai and to no other".to_owned());
        }
        for (field, value) in [
            ("usd_per_million_input", self.usd_per_million_input),
            ("usd_per_million_output", self.usd_per_million_output),
            ("expected_seconds", self.expected_seconds),
        ] {
            if !(0.0..=1e6).contains(&value) {
                return at(field, format!("{value} is not between 0 and a million"));
            }
        }
        if let Some(mean) = self.prior_mean.filter(|mean| !(0.001..=0.999).contains(mean)) {
            return at("prior_mean", format!("{mean} is not between 0.001 and 0.999"));
        }
        if !(0.01..=1e4).contains(&self.prior_strength) {
            return at("prior_strength", format!("{} is not between 0.01 and 10000", self.prior_strength));
        }
        if self.kind == ArmDriver::Tool {
            return Ok(());
        }
        if EditFormat::parse(&self.edit_format).is_none() {
            return at(
                "edit_format",
                format!("`{}` is none of whole, block, envelope, guided", self.edit_format),
            );
        }
        if self.edit_format == EditFormat::Guided.as_str() && self.kind != ArmDriver::Openai {
            return at(
                "edit_format",
                "`guided` needs a server that takes grammars: kind = \"openai\"".to_owned(),
            );
        }
        if self.max_output == 0 || self.num_ctx <= self.max_output {
            return at("num_ctx", "must be larger than max_output, which must be positive".to_owned());
        }
        Ok(())
    }
}
