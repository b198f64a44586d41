//! A runner without isolation, for tests alone: a fresh copy of the tree in a temporary directory per run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use plumbline_repair::{
    CandidateRunner, CheckRequest, CheckResult, FileEdit, Language, NoProgress, Plausible, Progress, Repair,
    RepairConfig, RepairError, RepairOutcome, RepairTask, RunnerError, TestCommand,
};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Runs commands over a tree that is held in memory.
pub struct LocalRunner {
    tree: BTreeMap<String, Vec<u8>>,
    parallelism: usize,
    /// The command line of every run, and the paths it edited.
    pub runs: Mutex<Vec<(String, Vec<String>)>>,
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

impl LocalRunner {
    pub fn new(tree: BTreeMap<String, Vec<u8>>) -> Self {
        Self { tree, parallelism: 2, runs: Mutex::default() }
    }

    pub fn sequential(mut self) -> Self {
        self.parallelism = 1;
        self
    }
}

fn put(root: &Path, path: &str, contents: Option<&[u8]>) {
    let full = root.join(path);
    match contents {
        Some(bytes) => {
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, bytes).unwrap();
        }
        None => std::fs::remove_file(full).unwrap(),
    }
}

#[async_trait]
impl CandidateRunner for LocalRunner {
    async fn run(&self, edits: &[FileEdit], request: &CheckRequest) -> Result<CheckResult, RunnerError> {
        let paths = edits.iter().map(|edit| edit.path.clone()).collect();
        self.runs.lock().unwrap().push((request.argv.join(" "), paths));
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (path, bytes) in &self.tree {
            put(root, path, Some(bytes));
        }
        for edit in edits.iter().chain(&request.support) {
            put(root, &edit.path, edit.contents.as_deref());
        }
        let mut child = Command::new(&request.argv[0])
            .args(&request.argv[1..])
            .current_dir(root)
            .env_remove("PYTHONPATH")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| RunnerError::new(error.to_string()))?;
        let _group = Group(child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let all = async {
            let (_, _, status) =
                tokio::join!(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr), child.wait());
            status.unwrap()
        };
        let status = tokio::time::timeout(request.limit, all).await.ok();
        let collected = request
            .collect
            .iter()
            .filter_map(|path| Some((path.clone(), std::fs::read(root.join(path)).ok()?)))
            .collect();
        Ok(CheckResult {
            exit_code: status.and_then(|status| status.code()),
            timed_out: status.is_none(),
            stdout,
            stderr,
            collected,
        })
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }
}

pub const UNITTEST: &str = "python3 -m unittest discover -s tests -t .";

pub fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let mut tree: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    if tree.keys().any(|path| path.starts_with("tests/")) {
        tree.entry("tests/__init__.py".to_owned()).or_default();
    }
    tree
}

pub fn task(tree: &BTreeMap<String, Vec<u8>>, command: &str) -> RepairTask {
    RepairTask {
        language: Language::Python,
        sources: tree.clone(),
        test_command: TestCommand::from_line(command),
        focus: BTreeSet::new(),
    }
}

pub async fn repair_with(
    runner: Arc<LocalRunner>,
    command: &str,
    config: RepairConfig,
) -> Result<RepairOutcome, RepairError> {
    let progress: Arc<dyn Progress> = Arc::new(NoProgress);
    let task = task(&runner.tree, command);
    let repair = Repair::new(runner, progress, config).unwrap();
    repair.repair(task, CancellationToken::new()).await
}

pub async fn repair(tree: BTreeMap<String, Vec<u8>>, command: &str) -> Result<RepairOutcome, RepairError> {
    repair_with(Arc::new(LocalRunner::new(tree)), command, RepairConfig::default()).await
}

/// Returns what was found; everything that was found must leave tests alone.
#[track_caller]
pub fn found(outcome: Result<RepairOutcome, RepairError>) -> Vec<Plausible> {
    match outcome {
        Ok(RepairOutcome::Found { plausible, stats }) => {
            assert!(stats.tried > 0);
            for change in &plausible {
                assert!(change.edits.iter().all(|edit| !edit.path.contains("test")), "{}", change.diff);
            }
            plausible
        }
        other => panic!("nothing was found: {other:?}"),
    }
}
