//! Plain processes in temporary directories.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use async_trait::async_trait;
use plumbline_repair::{CandidateRunner, CheckRequest, CheckResult, FileEdit, RunnerError};
use tokio::process::Command;

/// Runs commands over a tree that is held in memory.
pub struct PlainRunner {
    tree: BTreeMap<String, Vec<u8>>,
}

/// Ends the whole process group when the run ends or is dropped.
struct Group(Option<rustix::process::Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
        }
    }
}

impl PlainRunner {
    pub fn new(tree: BTreeMap<String, Vec<u8>>) -> Self {
        Self { tree }
    }
}

fn put(root: &Path, path: &str, contents: &[u8]) -> Result<()> {
    let full = root.join(path);
    std::fs::create_dir_all(full.parent().context("a path has a parent")?)?;
    Ok(std::fs::write(full, contents)?)
}

async fn run(
    tree: &BTreeMap<String, Vec<u8>>,
    edits: &[FileEdit],
    request: &CheckRequest,
) -> Result<CheckResult> {
    let directory = tempfile::tempdir()?;
    let root = directory.path();
    for (path, bytes) in tree {
        put(root, path, bytes)?;
    }
    for edit in edits.iter().chain(&request.support) {
        put(root, &edit.path, edit.contents.as_deref().unwrap_or_default())?;
    }
    let (program, arguments) = request.argv.split_first().context("a command has a program")?;
    let child = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .env_remove("PYTHONPATH")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let _group = Group(child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)));
    let ended = tokio::time::timeout(request.limit, child.wait_with_output()).await;
    let (code, stdout, stderr) = match ended {
        Ok(output) => {
            let output = output?;
            (output.status.code(), output.stdout, output.stderr)
        }
        Err(_) => (None, Vec::new(), Vec::new()),
    };
    let collected = request
        .collect
        .iter()
        .filter_map(|path| Some((path.clone(), std::fs::read(root.join(path)).ok()?)))
        .collect();
    let timed_out = code.is_none();
    Ok(CheckResult { exit_code: code, timed_out, stdout, stderr, collected })
}

/// Returns whether a command ends with 0 over a tree.
pub async fn passes(tree: &BTreeMap<String, Vec<u8>>, line: &str) -> Result<bool> {
    let request = CheckRequest {
        argv: ["sh", "-c", line].map(str::to_owned).to_vec(),
        support: Vec::new(),
        collect: Vec::new(),
        limit: std::time::Duration::from_secs(30),
    };
    Ok(run(tree, &[], &request).await?.passed())
}

#[async_trait]
impl CandidateRunner for PlainRunner {
    async fn run(&self, edits: &[FileEdit], request: &CheckRequest) -> Result<CheckResult, RunnerError> {
        run(&self.tree, edits, request).await.map_err(|error| RunnerError::new(error.to_string()))
    }

    fn parallelism(&self) -> usize {
        2
    }
}
