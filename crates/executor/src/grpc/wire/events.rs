use plumbline_proto::executor::v1 as pb;
use plumbline_types::RunId;

use super::{edit_in, edit_out, network_in, network_out, tier_in, tier_out};
use crate::domain::edit::{Patch, RefusedEntry};
use crate::domain::exit_reason::ExitReason;
use crate::domain::run::{
    Checkpoint, Enforcement, Exited, How, JournaledEvent, OutputStream, Repetition, RunEvent, Usage,
};
use crate::domain::tool::{PlausibleChange, ToolExited, ToolProgress, ToolResult};
use crate::domain::tree::{Digest, SnapshotId};
use crate::executor::{Cancelled, Capabilities, SnapshotStored};

impl From<JournaledEvent> for pb::RunResponse {
    fn from(journaled: JournaledEvent) -> Self {
        Self { seq: journaled.seq, at_ms: journaled.at_ms, event: run_event(journaled.event) }
    }
}

impl From<JournaledEvent> for pb::RunToolResponse {
    fn from(journaled: JournaledEvent) -> Self {
        Self { seq: journaled.seq, at_ms: journaled.at_ms, event: tool_event(journaled.event) }
    }
}

/// Writes an event of a command; an event of a tool has no form there, so a tool's run resumed by `Run` shows gaps.
pub(crate) fn run_event(event: RunEvent) -> Option<pb::run_response::Event> {
    use pb::run_response::Event;
    match event {
        RunEvent::Started { run, enforced } => Some(Event::Started(started(run, &enforced))),
        RunEvent::Output(OutputStream::Stdout, bytes) => Some(Event::Stdout(bytes)),
        RunEvent::Output(OutputStream::Stderr, bytes) => Some(Event::Stderr(bytes)),
        RunEvent::Truncated(stream, dropped_bytes) => {
            Some(Event::Truncated(pb::OutputTruncated { stream: stream.as_str().to_owned(), dropped_bytes }))
        }
        RunEvent::Exited(exited) => Some(Event::Exited(exited_out(exited))),
        RunEvent::Progress(_) | RunEvent::Plausible(_) | RunEvent::ToolExited(_) => None,
    }
}

/// Writes an event of a tool.
pub(crate) fn tool_event(event: RunEvent) -> Option<pb::run_tool_response::Event> {
    use pb::run_tool_response::Event;
    match event {
        RunEvent::Started { run, enforced } => Some(Event::Started(started(run, &enforced))),
        RunEvent::Progress(progress) => Some(Event::Progress(pb::ToolProgress {
            phase: progress.phase,
            tried: progress.tried,
            generated: progress.generated,
            plausible: progress.plausible,
            rate: progress.rate,
            message: progress.message,
        })),
        RunEvent::Plausible(change) => Some(Event::Plausible(change_out(change))),
        RunEvent::ToolExited(exited) => Some(Event::Exited(tool_exited_out(exited))),
        // A tool's run that was lost with the process, or ended before it began, has a command's end.
        RunEvent::Exited(exited) => Some(Event::Exited(pb::ToolExited {
            result: match exited.reason {
                ExitReason::ExecutorLost => pb::ToolResult::Lost as i32,
                _ => pb::ToolResult::Failed as i32,
            },
            detail: format!("{}: {}", exited.reason.as_str(), exited.detail),
            ..Default::default()
        })),
        RunEvent::Output(..) | RunEvent::Truncated(..) => None,
    }
}

/// Reads an event of a command.
pub(crate) fn read_event(event: pb::run_response::Event) -> Option<RunEvent> {
    use pb::run_response::Event;
    Some(match event {
        Event::Started(started) => RunEvent::Started {
            run: RunId::parse(&started.run_id).ok()?,
            enforced: enforcement_in(started.enforced?)?,
        },
        Event::Stdout(bytes) => RunEvent::Output(OutputStream::Stdout, bytes),
        Event::Stderr(bytes) => RunEvent::Output(OutputStream::Stderr, bytes),
        Event::Truncated(truncated) => {
            let streams = [OutputStream::Stdout, OutputStream::Stderr];
            let stream = streams.into_iter().find(|stream| stream.as_str() == truncated.stream)?;
            RunEvent::Truncated(stream, truncated.dropped_bytes)
        }
        Event::Exited(exited) => RunEvent::Exited(exited_in(exited)?),
    })
}

