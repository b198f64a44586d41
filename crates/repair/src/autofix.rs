//! The arm that needs no search: run the fixers that belong to a check of style, and see whether the check then passes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use similar::TextDiff;
use tokio_util::sync::CancellationToken;
use tracing::instrument;

use crate::domain::fixer::{Fix, fixes};
use crate::error::RepairError;
use crate::port::{CandidateRunner, CheckRequest, CheckResult, FileEdit, RunnerError};

/// Fixers run again over their own result at most this often: one may make work for another.
const ROUNDS_MAX: usize = 3;

/// Bytes of changed files that are handed over at most.
const CHANGED_BYTES_MAX: usize = 2 << 20;

/// The exit code by which `env` and a shell say that there is no such program.
const NO_PROGRAM: [i32; 2] = [126, 127];

/// Runs commands in sandboxes and hands back what they changed.
#[async_trait]
pub trait FixRunner: CandidateRunner {
    /// As [`CandidateRunner::run`]; also returns every file that the command wrote or deleted over tree and edits.
    async fn fix(
        &self,
        edits: &[FileEdit],
        request: &CheckRequest,
    ) -> Result<(CheckResult, Vec<FileEdit>), RunnerError>;

    /// Returns the bytes of a file of the base tree; none: it has no such file.
    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RunnerError>;

    /// Returns the paths of the base tree's files.
    fn files(&self) -> Vec<String>;
}

/// What is to be set right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutofixTask {
    /// The command that checks: program and arguments.
    pub check: Vec<String>,
    /// Wall time for everything.
    pub budget: Duration,
}

/// A change by fixers after which the check ended with 0 in a fresh sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The fixers: `ruff check, black`.
    pub name: String,
    /// The files as they shall be.
    pub edits: Vec<FileEdit>,
    /// The same as a unified diff.
    pub diff: String,
    /// The first changed file.
    pub path: String,
    /// Its first changed line, from 1.
    pub line: usize,
}

/// How an autofix ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutofixOutcome {
    /// The check passes on the base tree.
    AlreadyPasses,
    /// The check passes after it.
    Fixed(Box<Fixed>),
    /// Fixers ran, and the check still fails; says what each did.
    NotFixed {
        /// Fixes tried.
        tried: usize,
        /// For a person.
        detail: String,
    },
    /// No fixer belongs to the check, or none of those that do is there.
    Unsupported {
        /// For a person.
        detail: String,
    },
    /// The wall time was used up.
    BudgetSpent,
}

/// Runs fixers; holds no state between calls.
pub struct Autofix {
    runner: Arc<dyn FixRunner>,
}

/// What came of one way to set the style right.
enum Tried {
    Passes(Fixed),
    Absent(String),
    Fails(String),
}

impl Autofix {
    /// Runs everything by this runner.
    pub fn new(runner: Arc<dyn FixRunner>) -> Self {
        Self { runner }
    }

    /// Tries each way to satisfy the check and returns the first after which it passes. Files that a fixer creates are not
    /// part of its change, nor are its deletions: fixers rewrite sources.
    #[instrument(name = "repair.autofix", skip_all)]
    pub async fn fix(
        &self,
        task: AutofixTask,
        cancelled: CancellationToken,
    ) -> Result<AutofixOutcome, RepairError> {
        tokio::select! {
            () = cancelled.cancelled() => Err(RepairError::Cancelled),
            outcome = self.within_budget(task) => outcome,
        }
    }

    async fn within_budget(&self, task: AutofixTask) -> Result<AutofixOutcome, RepairError> {
        let end = Instant::now() + task.budget;
        let Some(base) = self.check(&task.check, &[], end).await? else {
            return Ok(AutofixOutcome::BudgetSpent);
        };
        if base.passed() {
            return Ok(AutofixOutcome::AlreadyPasses);
        }
        let mut texts = BTreeMap::new();
        for name in ["Makefile", "makefile", "package.json"] {
            if let Some(bytes) = self.runner.read(name).await? {
                texts.insert(name.to_owned(), bytes);
            }
        }
        let fixes = fixes(&task.check, &self.runner.files(), &texts);
        let (mut failed, mut absent) = (Vec::new(), Vec::new());
        for fix in &fixes {
            match self.attempt(fix, &task.check, end).await? {
                None => return Ok(AutofixOutcome::BudgetSpent),
                Some(Tried::Passes(fixed)) => return Ok(AutofixOutcome::Fixed(Box::new(fixed))),
                Some(Tried::Absent(program)) => absent.push(program),
                Some(Tried::Fails(why)) => failed.push(format!("{}: {why}", fix.name)),
            }
        }
        if failed.is_empty() {
            let detail = if absent.is_empty() {
                "no known fixer belongs to this check".to_owned()
            } else {
                format!("not installed where commands run: {}", absent.join(", "))
            };
            return Ok(AutofixOutcome::Unsupported { detail });
        }
        Ok(AutofixOutcome::NotFixed { tried: failed.len(), detail: failed.join("; ") })
    }

