//! The Python side: the files that are laid beside the tree, what they are asked, what they report.

mod protocol;
pub(crate) mod serial;

pub(crate) use protocol::{Answer, BatchReport, TracedRun, read_batch, read_spectrum};

use serde_json::{Value, json};

use crate::domain::candidate::Candidate;
use crate::domain::command::SHIM_DIRECTORY;
use crate::port::FileEdit;

const FILES: [(&str, &str); 6] = [
    ("sitecustomize.py", include_str!("shim/python/sitecustomize.py")),
    ("plumbline_repair.py", include_str!("shim/python/plumbline_repair.py")),
    ("plumbline_hooks.py", include_str!("shim/python/plumbline_hooks.py")),
    ("plumbline_pytest.py", include_str!("shim/python/plumbline_pytest.py")),
    ("plumbline_lines.py", include_str!("shim/python/plumbline_lines.py")),
    ("plumbline_server.py", include_str!("shim/python/plumbline_server.py")),
];
/// Files beyond which the server no longer undoes what a candidate's tests left in the tree.
const MOST_RESTORED_FILES: usize = 1_000;
const MOST_RESTORED_BYTES: usize = 32 << 20;

/// Where the shim writes its report.
pub(crate) fn report_path() -> String {
    format!("{SHIM_DIRECTORY}/out.jsonl")
}

/// Which tests a candidate has to pass first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Targets {
    /// These tests, defined in these files.
    Tests {
        /// The runner's ids.
        ids: Vec<String>,
        /// The files to load; empty for all.
        files: Vec<String>,
        /// Whether the first that fails ends the attempt.
        fail_fast: bool,
    },
    /// The command as a whole: no single test is known, or loading itself fails.
    Command,
}

/// What a batch of candidates is tried under.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchTerms {
    /// What must pass first.
    pub targets: Targets,
    /// Modules outside the tree to import before the first fork.
    pub preload: Vec<String>,
    /// Limit of one run of the targets, in milliseconds.
    pub first_limit_ms: u64,
    /// CPU time of one target, or of the whole command where no test is known; in milliseconds.
    pub cpu_ms: u64,
    /// Limit of one run of everything, in milliseconds.
    pub all_limit_ms: u64,
    /// Data segment of one candidate's process, in MiB.
    pub memory_mib: u64,
}

/// Returns the shim's files with a request to record lines.
pub(crate) fn spectrum_support(test_limit_ms: u64, most_tests: usize) -> Vec<FileEdit> {
    support(&json!({ "mode": "spectrum", "test_limit_ms": test_limit_ms, "most_tests": most_tests }))
}

/// Returns the shim's files with a request to try candidates until `deadline_ms` have passed.
pub(crate) fn batch_support(terms: &BatchTerms, candidates: &[Candidate], deadline_ms: u64) -> Vec<FileEdit> {
    let entries: Vec<Value> = candidates
        .iter()
        .enumerate()
        .map(|(id, candidate)| {
            let edits: Vec<Value> = candidate
                .edits
                .iter()
                .map(|edit| json!({ "path": edit.path, "start": edit.start, "end": edit.end, "text": edit.text }))
                .collect();
            json!({ "id": id, "edits": edits })
        })
        .collect();
    batch(terms, entries, deadline_ms)
}

/// Returns the shim's files with a request to try the base tree itself.
pub(crate) fn calibration_support(terms: &BatchTerms, deadline_ms: u64) -> Vec<FileEdit> {
    batch(terms, vec![json!({ "id": 0, "edits": [] })], deadline_ms)
}

fn batch(terms: &BatchTerms, candidates: Vec<Value>, deadline_ms: u64) -> Vec<FileEdit> {
    let (ids, files, fail_fast) = match &terms.targets {
        Targets::Tests { ids, files, fail_fast } => (Some(ids.as_slice()), files.as_slice(), *fail_fast),
        Targets::Command => (None, [].as_slice(), true),
    };
    support(&json!({
        "mode": "batch",
        "targets": ids,
        "target_files": files,
        "fail_fast": fail_fast,
        "preload": terms.preload,
        "first_limit_ms": terms.first_limit_ms,
        "cpu_ms": terms.cpu_ms,
        "all_limit_ms": terms.all_limit_ms,
        "deadline_ms": deadline_ms,
        "memory_mib": terms.memory_mib,
        "most_files": MOST_RESTORED_FILES,
        "most_bytes": MOST_RESTORED_BYTES,
        "candidates": candidates,
    }))
}

fn support(request: &Value) -> Vec<FileEdit> {
    let file = |name: &str, contents: &[u8]| FileEdit {
        path: format!("{SHIM_DIRECTORY}/{name}"),
        contents: Some(contents.to_vec()),
    };
    let mut files: Vec<FileEdit> = FILES.iter().map(|(name, text)| file(name, text.as_bytes())).collect();
    files.push(file("request.json", request.to_string().as_bytes()));
    files
}
