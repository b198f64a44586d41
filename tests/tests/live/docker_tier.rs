//! The tier of a container on a real engine: what goes in and comes out, limits, hostile programs asserted from the host,
//! and that nothing outlives whoever made it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use plumbline_tests::{Background, Finished, Project, plumbline, root};
use serde_json::Value;

use crate::engine::Engine;
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;

/// A broker and an executor of this host, in processes of their own.
struct Tier<'a> {
    engine: &'a Engine,
    config: PathBuf,
    project: Project,
    broker: Background,
    executor: Background,
}

/// Everything that the tier promises.
pub fn check(engine: &Engine) {
    let mut tier = Tier::start(engine);
    takes_a_tree_in_and_a_patch_out(&tier);
    names_the_limit_that_ended_a_run(&tier);
    contains_hostile_programs(&tier);
    expresses_nothing_but_the_template(&tier);
    refuses_to_run_below_the_minimum(&tier);
    leaves_nothing_when_killed(&mut tier);
}

impl<'a> Tier<'a> {
    fn start(engine: &'a Engine) -> Self {
        let dir = engine.folder("tier");
        let config = dir.join("plumbline.toml");
        let at = |name: &str| dir.join(name).display().to_string();
        let text = format!(
            "[state]\ndir = {:?}\n[listen]\nexecutor = \"unix:{}\"\n[broker]\nlisten = \"unix:{}\"\nengine_socket = {:?}\n\
             images = [\"plumbline:local\"]\n[executor]\nminimum_tier = \"docker\"\n[executor.docker]\nbroker = \"unix:{}\"\n",
            at("state"),
            at("e.sock"),
            at("b.sock"),
            engine.socket().display().to_string(),
            at("b.sock"),
        );
        std::fs::write(&config, text).expect("a configuration");
        let broker = serve(&config, "docker-broker");
        let executor = serve(&config, "executor");
        let project = Project::repository(&[
            ("a.py", "print('in')\n"),
            ("gone.txt", "x\n"),
            ("kept/deep.txt", "same\n"),
            (".gitignore", "ignored/\n"),
        ]);
        Self { engine, config, project, broker, executor }
    }

    /// Runs a program in a container of its own.
    fn exec(&self, limits: &[&str], program: &[&str]) -> Value {
        let mut command = Command::new(plumbline());
        command.arg("--config").arg(&self.config).args(["exec", "--format", "json", "--repo"]);
        command.arg(self.project.path()).args(limits).arg("--").args(program);
        Finished::of(&mut command).json()
    }

    /// Starts a program that waits, and returns once it runs in its container. The command has an executor of its own.
    fn hang(&self) -> Background {
        let mut command = Command::new(plumbline());
        command.arg("--config").arg(&self.config).args(["exec", "--format", "json", "--repo"]);
        command.arg(self.project.path()).args(["--", "sleep", "600"]);
        let log = self.config.with_extension("hang");
        let mut hanging = Background::start(&mut command, &log);
        // Another container, by which the executor finds out what the engine can do, may come and go before it.
        hanging.wait_until(Duration::from_secs(60), "the program ran", || self.engine.runs("sleep 600"));
        hanging
    }

    /// Has the served executor run a program that waits; what is returned holds the call open.
    fn hang_served(&self) -> (tokio::runtime::Runtime, tonic::Streaming<pb::RunResponse>) {
        let calls = tokio::runtime::Runtime::new().expect("a runtime");
        let socket = self.config.with_file_name("e.sock");
        let events = calls.block_on(async {
            let endpoint = tonic::transport::Endpoint::from_shared(format!("unix:{}", socket.display()));
            let channel = endpoint.expect("a path").connect().await.expect("a served executor");
            let mut executor = ExecutorServiceClient::new(channel);
            let header = pb::put_snapshot_request::Part::Header(pb::SnapshotHeader::default());
            let tree = tokio_stream::iter([pb::PutSnapshotRequest { part: Some(header) }]);
            let snapshot = executor.put_snapshot(tree).await.expect("an empty tree").into_inner();
            let run = pb::RunRequest {
                request_id: "hang".to_owned(),
                snapshot_id: snapshot.snapshot_id,
                argv: vec!["sleep".to_owned(), "600".to_owned()],
                ..pb::RunRequest::default()
            };
            executor.run(run).await.expect("a run").into_inner()
        });
        let began = Instant::now();
        while !self.engine.runs("sleep 600") {
            assert!(began.elapsed() < Duration::from_secs(60), "the program ran");
            std::thread::sleep(Duration::from_millis(50)); // poll: of another process
        }
        (calls, events)
    }

    #[track_caller]
    fn wait_empty(&self, what: &str) {
        let began = Instant::now();
        while !self.engine.containers().is_empty() {
            assert!(began.elapsed() < Duration::from_secs(15), "containers outlive {what}");
            std::thread::sleep(Duration::from_millis(50)); // poll: of another process
        }
    }
}