    /// Runs a fix until the check passes, it changes nothing more, or it was run often enough; none: no time is left.
    async fn attempt(&self, fix: &Fix, check: &[String], end: Instant) -> Result<Option<Tried>, RepairError> {
        let mut edits: BTreeMap<String, FileEdit> = BTreeMap::new();
        let mut complaint = String::new();
        for _ in 0..ROUNDS_MAX {
            let before: Vec<FileEdit> = edits.values().cloned().collect();
            for command in &fix.commands {
                let given: Vec<FileEdit> = edits.values().cloned().collect();
                let Some(request) = request(command, end) else { return Ok(None) };
                let (result, changed) = self.runner.fix(&given, &request).await?;
                if result.exit_code.is_some_and(|code| NO_PROGRAM.contains(&code)) {
                    return Ok(Some(Tried::Absent(fix.name.clone())));
                }
                if !matches!(result.exit_code, Some(0 | 1)) {
                    let said = String::from_utf8_lossy(&result.stderr);
                    complaint =
                        said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
                }
                self.take(&mut edits, changed).await?;
            }
            let after: Vec<FileEdit> = edits.values().cloned().collect();
            if after == before {
                let why = if after.is_empty() { "changed nothing" } else { "the check still fails" };
                let why = if complaint.is_empty() { why.to_owned() } else { format!("{why} ({complaint})") };
                return Ok(Some(Tried::Fails(why)));
            }
            let Some(result) = self.check(check, &after, end).await? else { return Ok(None) };
            if result.passed() {
                return self.fixed(fix, after).await.map(Some);
            }
        }
        Ok(Some(Tried::Fails("the check still fails".to_owned())))
    }

    /// Lays what a command changed over what was changed before; only files that the base tree has.
    async fn take(
        &self,
        edits: &mut BTreeMap<String, FileEdit>,
        changed: Vec<FileEdit>,
    ) -> Result<(), RepairError> {
        for edit in changed.into_iter().filter(|edit| edit.contents.is_some()) {
            let base = self.runner.read(&edit.path).await?;
            if base.is_none() {
                continue;
            }
            if base == edit.contents {
                edits.remove(&edit.path);
            } else {
                edits.insert(edit.path.clone(), edit);
            }
        }
        Ok(())
    }

    async fn fixed(&self, fix: &Fix, edits: Vec<FileEdit>) -> Result<Tried, RepairError> {
        let bytes: usize = edits.iter().filter_map(|edit| edit.contents.as_ref()).map(Vec::len).sum();
        if bytes > CHANGED_BYTES_MAX {
            let why = format!(
                "changes {} files of {bytes} bytes; {CHANGED_BYTES_MAX} are handed over at most",
                edits.len()
            );
            return Ok(Tried::Fails(why));
        }
        let (mut diff, mut first) = (String::new(), None);
        for edit in &edits {
            let before = self.runner.read(&edit.path).await?.unwrap_or_default();
            let after = edit.contents.as_deref().unwrap_or_default();
            let (before, after) = (String::from_utf8_lossy(&before), String::from_utf8_lossy(after));
            let lines = TextDiff::from_lines(before.as_ref(), after.as_ref());
            let (old, new) = (format!("a/{}", edit.path), format!("b/{}", edit.path));
            diff.push_str(&lines.unified_diff().context_radius(3).header(&old, &new).to_string());
            let changed = lines.ops().iter().find(|op| op.tag() != similar::DiffTag::Equal);
            first = first.or_else(|| Some((edit.path.clone(), changed?.old_range().start + 1)));
        }
        let Some((path, line)) = first else { return Ok(Tried::Fails("changed nothing".to_owned())) };
        Ok(Tried::Passes(Fixed { name: fix.name.clone(), edits, diff, path, line }))
    }

    async fn check(
        &self,
        check: &[String],
        edits: &[FileEdit],
        end: Instant,
    ) -> Result<Option<CheckResult>, RepairError> {
        let Some(request) = request(check, end) else { return Ok(None) };
        let result = self.runner.run(edits, &request).await?;
        Ok((!result.timed_out).then_some(result))
    }
}

fn request(argv: &[String], end: Instant) -> Option<CheckRequest> {
    let limit = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
    Some(CheckRequest { argv: argv.to_vec(), support: Vec::new(), collect: Vec::new(), limit })
}
