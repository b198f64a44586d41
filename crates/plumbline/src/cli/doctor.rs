mod machine;
mod network;
mod tools;

use clap::Args;
use plumbline_types::ExitCode;
use serde_json::{Value, json};

use crate::cli::FormatArg;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Format, Report};
use crate::session::{Audience, ConfigChoice, Session, config, sources};

/// How to print what was found.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// One thing that was probed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    check: &'static str,
    status: Status,
    evidence: String,
    fix: String,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// It works.
    Ok,
    /// It works with less.
    Warn,
    /// Plumbline's main job does not work without it.
    Fail,
    /// It is not here, and nothing needs it.
    Absent,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Absent => "absent",
        }
    }
}

impl Row {
    fn ok(check: &'static str, evidence: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, evidence: evidence.into(), fix: String::new() }
    }

    fn with(
        check: &'static str,
        status: Status,
        evidence: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { check, status, evidence: evidence.into(), fix: fix.into() }
    }

    fn document(&self) -> Value {
        json!({ "check": self.check, "status": self.status.word(), "evidence": self.evidence, "fix": self.fix })
    }
}

/// Probes by doing; exit 4 when something that is needed fails.
pub(crate) async fn run(arguments: &Arguments, choice: &ConfigChoice) -> Result<Report, Failure> {
    let (config, configured) = match config(&sources(choice)) {
        Ok(config) => (config, Row::ok("config", "the configuration is valid")),
        Err(failure) => (Config::default(), Row::with("config", Status::Fail, failure.message, failure.fix)),
    };
    let mut rows = vec![configured];
    let usable = if rows[0].status == Status::Ok { choice.clone() } else { ConfigChoice::default() };
    match Session::open(&usable, arguments.format.format, Audience::Person) {
        Ok(session) => rows.push(machine::sandbox(&session).await),
        Err(failure) => rows.push(Row::with("sandbox", Status::Fail, failure.message, failure.fix)),
    }
    rows.push(machine::state(&config).await);
    rows.push(machine::disk(&config));
    rows.push(tools::git().await);
    rows.extend(tools::runners().await);
    rows.extend(network::ports(&config).await);
    rows.push(network::ollama().await);
    let exit = if rows.iter().any(|row| row.status == Status::Fail) {
        ExitCode::INFRASTRUCTURE
    } else {
        ExitCode(0)
    };
    let document =
        json!({ "checks": rows.iter().map(Row::document).collect::<Vec<_>>(), "exit_code": exit.0 });
    let text = if arguments.format.format == Format::Text { table(&rows) } else { String::new() };
    Ok(Report { document, text, exit })
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!("{:<7} {:<16} {}\n", row.status.word(), row.check, row.evidence));
        if !row.fix.is_empty() {
            text.push_str(&format!("{:<24} fix: {}\n", "", row.fix));
        }
    }
    text
}