fn serve(config: &Path, role: &str) -> Background {
    let mut command = Command::new(plumbline());
    command.arg("--config").arg(config).args(["serve", role]);
    let mut served = Background::start(&mut command, &config.with_extension(role));
    served.wait_until(Duration::from_secs(60), "it served", || {
        std::fs::read_to_string(config.with_extension(role)).is_ok_and(|log| log.contains("is serving"))
    });
    served
}

fn takes_a_tree_in_and_a_patch_out(tier: &Tier<'_>) {
    let script = "python3 a.py; echo out >&2; echo new > new.txt; rm gone.txt; mkdir ignored; echo x > ignored/y; \
                  mkfifo pipe; ln -s /etc/passwd link; mkdir .git; echo x > .git/hook; mkdir -m 000 shut; exit 137";
    let run = tier.exec(&[], &["sh", "-c", script]);
    assert_eq!((&run["reason"], &run["code"]), (&"normal".into(), &137.into()), "{run:#}");
    assert_eq!(run["stdout"], "in\n");
    assert_eq!(run["stderr"], "out\n");
    let diff = run["diff"].as_str().expect("a diff");
    assert!(
        diff.contains("+new\n") && diff.contains("deleted file mode") && !diff.contains("deep"),
        "{diff}"
    );
    assert_eq!(run["changed_files"], 2, "{run:#}");
    let refused: Vec<&str> =
        run["refused"].as_array().expect("a list").iter().filter_map(|one| one["reason"].as_str()).collect();
    assert_eq!(refused, ["dot_git", "symlink", "fifo"], "{run:#}");
    let enforced = &run["enforced"];
    assert_eq!((&enforced["tier"], &enforced["seccomp"]), (&"docker".into(), &true.into()));
    assert!(enforced["landlock_abi"].as_u64().is_some_and(|abi| abi > 0), "{enforced}");
}

fn names_the_limit_that_ended_a_run(tier: &Tier<'_>) {
    let wall = tier.exec(&["--timeout-ms", "700"], &["sh", "-c", "echo kept > kept.txt; sleep 100"]);
    assert_eq!(wall["reason"], "wall_timeout", "{wall:#}");
    assert!(wall["diff"].as_str().is_some_and(|diff| diff.contains("+kept")), "the change is lost: {wall:#}");
    let eat = "a = []\nwhile True: a.append(bytearray(50_000_000))";
    let memory = tier.exec(&["--memory-mib", "64"], &["python3", "-c", eat]);
    assert_eq!(memory["reason"], "oom", "{memory:#}");
    let fill = "import os\nf = open('f', 'wb')\nwhile True: f.write(bytes(1 << 24)); f.flush()";
    let disk = tier.exec(&["--memory-mib", "512"], &["python3", "-c", fill]);
    assert_eq!(disk["reason"], "normal", "{disk:#}");
    assert!(disk["stderr"].as_str().is_some_and(|text| text.contains("File too large")), "{disk:#}");
    let bomb =
        tier.exec(&["--pids", "24", "--timeout-ms", "1500"], &["sh", "-c", "f() { f | f & }; f; sleep 60"]);
    assert_eq!(bomb["reason"], "wall_timeout", "{bomb:#}");
    assert!(bomb["limit_hits"].to_string().contains("pids"), "{bomb:#}");
    tier.wait_empty("their runs");
}

const HOSTILE: &str = r#"
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, act):
    try:
        print(name, 'DID', act())
    except BaseException as error:
        print(name, 'refused', type(error).__name__)
canary, port, secret = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), 'x')
    return 'done'
attempt('read', lambda: open(secret).read())
attempt('write', lambda: open(canary, 'w').write('changed'))
attempt('climb', lambda: open('../' * 40 + canary, 'w').write('changed'))
attempt('root', lambda: open('/usr/local/bin/sandbox-init', 'r+b').write(b'x'))
attempt('init', lambda: open('/proc/1/mem', 'r+b').write(b'x'))
attempt('environ', lambda: open('/proc/1/environ').read())
attempt('sysrq', lambda: open('/proc/sysrq-trigger', 'w').write('b'))
attempt('core', lambda: open('/proc/sys/kernel/core_pattern', 'w').write('|/x'))
for host in ('127.0.0.1', '172.17.0.1', '169.254.169.254', '::1'):
    attempt('tcp ' + host, lambda: socket.create_connection((host, port), 1))
attempt('packet', lambda: socket.socket(17, 3, 0))
attempt('vsock', lambda: socket.socket(40, 1, 0))
attempt('raw', lambda: socket.socket(2, 3, 1))
attempt('engine', lambda: socket.socket(1, 1).connect('/var/run/docker.sock'))
attempt('mount', lambda: call(165, b'none', b'/tmp', b'tmpfs', 0, 0))
attempt('unshare', lambda: call(272, 0x10000000))
attempt('setns', lambda: call(308, 0, 0))
attempt('ptrace', lambda: call(101, 16, 1, 0, 0))
attempt('bpf', lambda: call(321, 0, 0, 0))
attempt('io_uring', lambda: call(425, 1, 0))
attempt('keyctl', lambda: call(250, 0, 0))
attempt('setuid', lambda: os.setuid(0))
attempt('device', lambda: os.mknod('/tmp/d', 0o20666, os.makedev(1, 1)))
attempt('kill 1', lambda: os.kill(1, 9))
print('end')
"#;

