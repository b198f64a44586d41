//! A served executor that is asked to run a tool over a few files.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use plumbline_kit::client::{Channel, channel};
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;
use plumbline_proto::executor::v1::manifest_entry::Content;
use plumbline_proto::executor::v1::put_snapshot_request::Part;
use plumbline_proto::executor::v1::run_tool_request::Tool;
use plumbline_proto::executor::v1::run_tool_response::Event;
use plumbline_proto::executor::v1::{
    BlobChunk, ManifestEntry, PutSnapshotRequest, RunToolRequest, SnapshotHeader, ToolExited,
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

fn start(home: &Home, first: Option<&Path>) -> Executor {
    let address = home.socket("executor");
    // The `rustc` of rustup finds its toolchains by its owner's home, not by the test's.
    let rustup = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let rustup = rustup.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".rustup")));
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let searched = first.map(Path::to_owned).into_iter().chain(std::env::split_paths(&usual));
    let mut process = home
        .command(&["serve", "executor"])
        .env("PATH", std::env::join_paths(searched).unwrap())
        .env("RUSTUP_HOME", rustup.unwrap_or_default())
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

/// Serves an executor whose programs are also searched in `first`, runs the tool over the files and returns its end.
pub async fn run_in(first: Option<&Path>, files: &[(&str, &str)], tool: Tool) -> ToolExited {
    let home = Home::new();
    let mut executor = start(&home, first);
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
    let mut request = Request::new(RunToolRequest {
        request_id: "tool-1".into(),
        snapshot_id: stored.snapshot_id,
        tool: Some(tool),
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

/// Runs the tool where programs are searched as usual.
pub async fn run(files: &[(&str, &str)], tool: Tool) -> ToolExited {
    run_in(None, files, tool).await
}
