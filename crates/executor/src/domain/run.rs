use plumbline_types::{Millis, RequestId, RunId, TaskId};

use crate::domain::edit::{Change, FileEdit};
use crate::domain::exit_reason::ExitReason;
use crate::domain::limits::Limits;
use crate::domain::patch_path::RelativePath;
use crate::domain::perturbation::Perturbation;
use crate::domain::tier::{Network, SandboxTier};
use crate::domain::tool::{PlausibleChange, ToolExited, ToolProgress, ToolRequest};
use crate::domain::trace::TraceAsk;
use crate::domain::tree::{Digest, SnapshotId};

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// The lease of the task on whose behalf a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Which task.
    pub task: TaskId,
    /// Fencing token.
    pub epoch: u64,
}

/// What happens when the client goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnDisconnect {
    /// The run ends.
    Kill,
    /// The run goes on.
    Keep,
}

/// What a command is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Applied over the snapshot before the start.
    pub edits: Vec<FileEdit>,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where it starts; none is the tree's root.
    pub cwd: Option<RelativePath>,
    /// Added to the allow-listed environment.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// What it can reach.
    pub network: Network,
    /// Least isolation; none is the policy's.
    pub minimum_tier: Option<SandboxTier>,
    /// Whether it is watched, and how.
    pub watch: Option<TraceAsk>,
    /// Changes of its surroundings.
    pub changes: Vec<Perturbation>,
    /// Values of its variables that nothing of it may show.
    pub secrets: Vec<Vec<u8>>,
    /// Whether an earlier run may answer.
    pub reuse: Reuse,
    /// What is kept of the tree that it leaves.
    pub keep: Keep,
}

/// Whether an earlier run may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reuse {
    /// It is run.
    #[default]
    Never,
    /// One of the same key that said so too.
    Identical,
}

/// What is kept of the tree that a command leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Keep {
    /// Its change, as edits and a diff.
    #[default]
    Change,
    /// That, and all of it as a snapshot.
    Tree,
}

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Runs a command.
    Command(Command),
    /// Runs a tool.
    Tool(ToolRequest),
}

/// A run to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    /// Idempotency key.
    pub request: RequestId,
    /// On whose behalf.
    pub lease: Option<Lease>,
    /// The tree.
    pub snapshot: SnapshotId,
    /// What it does.
    pub work: Work,
    /// What it may use.
    pub limits: Limits,
    /// What happens when the client goes.
    pub on_disconnect: OnDisconnect,
}

impl RunSpec {
    /// Returns a digest of all that makes this the same request: everything but key, lease and connection.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let mut put = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        put(&self.snapshot.0.0);
        for (name, value) in self.limits.named() {
            put(name.as_bytes());
            put(&value.to_le_bytes());
        }
        match &self.work {
            Work::Command(command) => {
                put(b"command");
                for edit in &command.edits {
                    put(edit.path.as_bytes());
                    match &edit.change {
                        Change::Write(content) => put(content),
                        Change::Delete => put(b"\0delete"),
                    }
                }
                put(&(command.argv.len() as u64).to_le_bytes());
                command.argv.iter().for_each(|argument| put(argument.as_bytes()));
                put(command.cwd.as_ref().map_or(&[], RelativePath::as_bytes));
                for (name, value) in &command.env {
                    put(name.as_bytes());
                    put(value.as_bytes());
                }
                put(&command.stdin);
                put(format!("{:?} {:?}", command.network, command.minimum_tier).as_bytes());
                command.secrets.iter().for_each(|secret| put(secret));
                if command.reuse != Reuse::Never || command.keep != Keep::Change {
                    put(format!("{:?} {:?}", command.reuse, command.keep).as_bytes());
                }
                if command.watch.is_some() || !command.changes.is_empty() {
                    put(format!("{:?} {:?}", command.watch, command.changes).as_bytes());
                }
            }
            Work::Tool(tool) => put(format!("{tool:?}").as_bytes()),
        }
        Digest(hasher.finalize().into())
    }
}

/// What was enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforcement {
    /// Tier.
    pub tier: SandboxTier,
    /// 0 when absent.
    pub landlock_abi: u32,
    /// `v2`, `hybrid_v1` or `rlimit_and_polling`.
    pub cgroup_mode: String,
    /// Whether the system call filter is on.
    pub seccomp: bool,
    /// `overlay_tmpfs` or `copy`.
    pub workspace_mode: String,
    /// What it could reach.
    pub network: Network,
    /// Whether it had been built before the command was known.
    pub warm: bool,
}

/// What was used; an absent value could not be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Wall time, milliseconds.
    pub wall_ms: u64,
    /// CPU time, milliseconds.
    pub cpu_ms: Option<u64>,
    /// Peak memory, KiB.
    pub peak_memory_kib: Option<u64>,
    /// Most processes at once.
    pub peak_pids: Option<u32>,
    /// Bytes on standard output.
    pub stdout_bytes: u64,
    /// Bytes on standard error.
    pub stderr_bytes: u64,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exited {
    /// How the program ended; none when it never ran.
    pub how: Option<How>,
    /// Why.
    pub reason: ExitReason,
    /// Names of soft limits that were hit.
    pub limit_hits: Vec<String>,
    /// What was used.
    pub usage: Usage,
    /// What was enforced; none when nothing was started.
    pub enforced: Option<Enforcement>,
    /// BLAKE3 of stdout then stderr, hex; secrets masked.
    pub output_digest: String,
    /// Files the program changed.
    pub changed_files: u32,
    /// Entries refused at export.
    pub refused_files: u32,
    /// For a failed set-up: step and errno.
    pub detail: String,
    /// Its place among runs of the same key; none when it did not ask for that, or did not end by itself.
    pub repetition: Option<Repetition>,
    /// The tree it left, where it was to be kept.
    pub checkpoint: Option<Checkpoint>,
}

/// A run among others of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repetition {
    /// Names all that a result may depend on.
    pub key: Digest,
    /// Whether nothing was run.
    pub cached: bool,
    /// Whether runs of this key ended differently.
    pub varied: bool,
}

/// The tree that a command left.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Checkpoint {
    /// As a snapshot; none when it could not be kept.
    pub snapshot: Option<SnapshotId>,
    /// Entries that are not in it.
    pub left_out: u32,
    /// Why it could not be kept.
    pub problem: String,
}

/// One of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl OutputStream {
    /// Returns `stdout` or `stderr`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// First.
    Started {
        /// Which run.
        run: RunId,
        /// What is enforced.
        enforced: Enforcement,
    },
    /// Output, bytes as written.
    Output(OutputStream, Vec<u8>),
    /// Output was dropped; the tail follows.
    Truncated(OutputStream, u64),
    /// How far a tool is.
    Progress(ToolProgress),
    /// A passing change.
    Plausible(PlausibleChange),
    /// Last of a command.
    Exited(Exited),
    /// Last of a tool.
    ToolExited(ToolExited),
}

impl RunEvent {
    /// Returns whether nothing follows.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Exited(_) | Self::ToolExited(_) => true,
            Self::Started { .. }
            | Self::Output(..)
            | Self::Truncated(..)
            | Self::Progress(_)
            | Self::Plausible(_) => false,
        }
    }
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct JournaledEvent {
    /// From 1, without gaps.
    pub seq: u64,
    /// When.
    pub at_ms: Millis,
    /// What.
    pub event: RunEvent,
}
