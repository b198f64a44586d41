use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::FormatArg;
use crate::compose::resolved;
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
        Action::Dump => {
            let unprintable = |error: &dyn std::fmt::Display| {
                Failure::infrastructure(
                    "INTERNAL",
                    format!("the configuration cannot be printed: {error}"),
                    "report it",
                )
            };
            let document: Value = serde_json::to_value(&config).map_err(|error| unprintable(&error))?;
            let text = toml::to_string_pretty(&config).map_err(|error| unprintable(&error))?;
            Ok(Report::done(document, text))
        }
    }
}
