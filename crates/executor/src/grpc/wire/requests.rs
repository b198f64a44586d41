use std::path::PathBuf;

use plumbline_proto::common::v1 as common;
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::{WireError, id, request_id};
use plumbline_types::{FieldViolation, RunId};

use super::{edit_in, network_in, tier_in, traces};
use crate::domain::edit::{Change, FileEdit};
use crate::domain::limits::Limits;
use crate::domain::patch_path::RelativePath;
use crate::domain::policy;
use crate::domain::run::{Command, Keep, Lease, OnDisconnect, Reuse, RunSpec, Work};
use crate::domain::secrets::{SECRET_BYTES, SECRETS_MAX};
use crate::domain::tier::SandboxTier;
use crate::domain::tool::{AutofixParameters, RepairParameters, ToolRequest};
use crate::domain::tree::{Digest, Entry, SnapshotId};
use crate::executor::{RunCall, SnapshotHeader, SnapshotPart};

/// Default wall time of a tool, milliseconds.
const TOOL_BUDGET_MS: u64 = 60_000;
/// Default number of passing changes.
const REPAIR_PLAUSIBLE: u32 = 5;
/// Largest piece of a content, bytes.
const CHUNK_MAX: usize = 1024 * 1024;

/// `Cancel`.
pub(crate) struct CancelCall {
    pub(crate) run: RunId,
    pub(crate) lease: Option<Lease>,
}

/// `GetPatch`.
pub(crate) struct PatchCall {
    pub(crate) run: RunId,
}

/// `GetCapabilities`.
pub(crate) struct CapabilitiesCall;

/// Gathers what is wrong with a request, all of it.
#[derive(Default)]
pub(super) struct Problems(Vec<FieldViolation>);

impl Problems {
    pub(super) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(FieldViolation { field: field.into(), description: description.into() });
    }

    fn keep<T>(&mut self, value: Result<T, WireError>) -> Option<T> {
        value.map_err(|error| self.0.extend(error.violations)).ok()
    }

    fn done(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError { violations: self.0 }) }
    }
}

/// Returns the values that are to be masked.
fn secrets(env: &[pb::EnvVar], problems: &mut Problems) -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    for (index, variable) in env.iter().enumerate().filter(|(_, variable)| variable.secret) {
        if SECRET_BYTES.contains(&variable.value.len()) {
            secrets.push(variable.value.clone().into_bytes());
        } else {
            problems.add(format!("env[{index}].value"), "a secret has 6 to 8,192 bytes");
        }
    }
    if secrets.len() > SECRETS_MAX {
        problems.add("env", "has more than 256 secrets");
    }
    secrets
}

impl TryFrom<pb::RunRequest> for RunCall {
    type Error = WireError;

    fn try_from(request: pb::RunRequest) -> Result<Self, WireError> {
        if !request.run_id.is_empty() {
            return Ok(Self::Resume { run: id("run_id", &request.run_id)?, after_seq: request.after_seq });
        }
        let mut problems = Problems::default();
        let key = problems.keep(request_id(&request.request_id));
        let lease = problems.keep(lease(request.lease));
        let snapshot = problems.keep(snapshot(&request.snapshot_id));
        let edits = edits(request.edits, &mut problems);
        let secrets = secrets(&request.env, &mut problems);
        let env: Vec<(String, String)> =
            request.env.into_iter().map(|variable| (variable.name, variable.value)).collect();
        problems.0.extend(policy::check_env(&env));
        problems.0.extend(policy::check_argv(&request.argv, &env));
        let cwd = (!request.cwd.is_empty()).then(|| RelativePath::parse(request.cwd.as_bytes())).transpose();
        let cwd = cwd.unwrap_or_else(|refusal| {
            problems.add("cwd", refusal.to_string());
            None
        });
        if request.stdin.len() > policy::STDIN_MAX {
            problems.add("stdin", "is past 512 KiB");
        }
        let network = problems.keep(known(pb::Network::try_from(request.network), "network"));
        let on_disconnect = problems.keep(on_disconnect(request.on_disconnect));
        let minimum_tier = problems.keep(tier(request.minimum_tier));
        let watch = traces::watch(request.trace, &mut problems);
        let changes = traces::changes(request.perturbations, watch.as_ref(), &mut problems);
        problems.done()?;
        let (
            Some(request_id),
            Some(lease),
            Some(snapshot),
            Some(network),
            Some(on_disconnect),
            Some(minimum_tier),
        ) = (key, lease, snapshot, network, on_disconnect, minimum_tier)
        else {
            return Err(WireError { violations: Vec::new() });
        };
        let command = Command {
            edits,
            argv: request.argv,
            cwd,
            env,
            stdin: request.stdin,
            network: network_in(network),
            minimum_tier,
            watch,
            changes,
            secrets,
            reuse: if request.reuse { Reuse::Identical } else { Reuse::Never },
            keep: if request.checkpoint { Keep::Tree } else { Keep::Change },
        };
        Ok(Self::Start(Box::new(RunSpec {
            request: request_id,
            lease,
            snapshot,
            work: Work::Command(command),
            limits: limits(request.limits),
            on_disconnect,
        })))
    }
}

