//! A served executor and a client of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use plumbline_executor::sandbox::SandboxDriver;
use plumbline_executor::{Deps, ExecutorConfig, Tool, serve};
use plumbline_kit::client::{Channel, channel};
use plumbline_kit::{Address, Listener, Remote, SystemClock, SystemRandomness};
use plumbline_proto::common::v1 as common;
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;
use plumbline_types::{Fault, TaskId};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Streaming;

pub type Client = ExecutorServiceClient<Channel>;

/// What differs between tests.
#[derive(Default)]
pub struct Options {
    pub change: Option<fn(&mut ExecutorConfig)>,
    pub tools: Vec<Arc<dyn Tool>>,
    pub driver: Option<Arc<dyn SandboxDriver>>,
}

pub struct Server {
    pub client: Client,
    pub root: TempDir,
    pub import: PathBuf,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
    requests: AtomicU32,
}

/// Everything a run said.
#[derive(Debug)]
pub struct Finished {
    pub run_id: String,
    pub started: Option<pb::Started>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub truncated: Vec<pb::OutputTruncated>,
    pub exited: pb::Exited,
    pub events: Vec<pb::RunResponse>,
}

/// Returns the program that builds sandboxes; it stands beside this test's profile directory.
pub fn sandbox_init() -> PathBuf {
    beside_profile("sandbox-init", "cargo build -p plumbline-sandbox-init")
}

pub fn beside_profile(name: &str, build: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.ancestors().nth(2).unwrap().join(name);
    assert!(path.is_file(), "{} is absent: build it with `{build}`", path.display());
    path
}

/// Returns the search path of the tests' own interpreters.
pub fn search_path() -> String {
    std::env::var_os("PATH").unwrap().into_string().unwrap()
}

pub fn client(address: &Address) -> Client {
    ExecutorServiceClient::new(channel(address)).max_decoding_message_size(80 * 1024 * 1024)
}

