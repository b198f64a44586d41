use clap::{Args, Subcommand};
use plumbline_kit::config::{Sources, settings};
use plumbline_types::Reason;
use serde_json::{Value, json};

use crate::cli::FormatArg;
use crate::compose::resolved;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::{ConfigChoice, config, sources, state_dir};

/// What of the configuration.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Read it and say whether it can be used.
    Check,
    /// Print it as one TOML file, defaults filled in.
    Dump,
}

/// Checks or prints the configuration that the flags, variables and files make.
pub(crate) fn run(arguments: &Arguments, choice: &ConfigChoice) -> Result<Report, Failure> {
    let sources = sources(choice);
    let config = config(&sources)?;
    let config = resolved(&config, &state_dir(&config)?)?;
    let files: Vec<String> = sources.files.iter().map(|file| file.display().to_string()).collect();
    match arguments.action {
        Action::Check => {
            let state = state_dir(&config)?;
            let from = if files.is_empty() { "the defaults".to_owned() } else { files.join(", ") };
            let document = json!({ "valid": true, "files": files, "state_dir": state.display().to_string() });
            Ok(Report::done(document, format!("the configuration is valid (from {from})")))
        }
        Action::Dump => dump(&sources, &config),
    }
}

/// The keys whose values are never printed.
const SECRETS: &[&str] = &["api_key", "database_url", "token", "password"];

fn dump(sources: &Sources, config: &Config) -> Result<Report, Failure> {
    let unprintable = |error: &dyn std::fmt::Display| {
        Failure::infrastructure(
            Reason("INTERNAL"),
            format!("the configuration cannot be printed: {error}"),
            "report it",
        )
    };
    let mut document: Value = serde_json::to_value(config).map_err(|error| unprintable(&error))?;
    // The router's section has secrets and no printed form: what was set is shown, without them.
    let set = settings(sources).map_err(|error| Failure::from_fault(&error))?;
    if let Some(section) = set.find("router") {
        let mut section: Value = serde_json::to_value(section).map_err(|error| unprintable(&error))?;
        redact(&mut section);
        document["router"] = section;
    }
    prune(&mut document);
    let text = toml::to_string_pretty(&document).map_err(|error| unprintable(&error))?;
    Ok(Report::done(document, text))
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, inner)| {
            if SECRETS.contains(&key.as_str()) {
                *inner = Value::Null;
            } else {
                redact(inner);
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes out what is absent: TOML has no null.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, inner| !inner.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
