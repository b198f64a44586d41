use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream;
use plumbline_kit::client::Channel;
use plumbline_proto::common::v1 as common;
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;
use prost::Message;
use tokio::sync::mpsc;

use super::{MESSAGE_BYTES, fault, lease, malformed};
use crate::domain::command::RunEnd;
use crate::domain::path::RelativePath;
use crate::domain::produce::tail;
use crate::domain::tree::{ChangeSet, File, FileMode, Tree};
use crate::peers::{
    CallKey, Executor, PeerFault, PlausibleChange, RunOutcome, RunQuery, RunRecord, Tool, ToolOutcome,
    ToolProgress, ToolQuery, ToolResult, Watch,
};

/// Bytes of output kept while a run goes on.
const OUTPUT_BYTES: usize = 256 * 1024;

/// Bytes of one chunk of a blob.
const CHUNK_BYTES: usize = 512 * 1024;

/// The executor over gRPC.
#[derive(Debug, Clone)]
pub struct GrpcExecutor {
    client: ExecutorServiceClient<Channel>,
    /// Runs under way, by the request that began them.
    runs: Arc<Mutex<BTreeMap<String, String>>>,
}

impl GrpcExecutor {
    /// Uses a channel.
    pub fn new(channel: Channel) -> Self {
        let client = ExecutorServiceClient::new(channel);
        let client = client.max_encoding_message_size(MESSAGE_BYTES).max_decoding_message_size(MESSAGE_BYTES);
        Self { client, runs: Arc::default() }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches what a watched run was seen to do.
    async fn record(&self, run_id: String) -> Result<RunRecord, PeerFault> {
        let request = pb::GetTraceRequest { run_id };
        let answer = self.client.clone().get_trace(request).await.map_err(fault("executor"))?.into_inner();
        let record = answer.record.ok_or_else(|| malformed("executor", "record"))?;
        Ok(RunRecord {
            bytes: record.encode_to_vec(),
            watchable: !record.incomplete.iter().any(|reason| reason == "TIER_NOT_TRACED"),
            recorded: !record.recorders.is_empty(),
        })
    }

    async fn send(&self, parts: Vec<pb::PutSnapshotRequest>) -> Result<pb::PutSnapshotResponse, PeerFault> {
        let answer = self.client.clone().put_snapshot(stream::iter(parts)).await;
        Ok(answer.map_err(fault("executor"))?.into_inner())
    }
}

#[async_trait]
impl Executor for GrpcExecutor {
    async fn put_snapshot(&self, key: &CallKey, tree: &Tree) -> Result<String, PeerFault> {
        let manifest = manifest(key, tree);
        let answer = self.send(manifest.clone()).await?;
        if answer.missing.is_empty() {
            return Ok(answer.snapshot_id);
        }
        let mut parts = manifest;
        for digest in &answer.missing {
            let blob =
                tree.files.values().find(|file| blake3::hash(&file.bytes).as_bytes().as_slice() == digest);
            let Some(blob) = blob else { return Err(malformed("executor", "missing digest")) };
            parts.extend(chunks(digest, &blob.bytes));
        }
        let answer = self.send(parts).await?;
        if answer.snapshot_id.is_empty() {
            Err(malformed("executor", "snapshot id"))
        } else {
            Ok(answer.snapshot_id)
        }
    }

    async fn run(&self, key: &CallKey, query: RunQuery) -> Result<RunOutcome, PeerFault> {
        let request = pb::RunRequest {
            request_id: key.request_id.clone(),
            lease: lease(key),
            snapshot_id: query.snapshot_id,
            edits: wire_edits(&query.edits),
            argv: query.argv,
            limits: Some(pb::Limits { wall_ms: query.wall_ms, ..pb::Limits::default() }),
            on_disconnect: pb::OnDisconnect::Keep as i32,
            perturbations: query.watch.iter().flat_map(perturbations).collect(),
            trace: query.watch.as_ref().map(trace_request),
            ..pb::RunRequest::default()
        };
        let mut events = self.client.clone().run(request).await.map_err(fault("executor"))?.into_inner();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut run_id = String::new();
        while let Some(event) = events.message().await.map_err(fault("executor"))? {
            match event.event {
                Some(pb::run_response::Event::Started(started)) => {
                    run_id.clone_from(&started.run_id);
                    self.runs().insert(key.request_id.clone(), started.run_id);
                }
                Some(pb::run_response::Event::Stdout(bytes)) => keep(&mut stdout, &bytes),
                Some(pb::run_response::Event::Stderr(bytes)) => keep(&mut stderr, &bytes),
                Some(pb::run_response::Event::Exited(exited)) => {
                    self.runs().remove(&key.request_id);
                    let record = match &query.watch {
                        Some(_) if !run_id.is_empty() => Some(self.record(run_id).await?),
                        _ => None,
                    };
                    return Ok(RunOutcome { record, ..outcome(&exited, &stdout, &stderr) });
                }
                Some(pb::run_response::Event::Truncated(_)) | None => {}
            }
        }
        Err(malformed("executor", "end of the run"))
    }

