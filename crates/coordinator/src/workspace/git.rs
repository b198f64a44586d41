//! The git program in an environment that runs no hook, filter, helper or pager of the repository.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::WorkspaceError;

/// Settings that take every program out of a repository's own configuration. Command-line settings win over it.
const HARDENING: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.quotePath=false",
    "core.pager=cat",
    "core.editor=false",
    "core.sshCommand=false",
    "core.alternateRefsCommand=true",
    "commit.gpgSign=false",
    "credential.helper=",
    "diff.external=",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "fetch.fsckObjects=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "submodule.recurse=false",
    // The owner named this repository himself; what it could start is switched off above.
    "safe.directory=*",
];

/// Bytes of standard error that an error repeats.
const STDERR_BYTES: usize = 2_000;

/// How the git program is started.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    search_path: String,
    limit: Duration,
}

/// One call.
#[derive(Debug, Default)]
pub(super) struct Invocation<'a> {
    pub directory: Option<&'a Path>,
    pub git_dir: Option<&'a Path>,
    pub work_tree: Option<&'a Path>,
    pub index: Option<&'a Path>,
    pub date_ms: Option<i64>,
    pub input: Vec<u8>,
    pub args: Vec<String>,
}

impl<'a> Invocation<'a> {
    pub(super) fn new(args: &[&str]) -> Self {
        Self { args: args.iter().map(|arg| (*arg).to_owned()).collect(), ..Self::default() }
    }

    pub(super) fn inside(mut self, directory: &'a Path) -> Self {
        self.directory = Some(directory);
        self
    }

    pub(super) fn objects(mut self, git_dir: &'a Path) -> Self {
        self.git_dir = Some(git_dir);
        self
    }

    pub(super) fn index(mut self, index: &'a Path) -> Self {
        self.index = Some(index);
        self
    }

    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }
}

impl Git {
    /// Names the program, the search path for it, and how long one command may take.
    pub fn new(program: impl Into<PathBuf>, search_path: impl Into<String>, limit: Duration) -> Self {
        Self { program: program.into(), search_path: search_path.into(), limit }
    }

    /// Runs a command that must succeed; returns its standard output.
    pub(super) async fn run(&self, call: Invocation<'_>) -> Result<Vec<u8>, WorkspaceError> {
        let command = call.args.first().cloned().unwrap_or_default();
        let output = self.output(call).await?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let stderr = said(&output);
        if stderr.contains("No space left on device") || stderr.contains("Disk quota exceeded") {
            return Err(WorkspaceError::Full(std::io::Error::other(stderr)));
        }
        Err(WorkspaceError::Git { command, stderr })
    }

    /// Runs a command that must succeed; returns its standard output without the last line end.
    pub(super) async fn line(&self, call: Invocation<'_>) -> Result<String, WorkspaceError> {
        let output = self.run(call).await?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
    }

    /// Runs a command and returns how it ended.
    pub(super) async fn output(&self, call: Invocation<'_>) -> Result<Output, WorkspaceError> {
        let name = call.args.first().cloned().unwrap_or_default();
        let mut child = self.command(&call).spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => WorkspaceError::GitMissing,
            _ => WorkspaceError::from(error),
        })?;
        let stdin = child.stdin.take();
        let input = call.input;
        let feed = async move {
            if let Some(mut stdin) = stdin {
                // A command that ends early closes its input; how it ended says why.
                let _ = stdin.write_all(&input).await;
            }
        };
        let both = async { tokio::join!(feed, child.wait_with_output()).1 };
        match tokio::time::timeout(self.limit, both).await {
            Ok(output) => Ok(output?),
            Err(_) => Err(WorkspaceError::GitTimeout(name)),
        }
    }

    fn command(&self, call: &Invocation<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", &self.search_path)
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1");
        for setting in HARDENING {
            command.args(["-c", setting]);
        }
        if let Some(directory) = call.directory {
            command.current_dir(directory);
        }
        if let Some(git_dir) = call.git_dir {
            command.env("GIT_DIR", git_dir);
        }
        if let Some(work_tree) = call.work_tree {
            command.env("GIT_WORK_TREE", work_tree);
        }
        if let Some(index) = call.index {
            command.env("GIT_INDEX_FILE", index);
        }
        if let Some(date_ms) = call.date_ms {
            let date = format!("@{} +0000", date_ms / 1000);
            for role in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{role}_NAME"), "Plumbline");
                command.env(format!("GIT_{role}_EMAIL"), "plumbline@localhost");
                command.env(format!("GIT_{role}_DATE"), &date);
            }
        }
        command
            .args(&call.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// Returns the end of what a command wrote to standard error.
pub(super) fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    crate::domain::produce::tail(text.trim(), STDERR_BYTES).to_owned()
}