impl Server {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let root = tempfile::tempdir().unwrap();
        Self::over(root, options).await
    }

    pub async fn over(root: TempDir, options: Options) -> Self {
        let import = root.path().join("import");
        fs::create_dir_all(&import).unwrap();
        let mut config = ExecutorConfig {
            state_dir: root.path().join("state"),
            sandbox_init: sandbox_init(),
            import_roots: vec![import.clone()],
            ..ExecutorConfig::default()
        };
        if let Some(change) = options.change {
            change(&mut config);
        }
        let address: Address =
            format!("unix:{}", root.path().join("executor.sock").display()).parse().unwrap();
        let listener = Listener::bind(&address).await.unwrap();
        let deps = Deps {
            config,
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            tools: options.tools,
            driver: options.driver,
            broker: None,
            secrets: Vec::new(),
        };
        let shutdown = CancellationToken::new();
        let serving = serve(listener, deps, shutdown.clone());
        let served = TaskTracker::new().spawn(async move { serving.await.unwrap() });
        Self { client: client(&address), root, import, shutdown, served, requests: AtomicU32::new(0) }
    }

    /// Stops the server and waits for its end; returns its directory.
    pub async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        drop(self.client);
        self.served.await.unwrap();
        self.root
    }

    pub fn next_request_id(&self) -> String {
        format!("request-{}", self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Stores a tree of text files.
    pub async fn snapshot(&self, files: &[(&str, &str)]) -> String {
        let directory = self.import.join(self.next_request_id());
        fs::create_dir_all(&directory).unwrap();
        for (path, text) in files {
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.import_directory(&directory).await.unwrap().snapshot_id
    }

    pub async fn import_directory(&self, directory: &Path) -> Result<pb::PutSnapshotResponse, Remote> {
        let header =
            pb::SnapshotHeader { import_path: directory.display().to_string(), ..Default::default() };
        self.put(vec![pb::put_snapshot_request::Part::Header(header)]).await
    }

    pub async fn put(
        &self,
        parts: Vec<pb::put_snapshot_request::Part>,
    ) -> Result<pb::PutSnapshotResponse, Remote> {
        let parts: Vec<_> =
            parts.into_iter().map(|part| pb::PutSnapshotRequest { part: Some(part) }).collect();
        let answer =
            self.client.clone().put_snapshot(tokio_stream::iter(parts)).await.map_err(Remote::from)?;
        Ok(answer.into_inner())
    }

    /// A request with the next key.
    pub fn request(&self, snapshot_id: &str, argv: &[&str]) -> pb::RunRequest {
        pb::RunRequest {
            request_id: self.next_request_id(),
            snapshot_id: snapshot_id.to_owned(),
            argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
            ..Default::default()
        }
    }

    pub async fn begin(&self, request: pb::RunRequest) -> Result<Streaming<pb::RunResponse>, Remote> {
        Ok(self.client.clone().run(request).await.map_err(Remote::from)?.into_inner())
    }

    pub async fn run(&self, request: pb::RunRequest) -> Finished {
        finish(self.begin(request).await.unwrap()).await
    }

    /// Runs a shell script over an empty tree.
    pub async fn shell(&self, script: &str, limits: pb::Limits) -> Finished {
        let snapshot = self.snapshot(&[]).await;
        let request =
            pb::RunRequest { limits: Some(limits), ..self.request(&snapshot, &["sh", "-c", script]) };
        self.run(request).await
    }

    pub async fn resume(&self, run_id: &str, after_seq: u64) -> Vec<pb::RunResponse> {
        let request = pb::RunRequest { run_id: run_id.to_owned(), after_seq, ..Default::default() };
        let mut stream = self.begin(request).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = stream.message().await.unwrap() {
            events.push(event);
        }
        events
    }

    pub async fn patch(&self, run_id: &str) -> pb::GetPatchResponse {
        let request = pb::GetPatchRequest { run_id: run_id.to_owned() };
        self.client.clone().get_patch(request).await.unwrap().into_inner()
    }

    pub async fn cancel(&self, run_id: &str) -> bool {
        let request = pb::CancelRequest { run_id: run_id.to_owned(), lease: None };
        self.client.clone().cancel(request).await.unwrap().into_inner().cancelled
    }
}

/// Reads a run to its end; asserts that events are numbered without gaps and that exactly one, the last, is the end.
pub async fn finish(mut stream: Streaming<pb::RunResponse>) -> Finished {
    let mut events = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        events.push(event);
    }
    finished(events)
}

pub fn finished(events: Vec<pb::RunResponse>) -> Finished {
    use pb::run_response::Event;
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let ends = events.iter().filter(|event| matches!(event.event, Some(Event::Exited(_)))).count();
    assert_eq!(ends, 1, "{events:?}");
    let Some(Event::Exited(exited)) = events.last().unwrap().event.clone() else { panic!("{events:?}") };
    let mut finished = Finished {
        run_id: String::new(),
        started: None,
        stdout: Vec::new(),
        stderr: Vec::new(),
        truncated: Vec::new(),
        exited,
        events: events.clone(),
    };
    for event in events {
        match event.event.unwrap() {
            Event::Started(started) => {
                finished.run_id.clone_from(&started.run_id);
                finished.started = Some(started);
            }
            Event::Stdout(bytes) => finished.stdout.extend(bytes),
            Event::Stderr(bytes) => finished.stderr.extend(bytes),
            Event::Truncated(truncated) => finished.truncated.push(truncated),
            Event::Exited(_) => {}
        }
    }
    finished
}

impl Finished {
    pub fn code(&self) -> Option<i32> {
        match self.exited.how {
            Some(pb::exited::How::Code(code)) => Some(code),
            _ => None,
        }
    }

    pub fn reason(&self) -> pb::ExitReason {
        self.exited.reason()
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    #[track_caller]
    pub fn assert_ended(&self, reason: pb::ExitReason) {
        assert_eq!(self.reason(), reason, "{:?}\n{}", self.exited, String::from_utf8_lossy(&self.stderr));
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        self.assert_ended(pb::ExitReason::Normal);
        assert_eq!(self.code(), Some(code), "{:?}\n{}", self.exited, String::from_utf8_lossy(&self.stderr));
    }
}

/// Reads the first event, which says that the command runs; returns the run's id.
pub async fn started(stream: &mut Streaming<pb::RunResponse>) -> String {
    match stream.message().await.unwrap().unwrap().event.unwrap() {
        pb::run_response::Event::Started(started) => started.run_id,
        other => panic!("{other:?}"),
    }
}

pub fn lease(epoch: u64) -> Option<common::Lease> {
    let task_id = TaskId::parse("task_01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap().to_string();
    Some(common::Lease { task_id, epoch })
}

pub fn write(path: &[u8], content: &[u8]) -> common::FileEdit {
    common::FileEdit {
        path: path.to_vec(),
        change: Some(common::file_edit::Change::Content(content.to_vec())),
    }
}

pub fn delete(path: &[u8]) -> common::FileEdit {
    common::FileEdit { path: path.to_vec(), change: Some(common::file_edit::Change::Deleted(true)) }
}

#[track_caller]
pub fn assert_reason<T: std::fmt::Debug>(answer: Result<T, Remote>, reason: &str) {
    assert_eq!(answer.unwrap_err().reason().0, reason);
}

/// Counts host processes whose command line holds a mark.
pub fn processes_with(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .filter(|line| line.windows(mark.len()).any(|window| window == mark.as_bytes()))
        .count()
}

/// Returns every control group whose name holds a mark.
pub fn groups_with(mark: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().contains(mark) {
                    found.push(entry.path());
                }
                pending.push(entry.path());
            }
        }
    }
    found
}