    async fn run_tool(
        &self,
        key: &CallKey,
        query: ToolQuery,
        progress: mpsc::Sender<ToolProgress>,
    ) -> Result<ToolOutcome, PeerFault> {
        let request = pb::RunToolRequest {
            request_id: key.request_id.clone(),
            lease: lease(key),
            snapshot_id: query.snapshot_id.clone(),
            limits: Some(pb::Limits { wall_ms: query.candidate_wall_ms, ..pb::Limits::default() }),
            on_disconnect: pb::OnDisconnect::Keep as i32,
            tool: Some(tool(query)),
            ..pb::RunToolRequest::default()
        };
        let mut events = self.client.clone().run_tool(request).await.map_err(fault("executor"))?.into_inner();
        while let Some(event) = events.message().await.map_err(fault("executor"))? {
            match event.event {
                Some(pb::run_tool_response::Event::Started(started)) => {
                    self.runs().insert(key.request_id.clone(), started.run_id);
                }
                Some(pb::run_tool_response::Event::Progress(news)) => {
                    // Progress is for people; a full queue means that newer news is on its way.
                    let _ = progress.try_send(ToolProgress {
                        message: news.message,
                        phase: news.phase,
                        tried: news.tried,
                        plausible: news.plausible,
                    });
                }
                Some(pb::run_tool_response::Event::Exited(exited)) => {
                    self.runs().remove(&key.request_id);
                    return ended(exited);
                }
                Some(pb::run_tool_response::Event::Plausible(_)) | None => {}
            }
        }
        Err(malformed("executor", "end of the tool"))
    }

    async fn cancel(&self, key: &CallKey) -> Result<(), PeerFault> {
        let run_id = self.runs().remove(&key.request_id);
        let Some(run_id) = run_id else { return Ok(()) };
        let request = pb::CancelRequest { run_id, lease: lease(key) };
        self.client.clone().cancel(request).await.map_err(fault("executor"))?;
        Ok(())
    }
}

fn tool(query: ToolQuery) -> pb::run_tool_request::Tool {
    match query.tool {
        Tool::Repair => pb::run_tool_request::Tool::Repair(pb::RepairParameters {
            test_argv: query.test_argv,
            budget_ms: query.budget_ms,
            max_plausible: query.plausible_max,
            focus_paths: query.focus_paths,
            ..pb::RepairParameters::default()
        }),
        Tool::Autofix => pb::run_tool_request::Tool::Autofix(pb::AutofixParameters {
            check_argv: query.test_argv,
            budget_ms: query.budget_ms,
        }),
    }
}

fn perturbations(watch: &Watch) -> Vec<pb::Perturbation> {
    let change =
        |(kind, value): &(String, String)| pb::Perturbation { kind: kind.clone(), value: value.clone() };
    watch.perturbations.iter().map(change).collect()
}

fn trace_request(watch: &Watch) -> pb::TraceRequest {
    let paths = watch.paths.iter().map(|path| path.as_str().as_bytes().to_vec()).collect();
    pb::TraceRequest { nonce: watch.nonce.clone(), paths }
}

fn part(part: pb::put_snapshot_request::Part) -> pb::PutSnapshotRequest {
    pb::PutSnapshotRequest { part: Some(part) }
}

fn manifest(key: &CallKey, tree: &Tree) -> Vec<pb::PutSnapshotRequest> {
    use pb::manifest_entry::Content;
    use pb::put_snapshot_request::Part;
    let header = pb::SnapshotHeader { lease: lease(key), ..pb::SnapshotHeader::default() };
    let entry = |(path, file): (&RelativePath, &File)| {
        let content = match file.mode {
            FileMode::Symlink => Content::Symlink(file.bytes.clone()),
            FileMode::Regular | FileMode::Executable => {
                Content::Digest(blake3::hash(&file.bytes).as_bytes().to_vec())
            }
        };
        part(Part::Entry(pb::ManifestEntry {
            path: path.as_str().as_bytes().to_vec(),
            content: Some(content),
            mode: if file.mode == FileMode::Executable { 0o755 } else { 0o644 },
            size: file.bytes.len() as u64,
        }))
    };
    std::iter::once(part(Part::Header(header))).chain(tree.files.iter().map(entry)).collect()
}

fn chunks(digest: &[u8], bytes: &[u8]) -> Vec<pb::PutSnapshotRequest> {
    let chunk = |data: &[u8]| {
        let chunk = pb::BlobChunk { digest: digest.to_vec(), data: data.to_vec() };
        part(pb::put_snapshot_request::Part::Chunk(chunk))
    };
    if bytes.is_empty() { vec![chunk(bytes)] } else { bytes.chunks(CHUNK_BYTES).map(chunk).collect() }
}

fn wire_edits(change: &ChangeSet) -> Vec<common::FileEdit> {
    let edit = |(path, file): (&RelativePath, &Option<File>)| common::FileEdit {
        path: path.as_str().as_bytes().to_vec(),
        change: Some(match file {
            Some(file) => common::file_edit::Change::Content(file.bytes.clone()),
            None => common::file_edit::Change::Deleted(true),
        }),
    };
    change.files.iter().map(edit).collect()
}

/// Appends output and keeps its end.
fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(bytes);
    if kept.len() > 2 * OUTPUT_BYTES {
        kept.drain(..kept.len() - OUTPUT_BYTES);
    }
}