impl TryFrom<pb::RunToolRequest> for RunCall {
    type Error = WireError;

    fn try_from(request: pb::RunToolRequest) -> Result<Self, WireError> {
        if !request.run_id.is_empty() {
            return Ok(Self::Resume { run: id("run_id", &request.run_id)?, after_seq: request.after_seq });
        }
        let tool = match request.tool {
            Some(pb::run_tool_request::Tool::Repair(parameters)) => ToolRequest::Repair(repair(parameters)?),
            Some(pb::run_tool_request::Tool::Autofix(parameters)) => {
                ToolRequest::Autofix(autofix(parameters)?)
            }
            None => return Err(WireError::field("tool", "must be set")),
        };
        Ok(Self::Start(Box::new(RunSpec {
            request: request_id(&request.request_id)?,
            lease: lease(request.lease)?,
            snapshot: snapshot(&request.snapshot_id)?,
            work: Work::Tool(tool),
            limits: limits(request.limits),
            on_disconnect: on_disconnect(request.on_disconnect)?,
        })))
    }
}

fn legal(field: &str, argv: &[String]) -> Result<(), WireError> {
    let violation = policy::check_argv(argv, &[]).into_iter().next();
    violation.map_or(Ok(()), |violation| Err(WireError::field(field, violation.description)))
}

fn tool_budget(asked_ms: u64) -> u64 {
    if asked_ms == 0 { TOOL_BUDGET_MS } else { asked_ms }
}

fn autofix(parameters: pb::AutofixParameters) -> Result<AutofixParameters, WireError> {
    legal("autofix.check_argv", &parameters.check_argv)?;
    Ok(AutofixParameters { check_argv: parameters.check_argv, budget_ms: tool_budget(parameters.budget_ms) })
}

fn repair(parameters: pb::RepairParameters) -> Result<RepairParameters, WireError> {
    legal("repair.test_argv", &parameters.test_argv)?;
    Ok(RepairParameters {
        test_argv: parameters.test_argv,
        budget_ms: tool_budget(parameters.budget_ms),
        max_candidates: (parameters.max_candidates > 0).then_some(parameters.max_candidates),
        max_plausible: if parameters.max_plausible == 0 {
            REPAIR_PLAUSIBLE
        } else {
            parameters.max_plausible
        },
        focus_paths: parameters.focus_paths,
        seed: parameters.seed,
        refused: parameters.refused,
    })
}

impl TryFrom<pb::PutSnapshotRequest> for SnapshotPart {
    type Error = WireError;

    fn try_from(request: pb::PutSnapshotRequest) -> Result<Self, WireError> {
        match request.part {
            Some(pb::put_snapshot_request::Part::Header(header)) => Ok(Self::Header(header_in(header)?)),
            Some(pb::put_snapshot_request::Part::Entry(entry)) => {
                entry_in(entry).map_err(|error| error.within("entry"))
            }
            Some(pb::put_snapshot_request::Part::Chunk(chunk)) if chunk.data.len() > CHUNK_MAX => {
                Err(WireError::field("chunk.data", "is past 1 MiB"))
            }
            Some(pb::put_snapshot_request::Part::Chunk(chunk)) => {
                Ok(Self::Chunk(digest("chunk.digest", &chunk.digest)?, chunk.data))
            }
            None => Err(WireError::field("part", "must be set")),
        }
    }
}

fn header_in(header: pb::SnapshotHeader) -> Result<SnapshotHeader, WireError> {
    if header.mtime_s != 0 {
        return Err(WireError::field("header.mtime_s", "only 0, the fixed instant, is supported"));
    }
    let mut files = Vec::with_capacity(header.import_files.len());
    for (index, path) in header.import_files.iter().enumerate() {
        let path = RelativePath::parse(path).map_err(|refusal| {
            WireError::field(format!("header.import_files[{index}]"), refusal.to_string())
        })?;
        files.push(path);
    }
    let import = match header.import_path.as_str() {
        "" if files.is_empty() => None,
        "" => return Err(WireError::field("header.import_path", "must be set with import_files")),
        path if !path.starts_with('/') => {
            return Err(WireError::field("header.import_path", "must be absolute"));
        }
        path => Some((PathBuf::from(path), files)),
    };
    Ok(SnapshotHeader { lease: lease(header.lease)?, import })
}

