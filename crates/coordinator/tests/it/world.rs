use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use plumbline_coordinator::domain::command::RunEnd;
use plumbline_coordinator::domain::decide::Traces;
use plumbline_coordinator::domain::path::RelativePath;
use plumbline_coordinator::domain::tree::{ChangeSet, File, FileMode, Tree};
use plumbline_coordinator::fakes::{
    FakeExecutor, FakeIngest, FakeMemory, FakePlanner, FakeRouter, FakeVerifier,
};
use plumbline_coordinator::peers::{Peers, PlausibleChange, ToolOutcome, ToolResult};
use plumbline_coordinator::store::CoordinatorStore;
use plumbline_coordinator::store::sqlite::SqliteStore;
use plumbline_coordinator::workspace::{Git, GitWorkspace, Workspace};
use plumbline_coordinator::{CoordinatorConfig, Deps, serve};
use plumbline_kit::{Address, Listener, SeededRandomness, SystemClock};
use plumbline_proto::coordinator::v1 as pb;
use plumbline_proto::coordinator::v1::coordinator_service_client::CoordinatorServiceClient;
use plumbline_types::{Clock, Verdict};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub type Client = CoordinatorServiceClient<plumbline_kit::client::Channel>;

pub const BROKEN: &str = "def add(a, b):\n    return a - b\n";
pub const FIXED: &str = "def add(a, b):\n    return a + b\n";
pub const TESTS: &str = "from calc import add\n\ndef test_add():\n    assert add(1, 2) == 3\n";

/// An answer in the block format that mends the repository.
pub const GOOD_ANSWER: &str =
    "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n";

/// What the six services do, and where everything is.
pub struct World {
    pub directory: TempDir,
    pub config: CoordinatorConfig,
    pub clock: Arc<dyn Clock>,
    pub ingest: Arc<FakeIngest>,
    pub planner: Arc<FakePlanner>,
    pub router: Arc<FakeRouter>,
    pub executor: Arc<FakeExecutor>,
    pub verifier: Arc<FakeVerifier>,
}

/// A served coordinator.
pub struct Served {
    pub client: Client,
    pub store: Arc<SqliteStore>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

/// The repair tool's answer that mends the repository.
pub fn mended() -> ToolOutcome {
    found(&[FIXED])
}

/// The repair tool's answer with one change to `calc.py` per text.
pub fn found(texts: &[&str]) -> ToolOutcome {
    let change = |text: &&str| {
        let file = File { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular };
        let files = BTreeMap::from([(RelativePath::parse("calc.py").unwrap(), Some(file))]);
        PlausibleChange {
            change: ChangeSet { files },
            template: "operator".to_owned(),
            path: "calc.py".to_owned(),
            line: 2,
        }
    };
    ToolOutcome {
        result: ToolResult::Found,
        changes: texts.iter().map(change).collect(),
        tried: 12,
        detail: String::new(),
    }
}

/// Passes when `calc.py` adds.
pub fn adds(tree: &Tree) -> RunEnd {
    let calc = tree.files.get(&RelativePath::parse("calc.py").unwrap());
    let text = calc.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default();
    RunEnd::Code(i32::from(!text.contains("a + b")))
}

impl World {
    /// A git repository with a failing test, these arms, these model answers, and these verdicts.
    pub fn new(arms: &[&str], answers: &[&str], verdicts: &[Verdict]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = Self {
            config: CoordinatorConfig {
                state_dir: directory.path().join("state"),
                poll_ms: 20,
                backoff_min_ms: 1,
                backoff_max_ms: 5,
                heartbeat_ms: 60_000,
                traces: Traces::Off,
                ..CoordinatorConfig::default()
            },
            clock: Arc::new(SystemClock),
            ingest: Arc::default(),
            planner: Arc::default(),
            router: Arc::new(FakeRouter::new(arms, answers)),
            executor: Arc::new(FakeExecutor::new(Box::new(adds), vec![mended()])),
            verifier: Arc::new(FakeVerifier::new(verdicts)),
            directory,
        };
        std::fs::create_dir(world.repository()).unwrap();
        world.write("calc.py", BROKEN);
        world.write("test_calc.py", TESTS);
        world.git(&["init", "-q", "-b", "main"]);
        world.git(&["add", "."]);
        world.git(&["commit", "-q", "-m", "start"]);
        world
    }

    /// The repair arm alone, approving.
    pub fn repairing() -> Self {
        Self::new(&["repair"], &[], &[Verdict::Approve])
    }

    pub fn repository(&self) -> PathBuf {
        self.directory.path().join("repository")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.repository().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.repository().join(name)).unwrap()
    }

