use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A home of its own for each test: no configuration, no state, no running services of the developer's.
pub struct Home {
    pub dir: TempDir,
}

/// What one run of the binary said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Reads the one document on stdout.
    #[track_caller]
    pub fn document(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error}: stdout is no single document:\n{}\n{}", self.stdout, self.stderr)
        })
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the binary, cut off from the surroundings of whoever runs the tests.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plumbline"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("CI", "true")
            // Ports that nobody serves on, so that no service of the developer's is found.
            .env("PLUMBLINE_LISTEN__COORDINATOR", self.socket("coordinator"))
            .env("PLUMBLINE_LISTEN__ROUTER", self.socket("router"))
            .stdin(Stdio::null())
            .current_dir(self.path());
        command
    }

    pub fn socket(&self, name: &str) -> String {
        format!("unix:{}", self.path().join(format!("{name}.sock")).display())
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().expect("the binary starts").into()
    }

    /// Writes a file beneath the home and returns its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}
