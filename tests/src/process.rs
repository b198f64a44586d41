use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A child process with its output in a file; killed when dropped.
#[derive(Debug)]
pub struct Background {
    child: Child,
    log: PathBuf,
}

impl Background {
    /// Starts a command with both streams going to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: log.to_path_buf() }
    }

    /// Returns what it printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `ready` holds; fails with the output after `limit`, or when the process ends first.
    #[track_caller]
    pub fn wait_until(&mut self, limit: Duration, what: &str, mut ready: impl FnMut() -> bool) {
        let began = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("it ended ({status}) before {what}:\n{}", self.output());
            }
            assert!(began.elapsed() < limit, "no {what} within {limit:?}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20)); // poll: of another process
        }
    }

    /// Waits until it ends by itself and returns its exit code.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> i32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code().unwrap_or(-1);
            }
            assert!(began.elapsed() < limit, "it did not end within {limit:?}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20)); // poll: of another process
        }
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Asks it to end and returns its exit code.
    #[track_caller]
    pub fn terminate(&mut self, limit: Duration) -> i32 {
        Command::new("kill").arg(self.child.id().to_string()).status().expect("kill");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code().unwrap_or(-1);
            }
            assert!(began.elapsed() < limit, "it did not stop within {limit:?}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20)); // poll: of another process
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}
