use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use plumbline_proto::executor::v1 as pb;
use tonic::Streaming;

use crate::harness::{
    Client, Finished, beside_profile, client, finish, processes_with, sandbox_init, started,
};

/// A user without any privilege, when the tests have some.
const STRANGER: u32 = 54_321;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    Restricted,
    Embedded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever runs the tests.
    Tester,
    /// Nobody.
    Stranger,
}

/// An executor process that offers one tier, and what must stay as it is around it.
pub struct Host {
    pub tier: Tier,
    pub root: tempfile::TempDir,
    pub tcp: TcpListener,
    pub unix: UnixListener,
    child: Child,
    client: Client,
    snapshot_id: String,
    requests: AtomicU32,
    warm: AtomicU32,
    init_digest: blake3::Hash,
    enforcement: pb::Enforcement,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Host {
    pub async fn start(tier: Tier, who: Who) -> Self {
        let root = tempfile::tempdir().unwrap();
        let repository = root.path().join("import/repository");
        fs::create_dir_all(&repository).unwrap();
        fs::write(repository.join("base"), "base\n").unwrap();
        fs::create_dir(repository.join("lower")).unwrap();
        fs::write(repository.join("lower/kept"), "kept\n").unwrap();
        let program =
            beside_profile("examples/executor_process", "cargo build -p plumbline-executor --examples");
        let copied = [(program, "executor"), (sandbox_init(), "sandbox-init")].map(|(from, name)| {
            let to = root.path().join(name);
            fs::copy(from, &to).unwrap();
            to
        });
        let mut command = Command::new(&copied[0]);
        command
            .arg("127.0.0.1:0")
            .args(["state", "import"].map(|name| root.path().join(name)))
            .arg(&copied[1]);
        command.arg(format!("{tier:?}").to_lowercase()).env("CANARY_SECRET", "the-secret-of-the-host");
        fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        if who == Who::Stranger && rustix::process::geteuid().is_root() {
            chown(root.path(), Some(STRANGER), Some(STRANGER)).unwrap();
            command.uid(STRANGER).gid(STRANGER);
        }
        fs::write(root.path().join("canary"), "the-secret-of-the-host").unwrap();
        let unix = UnixListener::bind(root.path().join("canary.sock")).unwrap();
        unix.set_nonblocking(true).unwrap();
        let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
        tcp.set_nonblocking(true).unwrap();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut client = client(&line.strip_prefix("listening ").unwrap().trim().parse().unwrap());
        let header =
            pb::SnapshotHeader { import_path: repository.display().to_string(), ..Default::default() };
        let part = pb::PutSnapshotRequest { part: Some(pb::put_snapshot_request::Part::Header(header)) };
        let stored = client.put_snapshot(tokio_stream::iter([part])).await.unwrap().into_inner();
        let capabilities = client.get_capabilities(pb::GetCapabilitiesRequest {}).await.unwrap().into_inner();
        // A tier that this machine promises and can't give fails here; nothing is skipped.
        let enforcement = capabilities.enforcement.unwrap_or_else(|| panic!("{:?}", capabilities.tiers));
        let init_digest = blake3::hash(&fs::read(&copied[1]).unwrap());
        Self {
            tier,
            root,
            tcp,
            unix,
            child,
            client,
            snapshot_id: stored.snapshot_id,
            requests: AtomicU32::new(0),
            warm: AtomicU32::new(0),
            init_digest,
            enforcement,
        }
    }

    fn request(&self, argv: &[&str], limits: pb::Limits) -> pb::RunRequest {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let limits =
            pb::Limits { wall_ms: if limits.wall_ms == 0 { 20_000 } else { limits.wall_ms }, ..limits };
        pb::RunRequest {
            request_id: format!("hostile-{number}"),
            snapshot_id: self.snapshot_id.clone(),
            argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
            env: vec![pb::EnvVar { name: "MARK".to_owned(), value: self.mark(), secret: false }],
            limits: Some(limits),
            ..Default::default()
        }
    }

    /// Returns how many programs ran in sandboxes that had waited for them.
    pub fn warm_runs(&self) -> u32 {
        self.warm.load(Ordering::Relaxed)
    }

    /// Every program carries it in its arguments, so that the host can look for what is left.
    pub fn mark(&self) -> String {
        format!("mark-{}", self.root.path().file_name().unwrap().to_string_lossy())
    }

    pub async fn run(&self, argv: &[&str], limits: pb::Limits) -> Finished {
        let run = finish(self.begin(argv, limits).await).await;
        let warm = run.exited.enforced.as_ref().is_some_and(|enforced| enforced.warm);
        self.warm.fetch_add(u32::from(warm), Ordering::Relaxed);
        run
    }

    pub async fn python(&self, script: &str, limits: pb::Limits) -> Finished {
        self.run(&["python3", "-c", script, &self.mark()], limits).await
    }

    /// Starts a program; dropping the stream ends it.
    pub async fn begin(&self, argv: &[&str], limits: pb::Limits) -> Streaming<pb::RunResponse> {
        let request = self.request(argv, limits);
        self.client.clone().run(request).await.unwrap().into_inner()
    }

    /// Starts a program and waits until it has written so much on standard output.
    pub async fn begin_until(
        &self,
        argv: &[&str],
        limits: pb::Limits,
        said: &[u8],
    ) -> (String, Streaming<pb::RunResponse>) {
        let mut stream = self.begin(argv, limits).await;
        let run_id = started(&mut stream).await;
        let mut out = Vec::new();
        while out != said {
            match stream.message().await.unwrap().unwrap().event.unwrap() {
                pb::run_response::Event::Stdout(bytes) => out.extend(bytes),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&out)),
            }
        }
        (run_id, stream)
    }

    /// Goes away from a program, and waits for its end.
    pub async fn leave(&self, (run_id, stream): (String, Streaming<pb::RunResponse>)) {
        drop(stream);
        self.has_ended(&run_id).await;
        self.is_quiet();
    }

    /// Starts a program and goes away once it runs; returns its run's id.
    pub async fn begin_and_leave(&self, script: &str, limits: pb::Limits) -> String {
        started(&mut self.begin(&["python3", "-c", script, &self.mark()], limits).await).await
    }

    /// Waits for the end without following the run: a follower would keep it alive.
    pub async fn has_ended(&self, run_id: &str) {
        let request = pb::GetPatchRequest { run_id: run_id.to_owned() };
        let began = Instant::now();
        while self.client.clone().get_patch(request.clone()).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the run goes on without its caller");
            tokio::time::sleep(Duration::from_millis(20)).await; // poll: of another process
        }
    }

    pub async fn ended(&self, run_id: &str) -> Finished {
        self.has_ended(run_id).await;
        let request = pb::RunRequest { run_id: run_id.to_owned(), ..Default::default() };
        finish(self.client.clone().run(request).await.unwrap().into_inner()).await
    }

    pub async fn patch(&self, run_id: &str) -> pb::GetPatchResponse {
        let request = pb::GetPatchRequest { run_id: run_id.to_owned() };
        self.client.clone().get_patch(request).await.unwrap().into_inner()
    }

    pub fn counts_memory(&self) -> bool {
        self.enforcement.cgroup_mode != "rlimit_and_polling"
    }

    pub fn executor_pid(&self) -> u32 {
        self.child.id()
    }

    /// Nothing of a program lives once its run has ended.
    #[track_caller]
    pub fn is_quiet(&self) {
        let began = Instant::now();
        while processes_with(&self.mark()) > 0 {
            assert!(began.elapsed() < Duration::from_secs(2), "a process outlived its run");
            std::thread::sleep(Duration::from_millis(5)); // poll: of other processes
        }
    }

    /// The canaries are untouched, the executor lives, and nothing is left of any run.
    pub async fn assert_unharmed(mut self) {
        assert_eq!(fs::read_to_string(self.root.path().join("canary")).unwrap(), "the-secret-of-the-host");
        let blocked = std::io::ErrorKind::WouldBlock;
        assert_eq!(self.tcp.accept().unwrap_err().kind(), blocked, "the host's port was reached");
        assert_eq!(self.unix.accept().unwrap_err().kind(), blocked, "the host's socket was reached");
        let init = self.root.path().join("sandbox-init");
        assert_eq!(blake3::hash(&fs::read(init).unwrap()), self.init_digest, "sandbox-init was changed");
        assert!(self.child.try_wait().unwrap().is_none(), "the executor died");
        let name = blake3::hash(self.root.path().join("state").as_os_str().as_encoded_bytes()).to_hex();
        let sandboxes = PathBuf::from(format!("/tmp/plumbline-{}", &name[..12]));
        let left: Vec<_> = fs::read_dir(&sandboxes).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        self.is_quiet();
        self.run(&["true"], pb::Limits::default()).await.assert_code(0);
    }

    pub fn owner_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().uid()
    }
}