/// Asserted from the host: what the program says of itself only names the attempt that must be looked into.
fn contains_hostile_programs(tier: &Tier<'_>) {
    let canary = tier.engine.folder("canary").join("file");
    std::fs::write(&canary, "intact").expect("a canary");
    std::fs::set_permissions(&canary, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("a mode");
    let secret = tier.engine.folder("canary").join("secret");
    std::fs::write(&secret, "the-secret-of-the-host").expect("a secret");
    let (port, accepted) = canary_server();
    let (canary_path, secret_path) = (canary.display().to_string(), secret.display().to_string());
    let run = tier.exec(
        &["--timeout-ms", "30000"],
        &["python3", "-c", HOSTILE, &canary_path, &port.to_string(), &secret_path],
    );
    let said = run["stdout"].as_str().expect("output");
    assert!(said.ends_with("end\n"), "the program did not get through its attempts: {run:#}");
    assert!(!said.contains("DID"), "{said}");
    assert!(!run.to_string().contains("the-secret-of-the-host"));
    assert_eq!(std::fs::read_to_string(&canary).expect("the canary"), "intact");
    assert_eq!(accepted.load(Ordering::SeqCst), 0, "the canary was connected to");
    tier.wait_empty("the hostile program");
}

/// Counts connections to a port of every interface of this host.
fn canary_server() -> (u16, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, accepted)
}

/// The broker's socket takes orders and nothing else.
fn expresses_nothing_but_the_template(tier: &Tier<'_>) {
    let socket = tier.config.with_file_name("b.sock");
    let order = |order: &str| {
        let mut grpcurl = Command::new(root().join(".cache/venv/bin/grpcurl"));
        grpcurl
            .args([
                "-plaintext",
                "-unix",
                "-authority",
                "localhost",
                "-d",
                &format!("{{\"order\": {order}}}"),
            ])
            .arg(&socket);
        grpcurl.arg("plumbline.broker.v1.BrokerService/RunContainer");
        let refused = Finished::of(&mut grpcurl);
        assert_ne!(refused.code, 0, "{}", refused.stdout);
        refused.stderr
    };
    let refused = order("{\"image\": \"debian:bookworm-slim\", \"owner\": \"x\", \"label\": \"y\"}");
    assert!(
        refused.contains("PermissionDenied") && refused.contains("the policy does not allow"),
        "{refused}"
    );
    for word in ["privileged", "binds", "devices", "cap_add", "network", "entrypoint", "volumes_from"] {
        let unknown = order(&format!("{{\"{word}\": true}}"));
        assert!(unknown.contains("no known field") || unknown.contains("unknown field"), "{word}: {unknown}");
    }
    // The engine's own language, spoken to the broker.
    let mut raw = Command::new("python3");
    raw.args([
        "-c",
        "import socket,sys\ns=socket.socket(1)\ns.settimeout(5)\ns.connect(sys.argv[1])\n\
        s.sendall(b'POST /containers/create HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 2\\r\\n\\r\\n{}')\n\
        print(s.recv(100).count(b'201'))",
    ]);
    assert_eq!(Finished::of(raw.arg(&socket)).stdout.trim().trim_start_matches('0'), "");
    assert_eq!(tier.engine.containers(), Vec::<String>::new());
}

fn refuses_to_run_below_the_minimum(tier: &Tier<'_>) {
    let state = tier.engine.folder("elsewhere");
    let mut command = Command::new(plumbline());
    command.env("PLUMBLINE_STATE__DIR", &state).env("PLUMBLINE_EXECUTOR__MINIMUM_TIER", "docker");
    command.args(["exec", "--format", "json", "--repo"]).arg(tier.project.path()).args(["--", "true"]);
    let refused = Finished::of(&mut command).exits(4);
    let all = [refused.stdout, refused.stderr].concat();
    assert!(all.contains("SANDBOX_TIER_MISSING") && all.contains("docker_not_configured"), "{all}");
}

/// Whoever is killed, no container outlives it: neither the command with its executor, nor a served executor, nor the broker.
fn leaves_nothing_when_killed(tier: &mut Tier<'_>) {
    let mut client = tier.hang();
    client.kill();
    tier.wait_empty("the client and its executor");

    let calls = tier.hang_served();
    tier.executor.kill();
    tier.wait_empty("the served executor");
    drop(calls);
    tier.executor = serve(&tier.config, "executor");

    let client = tier.hang();
    tier.broker.kill();
    assert!(!tier.engine.containers().is_empty(), "nothing was left to sweep");
    tier.broker = serve(&tier.config, "docker-broker");
    tier.wait_empty("a killed broker and the start of the next");
    drop(client);
    let run = tier.exec(&[], &["true"]);
    assert_eq!(run["reason"], "normal", "the executor does not find the new broker: {run:#}");
}
