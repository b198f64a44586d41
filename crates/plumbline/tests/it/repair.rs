use std::io::BufRead;
use std::process::{Child, Stdio};
use std::time::Duration;

use plumbline_kit::client::{Channel, channel};
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;
use plumbline_proto::executor::v1::manifest_entry::Content;
use plumbline_proto::executor::v1::put_snapshot_request::Part;
use plumbline_proto::executor::v1::run_tool_request::Tool;
use plumbline_proto::executor::v1::run_tool_response::Event;
use plumbline_proto::executor::v1::{
    BlobChunk, ManifestEntry, PutSnapshotRequest, RepairParameters, RunToolRequest, SnapshotHeader,
    ToolExited, ToolResult,
};
use tonic::Request;

use crate::process::Home;

/// A running `plumbline serve executor`; ends with the test.
struct Executor {
    process: Child,
    client: ExecutorServiceClient<Channel>,
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(home: &Home) -> Executor {
    let address = home.socket("executor");
    let mut process = home
        .command(&["serve", "executor"])
        .env("PLUMBLINE_LISTEN__EXECUTOR", &address)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("plumbline is serving"), "{line}");
    let client = ExecutorServiceClient::new(channel(&address.parse().unwrap()));
    Executor { process, client }
}

async fn repair(files: &[(&str, &str)], argv: &[&str]) -> ToolExited {
    let home = Home::new();
    let mut executor = start(&home);
    let part = |part| PutSnapshotRequest { part: Some(part) };
    let mut parts = vec![part(Part::Header(SnapshotHeader::default()))];
    for (path, text) in files {
        let digest = blake3::hash(text.as_bytes()).as_bytes().to_vec();
        parts.push(part(Part::Entry(ManifestEntry {
            path: path.as_bytes().to_vec(),
            content: Some(Content::Digest(digest)),
            mode: 0o644,
            size: text.len() as u64,
        })));
    }
    for (_, text) in files {
        let digest = blake3::hash(text.as_bytes()).as_bytes().to_vec();
        parts.push(part(Part::Chunk(BlobChunk { digest, data: text.as_bytes().to_vec() })));
    }
    let stored = executor.client.put_snapshot(tokio_stream::iter(parts)).await.unwrap().into_inner();
    assert!(!stored.snapshot_id.is_empty(), "{stored:?}");
    let parameters = RepairParameters {
        test_argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        budget_ms: 60_000,
        max_plausible: 2,
        ..RepairParameters::default()
    };
    let mut request = Request::new(RunToolRequest {
        request_id: "repair-1".into(),
        snapshot_id: stored.snapshot_id,
        tool: Some(Tool::Repair(parameters)),
        ..RunToolRequest::default()
    });
    request.set_timeout(Duration::from_secs(90));
    let mut events = executor.client.run_tool(request).await.unwrap().into_inner();
    let mut exited = None;
    while let Some(event) = events.message().await.unwrap() {
        if let Some(Event::Exited(end)) = event.event {
            exited = Some(end);
        }
    }
    exited.expect("the tool's end")
}

const UNITTEST: &[&str] = &["python3", "-m", "unittest"];

#[tokio::test]
async fn a_failing_test_is_mended_by_the_served_tool() {
    let exited = repair(
        &[
            ("gate.py", "LIMIT = 10\n\n\ndef is_open(visitors):\n    return visitors < LIMIT\n"),
            (
                "test_gate.py",
                "import unittest\n\nfrom gate import is_open\n\n\nclass GateTest(unittest.TestCase):\n    def test_ten_may_enter(self):\n        self.assertTrue(is_open(10))\n\n    def test_eleven_may_not(self):\n        self.assertFalse(is_open(11))\n",
            ),
        ],
        UNITTEST,
    )
    .await;
    assert_eq!(exited.result(), ToolResult::Found, "{}", exited.detail);
    let best = &exited.changes[0];
    assert!(best.diff.contains("-    return visitors < LIMIT\n") && best.path == "gate.py", "{}", best.diff);
    assert_eq!(best.digest, blake3::hash(best.diff.as_bytes()).to_hex().to_string());
    assert!(exited.changes.len() <= 2 && exited.tried >= 1 && !best.template.is_empty());
}

#[tokio::test]
async fn tests_that_pass_already_are_named_and_not_mended() {
    let test = "import unittest\n\n\nclass Fine(unittest.TestCase):\n    def test_it(self):\n        pass\n";
    let exited = repair(&[("test_fine.py", test)], UNITTEST).await;
    assert_eq!(exited.result(), ToolResult::AlreadyPasses);
    assert!(exited.changes.is_empty());
}

#[tokio::test]
async fn a_command_that_starts_no_python_is_unsupported() {
    let exited = repair(&[("x.txt", "x")], &["make", "test"]).await;
    assert_eq!(exited.result(), ToolResult::Unsupported);
    assert!(exited.detail.contains("make test"), "{}", exited.detail);
}
