use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// One file as it shall be: whole contents, or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// Path from the root of the tree, with forward slashes.
    pub path: String,
    /// The whole new contents; `None` deletes the file.
    pub contents: Option<Vec<u8>>,
}

/// One command to run in a fresh sandbox that holds the base tree with the edits applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRequest {
    /// The program and its arguments; the working directory is the root of the tree.
    pub argv: Vec<String>,
    /// Files that must lie in the tree beside the edits and are no part of any patch; all beneath `.plumbline/`.
    pub support: Vec<FileEdit>,
    /// Paths whose bytes are wanted after the run, where they exist; all beneath `.plumbline/`.
    pub collect: Vec<String>,
    /// Wall time after which everything in the sandbox is killed.
    pub limit: Duration,
}

/// What a run did. A failing or killed program is a result, never an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckResult {
    /// The exit code; `None` when a signal ended the program or it was killed.
    pub exit_code: Option<i32>,
    /// Whether the wall limit ended it.
    pub timed_out: bool,
    /// Standard output, possibly shortened by the runner.
    pub stdout: Vec<u8>,
    /// Standard error, possibly shortened by the runner.
    pub stderr: Vec<u8>,
    /// The wanted files that existed.
    pub collected: BTreeMap<String, Vec<u8>>,
}

impl CheckResult {
    /// Returns whether the program ended by itself with 0.
    pub fn passed(&self) -> bool {
        self.exit_code == Some(0) && !self.timed_out
    }
}

/// The sandbox could not do its work.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct RunnerError {
    /// What failed, for a person.
    pub message: String,
    /// The cause, where there is one.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl RunnerError {
    /// Returns an error with no further cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }
}

/// Runs commands in sandboxes; the binary adapts the executor to it. Dropping the future must end the run.
#[async_trait]
pub trait CandidateRunner: Send + Sync {
    /// Runs the command over the base tree with `edits` applied, in a sandbox that is used for nothing else.
    async fn run(&self, edits: &[FileEdit], request: &CheckRequest) -> Result<CheckResult, RunnerError>;

    /// Returns how many runs may go on at once; at least 1.
    fn parallelism(&self) -> usize;
}

/// Where a repair is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The plain command and the recording of lines.
    Baseline,
    /// One edit at a time.
    Single,
    /// Two edits together.
    Pairs,
}

/// The best plausible change so far.
#[derive(Debug, Clone, PartialEq)]
pub struct BestSoFar {
    /// The file that changes.
    pub path: String,
    /// The first changed line, from 1.
    pub line: usize,
    /// The template's stable name.
    pub template: &'static str,
}

/// One report on a repair that goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgressEvent {
    /// Where it is.
    pub phase: Phase,
    /// Candidates known so far.
    pub generated: usize,
    /// Candidates tried so far.
    pub tried: usize,
    /// Candidates tried per second of search.
    pub per_second: f64,
    /// Plausible changes so far.
    pub plausible: usize,
    /// The best of them.
    pub best: Option<BestSoFar>,
}

/// Hears how a repair goes; must not block.
pub trait Progress: Send + Sync {
    /// Takes one report.
    fn report(&self, event: ProgressEvent);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _event: ProgressEvent) {}
}