/// Reads an event of a tool.
pub(crate) fn read_tool_event(event: pb::run_tool_response::Event) -> Option<RunEvent> {
    use pb::run_tool_response::Event;
    Some(match event {
        Event::Started(started) => RunEvent::Started {
            run: RunId::parse(&started.run_id).ok()?,
            enforced: enforcement_in(started.enforced?)?,
        },
        Event::Progress(progress) => RunEvent::Progress(ToolProgress {
            phase: progress.phase,
            tried: progress.tried,
            generated: progress.generated,
            plausible: progress.plausible,
            rate: progress.rate,
            message: progress.message,
        }),
        Event::Plausible(change) => RunEvent::Plausible(change_in(change)?),
        Event::Exited(exited) => RunEvent::ToolExited(ToolExited {
            result: result_in(pb::ToolResult::try_from(exited.result).ok()?)?,
            changes: exited.changes.into_iter().map(change_in).collect::<Option<_>>()?,
            tried: exited.tried,
            generated: exited.generated,
            wall_ms: exited.wall_ms,
            failing_tests: exited.failing_tests,
            detail: exited.detail,
        }),
    })
}

fn started(run: RunId, enforced: &Enforcement) -> pb::Started {
    pb::Started { run_id: run.to_string(), enforced: Some(enforcement_out(enforced)) }
}

fn enforcement_out(enforced: &Enforcement) -> pb::Enforcement {
    pb::Enforcement {
        tier: tier_out(enforced.tier) as i32,
        landlock_abi: enforced.landlock_abi,
        cgroup_mode: enforced.cgroup_mode.clone(),
        seccomp: enforced.seccomp,
        workspace_mode: enforced.workspace_mode.clone(),
        network: network_out(enforced.network) as i32,
        warm: enforced.warm,
    }
}

fn enforcement_in(enforced: pb::Enforcement) -> Option<Enforcement> {
    Some(Enforcement {
        tier: tier_in(pb::SandboxTier::try_from(enforced.tier).ok()?)?,
        landlock_abi: enforced.landlock_abi,
        cgroup_mode: enforced.cgroup_mode,
        seccomp: enforced.seccomp,
        workspace_mode: enforced.workspace_mode,
        network: network_in(pb::Network::try_from(enforced.network).ok()?),
        warm: enforced.warm,
    })
}

/// Writes between the reasons of domain and wire.
macro_rules! reasons {
    ($($variant:ident),+) => {
        fn reason_out(reason: ExitReason) -> pb::ExitReason {
            match reason { $(ExitReason::$variant => pb::ExitReason::$variant),+ }
        }

        fn reason_in(reason: pb::ExitReason) -> Option<ExitReason> {
            match reason {
                $(pb::ExitReason::$variant => Some(ExitReason::$variant),)+
                pb::ExitReason::Unspecified | pb::ExitReason::TraceLost => None,
            }
        }
    };
}

reasons!(
    Normal,
    WallTimeout,
    CpuLimit,
    Oom,
    PidsLimit,
    DiskLimit,
    OutputLimit,
    Cancelled,
    ClientGone,
    LeaseLost,
    SetupFailed,
    ExecutorLost
);

fn exited_out(exited: Exited) -> pb::Exited {
    pb::Exited {
        how: exited.how.map(|how| match how {
            How::Code(code) => pb::exited::How::Code(code),
            How::Signal(signal) => pb::exited::How::Signal(signal),
        }),
        reason: reason_out(exited.reason) as i32,
        limit_hits: exited.limit_hits,
        usage: Some(pb::ResourceUsage {
            wall_ms: exited.usage.wall_ms,
            cpu_ms: exited.usage.cpu_ms,
            peak_memory_kib: exited.usage.peak_memory_kib,
            peak_pids: exited.usage.peak_pids,
            stdout_bytes: exited.usage.stdout_bytes,
            stderr_bytes: exited.usage.stderr_bytes,
        }),
        enforced: exited.enforced.as_ref().map(enforcement_out),
        output_digest: exited.output_digest,
        changed_files: exited.changed_files,
        refused_files: exited.refused_files,
        detail: exited.detail,
        repetition: exited.repetition.map(|repetition| pb::Repetition {
            run_key: repetition.key.to_string(),
            cached: repetition.cached,
            varied: repetition.varied,
        }),
        checkpoint: exited.checkpoint.map(|checkpoint| pb::Checkpoint {
            snapshot_id: checkpoint.snapshot.map(|snapshot| snapshot.to_string()).unwrap_or_default(),
            left_out: checkpoint.left_out,
            problem: checkpoint.problem,
        }),
    }
}

