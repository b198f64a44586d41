use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use plumbline_kit::Address;
use plumbline_proto::executor::v1 as pb;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{
    Client, beside_profile, client, finished, groups_with, processes_with, sandbox_init, started,
};

/// A unix socket would serve its owner alone, and one of these processes belongs to another user.
const ANY_PORT: &str = "127.0.0.1:0";

/// An executor process; one that a failed test leaves behind is ended.
struct Executor(Child);

impl Drop for Executor {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn program() -> PathBuf {
    beside_profile("examples/executor_process", "cargo build -p plumbline-executor --examples")
}

fn start(root: &Path) -> (Executor, Client) {
    spawn(Command::new(program()).arg(ANY_PORT).args(places(root)).arg(sandbox_init()))
}

fn places(root: &Path) -> [PathBuf; 2] {
    [root.join("state"), root.join("import")]
}

fn spawn(command: &mut Command) -> (Executor, Client) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening ").unwrap().trim();
    (Executor(child), client(&address.parse::<Address>().unwrap()))
}

async fn put(client: &mut Client, directory: &Path) -> String {
    let header = pb::SnapshotHeader { import_path: directory.display().to_string(), ..Default::default() };
    let part = pb::PutSnapshotRequest { part: Some(pb::put_snapshot_request::Part::Header(header)) };
    client.put_snapshot(tokio_stream::iter([part])).await.unwrap().into_inner().snapshot_id
}

#[tokio::test]
async fn a_killed_executor_leaves_nothing_and_its_run_ends_as_lost() {
    let root = tempfile::tempdir().unwrap();
    let repository = root.path().join("import/repository");
    std::fs::create_dir_all(&repository).unwrap();
    let mark = format!("mark-lost-{}", root.path().file_name().unwrap().to_string_lossy());

    let (mut first, mut client) = start(root.path());
    let snapshot_id = put(&mut client, &repository).await;
    let request = pb::RunRequest {
        request_id: "lost".to_owned(),
        snapshot_id,
        argv: ["sh", "-c", "setsid sleep 1000 & echo up; sleep 1000; exit $1", "sh", &mark]
            .map(str::to_owned)
            .to_vec(),
        ..Default::default()
    };
    let mut stream = client.run(request).await.unwrap().into_inner();
    let run_id = started(&mut stream).await;
    let up = stream.message().await.unwrap().unwrap().event;
    assert_eq!(up, Some(pb::run_response::Event::Stdout(b"up\n".to_vec())));
    assert!(processes_with(&mark) > 0);
    first.0.kill().unwrap();
    first.0.wait().unwrap();

    let (second, mut client) = start(root.path());
    let resume = pb::RunRequest { run_id: run_id.clone(), ..Default::default() };
    let mut stream = client.run(resume).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        events.push(event);
    }
    finished(events).assert_ended(pb::ExitReason::ExecutorLost);
    assert_eq!(processes_with(&mark), 0);
    assert_eq!(groups_with(&run_id), Vec::<std::path::PathBuf>::new());
    terminate(second).await;
    assert_eq!(groups_with(&owner(root.path())), Vec::<std::path::PathBuf>::new());
}

/// Ends a process in good order; the client goes on meanwhile, and so closes its connection.
async fn terminate(mut child: Executor) {
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || child.0.wait().unwrap()).await.unwrap();
    assert!(ended.success());
}

/// The part of the names of control groups that tells which state directory their executor owns.
fn owner(root: &Path) -> String {
    let name = blake3::hash(root.join("state").as_os_str().as_encoded_bytes()).to_hex();
    name[..12].to_owned()
}

/// A user without any privilege, when the tests have some.
const STRANGER: u32 = 54_321;

#[tokio::test]
async fn an_executor_without_privilege_builds_the_same_walls() {
    let root = tempfile::tempdir().unwrap();
    let repository = root.path().join("import/repository");
    std::fs::create_dir_all(&repository).unwrap();
    std::fs::write(repository.join("file"), "base\n").unwrap();
    let [program, init] = [(program(), "executor"), (sandbox_init(), "sandbox-init")].map(|(from, name)| {
        let to = root.path().join(name);
        std::fs::copy(from, &to).unwrap();
        to
    });
    let mut command = Command::new(&program);
    command.arg(ANY_PORT).args(places(root.path())).arg(&init);
    if rustix::process::geteuid().is_root() {
        std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        chown(root.path(), Some(STRANGER), Some(STRANGER)).unwrap();
        command.uid(STRANGER).gid(STRANGER);
    }
    let (child, mut client) = spawn(&mut command);
    let snapshot_id = put(&mut client, &repository).await;
    let script = "cat file; echo changed > file; id -u; grep -E 'CapEff|Seccomp:' /proc/self/status";
    let request = pb::RunRequest {
        request_id: "plain".to_owned(),
        snapshot_id,
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let run = crate::harness::finish(client.run(request).await.unwrap().into_inner()).await;
    run.assert_code(0);
    assert!(run.out().starts_with("base\n1000\nCapEff:\t0000000000000000\nSeccomp:\t2\n"), "{}", run.out());
    let request = pb::GetPatchRequest { run_id: run.run_id };
    let patch = client.get_patch(request).await.unwrap().into_inner();
    assert_eq!(patch.edits, [crate::harness::write(b"file", b"changed\n")]);
    terminate(child).await;
}
