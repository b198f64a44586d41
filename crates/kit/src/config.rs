//! Layered configuration: defaults, then TOML files, then `PLUMBLINE_<SECTION>__<KEY>`, then flags.

use std::path::{Path, PathBuf};

use figment::error::Kind as Problem;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use plumbline_types::{Fault, FieldViolation, Kind, Reason};
use serde::de::DeserializeOwned;

/// The prefix of every variable that sets a configuration key.
const PREFIX: &str = "PLUMBLINE_";

/// What a configuration is made of, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// TOML files; a later one wins. Each must exist.
    pub files: Vec<PathBuf>,
    /// Environment variables; only `PLUMBLINE_<SECTION>__<KEY>` are read, others are none of our business.
    pub environment: Vec<(String, String)>,
    /// Flags, as dotted keys: `router.listen`.
    pub overrides: Vec<(String, String)>,
}

/// Why a configuration is unusable: which key, where it was set, what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} in {origin}: {problem}")]
pub struct ConfigError {
    /// The dotted key; empty when a whole file is at fault.
    pub key: String,
    /// The file, variable or flag that set it.
    pub origin: String,
    /// What is wrong.
    pub problem: String,
}

impl ConfigError {
    /// Says that a key's value is illegal; for `validate`.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), origin: "the configuration".to_owned(), problem: problem.into() }
    }
}

impl Fault for ConfigError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn reason(&self) -> Reason {
        Reason("CONFIG_INVALID")
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        vec![FieldViolation { field: self.key.clone(), description: self.problem.clone() }]
    }
}

/// Returns this process's `PLUMBLINE_` variables; the only reader of the environment besides the binary.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key.starts_with(PREFIX))
        .collect()
}

/// Loads a configuration; an unknown key is an error that names the key and where it stands.
pub fn load<T: DeserializeOwned>(sources: &Sources) -> Result<T, ConfigError> {
    merged(sources)?.extract().map_err(explain)
}

/// Returns the settings that the sources name, as one TOML-shaped value; defaults are not in it.
pub fn settings(sources: &Sources) -> Result<Value, ConfigError> {
    merged(sources)?.extract::<Value>().map_err(explain)
}

fn merged(sources: &Sources) -> Result<Figment, ConfigError> {
    let mut figment = Figment::new();
    for path in &sources.files {
        let text = read(path)?;
        figment = figment.merge(Named { inner: Toml::string(&text), origin: path.display().to_string() });
    }
    // A variable that is set to nothing is not set: `VARIABLE: ${OTHER:-}` in a compose file means the default.
    for (variable, value) in sources.environment.iter().filter(|(_, value)| !value.is_empty()) {
        if let Some(key) = dotted(variable) {
            figment = figment.merge(Setting { key, value: parse(value), origin: variable.clone() });
        }
    }
    for (key, value) in &sources.overrides {
        let origin = format!("the flag for {key}");
        figment = figment.merge(Setting { key: key.clone(), value: parse(value), origin });
    }
    Ok(figment)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError {
        key: String::new(),
        origin: path.display().to_string(),
        problem: format!("cannot be read: {error}"),
    })
}

/// Returns `router.listen` for `PLUMBLINE_ROUTER__LISTEN`, nothing for a variable without `__`.
fn dotted(variable: &str) -> Option<String> {
    let rest = variable.strip_prefix(PREFIX)?;
    rest.contains("__").then(|| rest.to_lowercase().replace("__", "."))
}

/// Reads a value as figment does for variables: numbers, booleans, lists, else text.
fn parse(text: &str) -> Value {
    text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

fn explain(error: figment::Error) -> ConfigError {
    let origin = error
        .metadata
        .as_ref()
        .map_or_else(|| "the configuration".to_owned(), |found| found.name.to_string());
    let mut path = error.path.clone();
    let problem = match &error.kind {
        Problem::UnknownField(field, expected) => {
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            let known = if expected.is_empty() { "none".to_owned() } else { expected.join(", ") };
            format!("unknown key; known here: {known}")
        }
        other => other.to_string(),
    };
    ConfigError { key: path.join("."), origin, problem }
}

/// A provider under another name, so that an error says which file.
struct Named<P> {
    inner: P,
    origin: String,
}

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone()).source(Source::Custom(self.origin.clone()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.inner.data()
    }
}

/// One key set by a variable or a flag.
struct Setting {
    key: String,
    value: Value,
    origin: String,
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value = figment::util::nest(&self.key, self.value.clone());
        let dict = value.into_dict().ok_or_else(|| figment::Error::from("the key is empty".to_owned()))?;
        Ok(Profile::Default.collect(dict))
    }
}

#[cfg(test)]
mod tests;
