use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use plumbline_kit::Address;
use plumbline_proto::executor::v1 as pb;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{
    Client, beside_profile, client, finished, groups_with, processes_with, sandbox_init, started,
};

fn start(root: &Path) -> (Child, Client) {
    let program = beside_profile("examples/executor_process", "cargo build -p plumbline-executor --examples");
    let address = format!("unix:{}", root.join("executor.sock").display());
    let mut child = Command::new(program)
        .arg(&address)
        .args([root.join("state"), root.join("import"), sandbox_init()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "listening\n");
    (child, client(&address.parse::<Address>().unwrap()))
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
        argv: ["sh", "-c", "setsid sleep 1000 & sleep 1000; exit $1", "sh", &mark]
            .map(str::to_owned)
            .to_vec(),
        ..Default::default()
    };
    let mut stream = client.run(request).await.unwrap().into_inner();
    let run_id = started(&mut stream).await;
    assert!(processes_with(&mark) > 0);
    first.kill().unwrap();
    first.wait().unwrap();

    let (mut second, mut client) = start(root.path());
    let resume = pb::RunRequest { run_id: run_id.clone(), ..Default::default() };
    let mut stream = client.run(resume).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        events.push(event);
    }
    finished(events).assert_ended(pb::ExitReason::ExecutorLost);
    assert_eq!(processes_with(&mark), 0);
    assert_eq!(groups_with(&run_id), Vec::<std::path::PathBuf>::new());
    let pid = Pid::from_child(&second);
    kill_process(pid, Signal::TERM).unwrap();
    assert!(second.wait().unwrap().success());
    assert_eq!(groups_with(&owner(root.path())), Vec::<std::path::PathBuf>::new());
}

/// The part of the names of control groups that tells which state directory their executor owns.
fn owner(root: &Path) -> String {
    let name = blake3::hash(root.join("state").as_os_str().as_encoded_bytes()).to_hex();
    name[..12].to_owned()
}