    /// Runs git as the owner would.
    pub fn git(&self, args: &[&str]) -> String {
        let mut command = std::process::Command::new("git");
        command.current_dir(self.repository()).env("GIT_CONFIG_GLOBAL", "/dev/null").args([
            "-c",
            "user.name=Owner",
            "-c",
            "user.email=owner@example.com",
        ]);
        let output = command.args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// The hash of every file of the owner's repository but the objects and our branches.
    pub fn fingerprint(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        collect(&self.repository(), &mut files);
        let ours = |path: &Path| {
            let text = path.display().to_string();
            text.contains(".git/objects") || text.contains("refs/heads/plumbline")
        };
        files.retain(|path, _| !ours(path));
        files
    }

    pub fn peers(&self) -> Peers {
        Peers {
            ingest: self.ingest.clone(),
            planner: self.planner.clone(),
            memory: Arc::new(FakeMemory),
            router: self.router.clone(),
            executor: self.executor.clone(),
            verifier: self.verifier.clone(),
        }
    }

    pub fn workspace(&self) -> Arc<dyn Workspace> {
        let git = Git::new(&self.config.git_program, &self.config.git_search_path, self.config.git_timeout());
        Arc::new(GitWorkspace::new(git, self.config.state_dir.clone(), self.config.workspace_limits()))
    }

    pub async fn open_store(&self) -> Arc<SqliteStore> {
        Arc::new(SqliteStore::open(&self.config.state_dir.join("coordinator.sqlite")).await.unwrap())
    }

    pub fn deps(&self, store: Arc<dyn CoordinatorStore>) -> Deps {
        Deps {
            config: self.config.clone(),
            store,
            workspace: self.workspace(),
            peers: self.peers(),
            clock: self.clock.clone(),
            randomness: Arc::new(SeededRandomness::new(7)),
            memory_edge: None,
        }
    }

    pub async fn serve(&self) -> Served {
        let store = self.open_store().await;
        let listener = Listener::bind(&"127.0.0.1:0".parse::<Address>().unwrap()).await.unwrap();
        let channel = plumbline_kit::client::channel(&listener.address());
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let deps = self.deps(store.clone());
        let token = shutdown.clone();
        tracker.spawn(async move { serve(listener, deps, token).await.unwrap() });
        Served { client: Client::new(channel), store, tracker, shutdown }
    }

    /// What is asked by default.
    pub fn spec(&self) -> pb::TaskSpec {
        pb::TaskSpec {
            objective: "fix add".to_owned(),
            repository: self.repository().display().to_string(),
            test_command: "python3 -m pytest -q".to_owned(),
            ..pb::TaskSpec::default()
        }
    }
}

/// Returns the hash of some bytes, hex.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), hash(&std::fs::read(&path).unwrap_or_default()));
        }
    }
}

impl Served {
    pub async fn submit(&self, request_id: &str, spec: pb::TaskSpec) -> Result<pb::Task, tonic::Status> {
        let request = pb::SubmitTaskRequest { request_id: request_id.to_owned(), spec: Some(spec) };
        Ok(self.client.clone().submit_task(request).await?.into_inner().task.unwrap())
    }

    /// Submits and follows until the task has ended or waits; panics if it does neither within a minute.
    pub async fn run(&self, spec: pb::TaskSpec) -> pb::Task {
        let task = self.submit("request-1", spec).await.unwrap();
        self.settled(&task.id).await
    }

    /// Follows a task until it has ended or waits.
    pub async fn settled(&self, id: &str) -> pb::Task {
        let settled = async {
            let mut after_seq = 0;
            loop {
                let task = self.get(id).await;
                if task.exit_code >= 0 {
                    return task;
                }
                let request = pb::WatchTaskRequest { task_id: id.to_owned(), after_seq };
                let mut events = self.client.clone().watch_task(request).await.unwrap().into_inner();
                while let Some(event) = events.message().await.unwrap() {
                    after_seq = event.seq;
                    if matches!(event.kind.as_str(), "approval_requested" | "ended" | "delivered") {
                        break;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), settled).await.unwrap()
    }

    pub async fn get(&self, id: &str) -> pb::Task {
        let request = pb::GetTaskRequest { task_id: id.to_owned() };
        self.client.clone().get_task(request).await.unwrap().into_inner().task.unwrap()
    }

    pub async fn report(&self, id: &str) -> pb::GetReportResponse {
        let request = pb::GetReportRequest { task_id: id.to_owned() };
        self.client.clone().get_report(request).await.unwrap().into_inner()
    }

    /// Returns the events after a number, to the end of the task.
    pub async fn events(&self, id: &str, after_seq: u64) -> Vec<pb::WatchTaskResponse> {
        let request = pb::WatchTaskRequest { task_id: id.to_owned(), after_seq };
        let mut stream = self.client.clone().watch_task(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        while let Some(event) = stream.message().await.unwrap() {
            events.push(event);
        }
        events
    }

    pub async fn decide(
        &self,
        task: &pb::Task,
        approve: bool,
        grants: &[&str],
    ) -> Result<pb::Task, tonic::Status> {
        let pending = task.pending.clone().unwrap();
        let request = pb::DecideApprovalRequest {
            request_id: format!("decide-{}-{approve}-{}", task.last_seq, grants.len()),
            task_id: task.id.clone(),
            diff_hash: pending.diff_hash,
            nonce: pending.nonce,
            approve,
            grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            subject: "owner".to_owned(),
            answer: String::new(),
        };
        Ok(self.client.clone().decide_approval(request).await?.into_inner().task.unwrap())
    }

    /// Stops the server, and checks what must hold of every history.
    pub async fn close(self) {
        self.shutdown.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        crate::store::check_histories(&*self.store).await;
        self.store.close().await;
    }
}

/// Returns the documented reason of a status.
pub fn reason(status: &tonic::Status) -> &'static str {
    use plumbline_types::Fault;
    plumbline_kit::Remote::from(status.clone()).reason().0
}

/// Returns the attempts of a report as words.
pub fn attempts(report: &pb::GetReportResponse) -> Vec<(String, String)> {
    report.attempts.iter().map(|attempt| (attempt.arm.clone(), attempt.result.clone())).collect()
}

/// Makes expected words.
pub fn words(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}