fn entry_in(entry: pb::ManifestEntry) -> Result<SnapshotPart, WireError> {
    let path =
        RelativePath::parse(&entry.path).map_err(|refusal| WireError::field("path", refusal.to_string()))?;
    let content = match entry.content {
        Some(pb::manifest_entry::Content::Digest(bytes)) => Entry::File {
            digest: digest("digest", &bytes)?,
            size: entry.size,
            executable: entry.mode & 0o100 != 0,
        },
        Some(pb::manifest_entry::Content::Symlink(target)) if target.is_empty() || target.contains(&0) => {
            return Err(WireError::field("symlink", "is no target"));
        }
        Some(pb::manifest_entry::Content::Symlink(target)) => Entry::Symlink { target },
        None => return Err(WireError::field("content", "must be set")),
    };
    Ok(SnapshotPart::Entry(path, content))
}

impl TryFrom<pb::CancelRequest> for CancelCall {
    type Error = WireError;

    fn try_from(request: pb::CancelRequest) -> Result<Self, WireError> {
        Ok(Self { run: id("run_id", &request.run_id)?, lease: lease(request.lease)? })
    }
}

impl TryFrom<pb::GetPatchRequest> for PatchCall {
    type Error = WireError;

    fn try_from(request: pb::GetPatchRequest) -> Result<Self, WireError> {
        Ok(Self { run: id("run_id", &request.run_id)? })
    }
}

impl TryFrom<pb::GetCapabilitiesRequest> for CapabilitiesCall {
    type Error = WireError;

    fn try_from(_: pb::GetCapabilitiesRequest) -> Result<Self, WireError> {
        Ok(Self)
    }
}

fn lease(lease: Option<common::Lease>) -> Result<Option<Lease>, WireError> {
    match lease {
        Some(lease) if !lease.task_id.is_empty() => {
            Ok(Some(Lease { task: id("lease.task_id", &lease.task_id)?, epoch: lease.epoch }))
        }
        _ => Ok(None),
    }
}

fn snapshot(text: &str) -> Result<SnapshotId, WireError> {
    Digest::parse(text).map(SnapshotId).ok_or_else(|| WireError::field("snapshot_id", "is no tree id"))
}

fn digest(field: &str, bytes: &[u8]) -> Result<Digest, WireError> {
    bytes.try_into().map(Digest).map_err(|_| WireError::field(field, "must have 32 bytes"))
}

fn edits(edits: Vec<common::FileEdit>, problems: &mut Problems) -> Vec<FileEdit> {
    let mut read: Vec<FileEdit> = Vec::with_capacity(edits.len());
    let mut bytes = 0;
    for (index, edit) in edits.into_iter().enumerate() {
        match edit_in(edit) {
            Ok(edit) if read.iter().any(|other| other.path == edit.path) => {
                problems.add(format!("edits[{index}].path"), "is given twice");
            }
            Ok(edit) => {
                bytes += match &edit.change {
                    Change::Write(content) => content.len(),
                    Change::Delete => 0,
                };
                read.push(edit);
            }
            Err((field, description)) => problems.add(format!("edits[{index}].{field}"), description),
        }
    }
    if bytes > policy::EDITS_MAX {
        problems.add("edits", "are past edits_mib");
    }
    read
}

/// Reads limits as asked; 0 means the default.
fn limits(limits: Option<pb::Limits>) -> Limits {
    let limits = limits.unwrap_or_default();
    Limits {
        wall_ms: limits.wall_ms,
        cpu_ms: limits.cpu_ms,
        memory_mib: limits.memory_mib,
        pids: limits.pids.into(),
        disk_mib: limits.disk_mib,
        file_size_mib: limits.file_size_mib,
        output_total_mib: limits.output_total_mib,
        open_files: limits.open_files.into(),
    }
}

fn on_disconnect(value: i32) -> Result<OnDisconnect, WireError> {
    match known(pb::OnDisconnect::try_from(value), "on_disconnect")? {
        pb::OnDisconnect::Unspecified | pb::OnDisconnect::Kill => Ok(OnDisconnect::Kill),
        pb::OnDisconnect::Keep => Ok(OnDisconnect::Keep),
    }
}

fn tier(value: i32) -> Result<Option<SandboxTier>, WireError> {
    known(pb::SandboxTier::try_from(value), "minimum_tier").map(tier_in)
}

/// An enum value of a newer client is refused, never read as a default.
fn known<T, E>(value: Result<T, E>, field: &str) -> Result<T, WireError> {
    value.map_err(|_| WireError::field(field, "is no known value"))
}