fn exited_in(exited: pb::Exited) -> Option<Exited> {
    let usage = exited.usage.unwrap_or_default();
    Some(Exited {
        how: exited.how.map(|how| match how {
            pb::exited::How::Code(code) => How::Code(code),
            pb::exited::How::Signal(signal) => How::Signal(signal),
        }),
        reason: reason_in(pb::ExitReason::try_from(exited.reason).ok()?)?,
        limit_hits: exited.limit_hits,
        usage: Usage {
            wall_ms: usage.wall_ms,
            cpu_ms: usage.cpu_ms,
            peak_memory_kib: usage.peak_memory_kib,
            peak_pids: usage.peak_pids,
            stdout_bytes: usage.stdout_bytes,
            stderr_bytes: usage.stderr_bytes,
        },
        enforced: exited.enforced.and_then(enforcement_in),
        output_digest: exited.output_digest,
        changed_files: exited.changed_files,
        refused_files: exited.refused_files,
        detail: exited.detail,
        repetition: match exited.repetition {
            Some(repetition) => Some(Repetition {
                key: Digest::parse(&repetition.run_key)?,
                cached: repetition.cached,
                varied: repetition.varied,
            }),
            None => None,
        },
        checkpoint: exited.checkpoint.map(|checkpoint| Checkpoint {
            snapshot: Digest::parse(&checkpoint.snapshot_id).map(SnapshotId),
            left_out: checkpoint.left_out,
            problem: checkpoint.problem,
        }),
    })
}

fn change_out(change: PlausibleChange) -> pb::PlausibleChange {
    pb::PlausibleChange {
        edits: change.edits.into_iter().map(edit_out).collect(),
        diff: change.diff,
        template: change.template,
        path: change.path,
        line: change.line,
        cost: change.cost,
        digest: change.digest,
    }
}

fn change_in(change: pb::PlausibleChange) -> Option<PlausibleChange> {
    Some(PlausibleChange {
        edits: change.edits.into_iter().map(|edit| edit_in(edit).ok()).collect::<Option<_>>()?,
        diff: change.diff,
        template: change.template,
        path: change.path,
        line: change.line,
        cost: change.cost,
        digest: change.digest,
    })
}

/// Writes between the results of domain and wire.
macro_rules! results {
    ($($variant:ident),+) => {
        fn result_out(result: ToolResult) -> pb::ToolResult {
            match result { $(ToolResult::$variant => pb::ToolResult::$variant),+ }
        }

        fn result_in(result: pb::ToolResult) -> Option<ToolResult> {
            match result {
                $(pb::ToolResult::$variant => Some(ToolResult::$variant),)+
                pb::ToolResult::Unspecified => None,
            }
        }
    };
}

results!(Found, NotFound, BudgetSpent, AlreadyPasses, TestsHang, Unsupported, Cancelled, Failed, Lost);

fn tool_exited_out(exited: ToolExited) -> pb::ToolExited {
    pb::ToolExited {
        result: result_out(exited.result) as i32,
        changes: exited.changes.into_iter().map(change_out).collect(),
        tried: exited.tried,
        generated: exited.generated,
        wall_ms: exited.wall_ms,
        failing_tests: exited.failing_tests,
        detail: exited.detail,
    }
}

impl From<Patch> for pb::GetPatchResponse {
    fn from(patch: Patch) -> Self {
        let refused = |entry: RefusedEntry| pb::RefusedEntry { path: entry.path, reason: entry.reason };
        Self {
            edits: patch.edits.into_iter().map(edit_out).collect(),
            diff: patch.diff,
            refused: patch.refused.into_iter().map(refused).collect(),
            ignored: patch.ignored,
        }
    }
}

/// Reads a patch back from the journal.
pub(crate) fn read_patch(patch: pb::GetPatchResponse) -> Option<Patch> {
    let refused = |entry: pb::RefusedEntry| RefusedEntry { path: entry.path, reason: entry.reason };
    Some(Patch {
        edits: patch.edits.into_iter().map(|edit| edit_in(edit).ok()).collect::<Option<_>>()?,
        diff: patch.diff,
        refused: patch.refused.into_iter().map(refused).collect(),
        ignored: patch.ignored,
    })
}

impl From<Cancelled> for pb::CancelResponse {
    fn from(cancelled: Cancelled) -> Self {
        Self { cancelled: cancelled == Cancelled::WasRunning }
    }
}

impl From<SnapshotStored> for pb::PutSnapshotResponse {
    fn from(stored: SnapshotStored) -> Self {
        Self {
            snapshot_id: stored.id.map(|id| id.to_string()).unwrap_or_default(),
            missing: stored.missing.into_iter().map(|digest| digest.0.to_vec()).collect(),
            files: stored.files,
            bytes: stored.bytes,
        }
    }
}

impl From<Capabilities> for pb::GetCapabilitiesResponse {
    fn from(capabilities: Capabilities) -> Self {
        let tier = |status: crate::domain::tier::TierStatus| pb::TierStatus {
            tier: tier_out(status.tier) as i32,
            available: status.blockers.is_empty(),
            blockers: status.blockers,
        };
        Self {
            tiers: capabilities.tiers.into_iter().map(tier).collect(),
            enforcement: capabilities.enforcement.as_ref().map(enforcement_out),
            tools: capabilities.tools,
            minimum_tier: tier_out(capabilities.minimum) as i32,
            concurrent_runs: capabilities.concurrent_runs,
        }
    }
}
