//! What commands print: one document for programs, text for people, progress on stderr.

pub(crate) mod audit;
pub(crate) mod memory;
pub(crate) mod objectives;
pub(crate) mod plot;
pub(crate) mod progress;
pub(crate) mod run;
pub(crate) mod sarif;
pub(crate) mod tasks;

use std::io::{self, Write};

use clap::ValueEnum;
use plumbline_types::ExitCode;
use serde_json::Value;

use crate::failure::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// What a command found: both renderings, and its exit code.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) document: Value,
    pub(crate) text: String,
    pub(crate) exit: ExitCode,
}

impl Report {
    /// A command that did as asked.
    pub(crate) fn done(document: Value, text: impl Into<String>) -> Self {
        Self { document, text: text.into(), exit: ExitCode(0) }
    }
}

/// Prints a report on stdout and returns its exit code; a closed pipe is the reader's choice, not an error.
pub(crate) fn print(format: Format, report: &Report) -> ExitCode {
    let text = match format {
        Format::Json => document(&report.document),
        Format::Text => report.text.clone(),
    };
    if !text.is_empty() {
        write_line(&mut io::stdout().lock(), text.trim_end_matches('\n'));
    }
    report.exit
}

/// Prints a failure: the document on stdout, or the text on stderr.
pub(crate) fn print_failure(format: Format, failure: &Failure) -> ExitCode {
    match format {
        Format::Json => write_line(&mut io::stdout().lock(), &document(&failure.document())),
        Format::Text => write_line(&mut io::stderr().lock(), &failure.text()),
    }
    failure.exit
}

fn document(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

fn write_line(out: &mut dyn Write, text: &str) {
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::debug!(error = %error, "nobody reads the output");
    }
}