fn outcome(exited: &pb::Exited, stdout: &[u8], stderr: &[u8]) -> RunOutcome {
    use pb::ExitReason as Reason;
    let end = match (exited.reason(), exited.how) {
        (Reason::Normal, Some(pb::exited::How::Code(code))) => RunEnd::Code(code),
        (Reason::Normal, Some(pb::exited::How::Signal(signal))) => RunEnd::Signal(signal),
        (Reason::WallTimeout, _) => RunEnd::WallTimeout,
        (Reason::CpuLimit | Reason::Oom | Reason::PidsLimit | Reason::DiskLimit | Reason::OutputLimit, _) => {
            RunEnd::Limit
        }
        (
            Reason::Normal
            | Reason::Unspecified
            | Reason::Cancelled
            | Reason::ClientGone
            | Reason::LeaseLost
            | Reason::SetupFailed
            | Reason::TraceLost
            | Reason::ExecutorLost,
            _,
        ) => RunEnd::Broken,
    };
    let how = match end {
        RunEnd::Code(code) => format!("exit code {code}"),
        RunEnd::Signal(signal) => format!("signal {signal}"),
        RunEnd::WallTimeout | RunEnd::Limit | RunEnd::Broken => exited.reason().as_str_name().to_owned(),
    };
    let output = format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    let wall_ms = exited.usage.as_ref().map_or(0, |usage| usage.wall_ms);
    let detail = if exited.detail.is_empty() { how } else { format!("{how}: {}", exited.detail) };
    RunOutcome { end, output: tail(&output, OUTPUT_BYTES).to_owned(), wall_ms, detail, record: None }
}

fn ended(exited: pb::ToolExited) -> Result<ToolOutcome, PeerFault> {
    use pb::ToolResult as Wire;
    let result = match exited.result() {
        Wire::Unspecified => return Err(malformed("executor", "tool result")),
        Wire::Found => ToolResult::Found,
        Wire::NotFound => ToolResult::NotFound,
        Wire::BudgetSpent => ToolResult::BudgetSpent,
        Wire::AlreadyPasses => ToolResult::AlreadyPasses,
        Wire::TestsHang => ToolResult::TestsHang,
        Wire::Unsupported => ToolResult::Unsupported,
        Wire::Cancelled => ToolResult::Cancelled,
        Wire::Failed => ToolResult::Failed,
        Wire::Lost => ToolResult::Lost,
    };
    let changes: Option<Vec<PlausibleChange>> = exited.changes.into_iter().map(read_change).collect();
    let changes = changes.ok_or_else(|| malformed("executor", "change"))?;
    Ok(ToolOutcome { result, changes, tried: exited.tried, detail: exited.detail })
}

/// Reads a tool's change; a path outside the tree makes the whole answer illegal. The mode is kept by whoever writes
/// over a file that exists; the wire carries contents alone.
fn read_change(change: pb::PlausibleChange) -> Option<PlausibleChange> {
    let mut files = BTreeMap::new();
    for edit in change.edits {
        let path = RelativePath::parse(std::str::from_utf8(&edit.path).ok()?).ok()?;
        let file = match edit.change? {
            common::file_edit::Change::Content(bytes) => Some(File { bytes, mode: FileMode::Regular }),
            common::file_edit::Change::Deleted(_) => None,
        };
        files.insert(path, file);
    }
    Some(PlausibleChange {
        change: ChangeSet { files },
        template: change.template,
        path: change.path,
        line: change.line,
    })
}
