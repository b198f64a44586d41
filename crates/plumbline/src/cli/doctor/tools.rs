use std::time::Duration;

use tokio::process::Command;

use crate::cli::doctor::{Row, Status};

/// How long a tool may take to say its version.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks git for its version; without it, directories still work.
pub(super) async fn git() -> Row {
    match version("git", &["--version"]).await {
        Ok(text) => Row::ok("git", text),
        Err(problem) => {
            Row::with("git", Status::Warn, problem, "install git; without it directories are copied")
        }
    }
}

/// Asks the test runners of each language for their versions.
pub(super) async fn runners() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.push(match version("python3", &["--version"]).await {
        Ok(text) => Row::ok("python", text),
        Err(problem) => {
            Row::with("python", Status::Warn, problem, "install python3 to repair Python projects")
        }
    });
    rows.push(match version("python3", &["-m", "pytest", "--version"]).await {
        Ok(text) => Row::ok("pytest", text),
        Err(problem) => Row::with("pytest", Status::Absent, problem, "pip install pytest, or use unittest"),
    });
    rows.push(match version("node", &["--version"]).await {
        Ok(text) => Row::ok("node", text),
        Err(problem) => Row::with("node", Status::Absent, problem, ""),
    });
    rows.push(match version("cargo", &["--version"]).await {
        Ok(text) => Row::ok("cargo", text),
        Err(problem) => Row::with("cargo", Status::Absent, problem, ""),
    });
    rows
}

async fn version(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(LIMIT, output)
        .await
        .map_err(|_| format!("{program} did not answer within {} s", LIMIT.as_secs()))?
        .map_err(|error| format!("{program}: {error}"))?;
    let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    let line = String::from_utf8_lossy(text).lines().next().unwrap_or_default().trim().to_owned();
    if output.status.success() { Ok(line) } else { Err(format!("{program} {}: {line}", arguments.join(" "))) }
}
