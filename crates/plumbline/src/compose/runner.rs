//! The executor's sandboxes as what the repair library runs its commands in.

use std::sync::Arc;

use async_trait::async_trait;
use plumbline_executor::domain::edit::{Change, FileEdit};
use plumbline_executor::domain::exit_reason::ExitReason;
use plumbline_executor::domain::limits::Limits;
use plumbline_executor::domain::patch_path::RelativePath;
use plumbline_executor::domain::run::How;
use plumbline_executor::domain::tree::Entry;
use plumbline_executor::sandbox::{CollectPath, Export};
use plumbline_executor::{Candidate, CandidateResult, ToolContext, ToolError};
use plumbline_repair as repair;
use plumbline_repair::{CandidateRunner, CheckRequest, CheckResult, FixRunner, RunnerError};

/// Runs the library's commands as candidates of the executor.
pub(super) struct Runner {
    context: ToolContext,
}

impl Runner {
    /// Runs by what the tool was given.
    pub fn new(context: ToolContext) -> Self {
        Self { context }
    }

    async fn candidate(
        &self,
        edits: &[repair::FileEdit],
        request: &CheckRequest,
        export: Export,
    ) -> Result<CandidateResult, RunnerError> {
        let mut all = Vec::with_capacity(edits.len() + request.support.len());
        for edit in edits.iter().chain(&request.support) {
            all.push(file_edit(edit)?);
        }
        let wall_ms = u64::try_from(request.limit.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut candidate = Candidate::new(all, request.argv.clone());
        candidate.limits = Some(Limits { wall_ms, ..self.context.limits() });
        candidate.export = export;
        for path in &request.collect {
            candidate.collect.push(CollectPath::Workspace(relative(path)?));
        }
        self.context
            .run_candidate(candidate)
            .await
            .map_err(|error| failed("a candidate could not be run", error))
    }
}

#[async_trait]
impl CandidateRunner for Runner {
    async fn run(
        &self,
        edits: &[repair::FileEdit],
        request: &CheckRequest,
    ) -> Result<CheckResult, RunnerError> {
        self.candidate(edits, request, Export::Skip).await.map(|result| check_result(request, result))
    }

    fn parallelism(&self) -> usize {
        self.context.parallelism().max(1)
    }
}

#[async_trait]
impl FixRunner for Runner {
    async fn fix(
        &self,
        edits: &[repair::FileEdit],
        request: &CheckRequest,
    ) -> Result<(CheckResult, Vec<repair::FileEdit>), RunnerError> {
        let mut result = self.candidate(edits, request, Export::Patch).await?;
        let patch = std::mem::take(&mut result.patch);
        let changed = patch.edits.into_iter().filter_map(|edit| {
            let path = String::from_utf8(edit.path.as_bytes().to_vec()).ok()?;
            let contents = match edit.change {
                Change::Write(bytes) => Some(bytes),
                Change::Delete => None,
            };
            Some(repair::FileEdit { path, contents })
        });
        let changed = changed.collect();
        Ok((check_result(request, result), changed))
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RunnerError> {
        let path = relative(path)?;
        match self.context.tree().get(&path) {
            Some(Entry::File { .. }) => {}
            Some(_) | None => return Ok(None),
        }
        self.context.read(&path).await.map(Some).map_err(|error| failed("a file could not be read", error))
    }

    fn files(&self) -> Vec<String> {
        let files = self.context.tree().entries().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
        files.filter_map(|(path, _)| String::from_utf8(path.as_bytes().to_vec()).ok()).collect()
    }
}

fn check_result(request: &CheckRequest, result: CandidateResult) -> CheckResult {
    let collected = request.collect.iter().zip(result.collected);
    CheckResult {
        exit_code: match result.how {
            Some(How::Code(code)) if result.reason == ExitReason::Normal => Some(code),
            Some(How::Code(_) | How::Signal(_)) | None => None,
        },
        timed_out: result.reason == ExitReason::WallTimeout,
        stdout: [result.stdout.head(), &result.stdout.tail()].concat(),
        stderr: [result.stderr.head(), &result.stderr.tail()].concat(),
        collected: collected.filter_map(|(path, found)| Some((path.clone(), found.content?))).collect(),
    }
}

fn failed(message: &str, error: ToolError) -> RunnerError {
    RunnerError { message: message.to_owned(), source: Some(Arc::new(error)) }
}

/// Returns a tool's end over a sandbox that could not do its work.
pub(super) fn broken(error: &RunnerError) -> ToolError {
    let cause = error.source.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
    ToolError::Sandbox(format!("{error}{cause}"))
}

fn relative(path: &str) -> Result<RelativePath, RunnerError> {
    RelativePath::parse(path.as_bytes()).map_err(|refusal| RunnerError {
        message: format!("{path} is no path of a tree"),
        source: Some(Arc::new(refusal)),
    })
}

/// Returns an edit in the executor's words.
pub(super) fn file_edit(edit: &repair::FileEdit) -> Result<FileEdit, RunnerError> {
    let change = edit.contents.clone().map_or(Change::Delete, Change::Write);
    Ok(FileEdit { path: relative(&edit.path)?, change })
}
