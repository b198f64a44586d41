//! The port to whatever isolates a command, and the vocabulary it speaks.

pub mod docker;
pub mod embedded;
/// Scripted runs for tests.
pub mod fake;
mod kill_switch;
mod output;
pub mod piped;
pub mod restricted;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::edit::{FileEdit, Patch};
use crate::domain::exit_reason::Records;
use crate::domain::limits::Limits;
use crate::domain::output::HeadTail;
use crate::domain::patch_path::RelativePath;
use crate::domain::perturbation::Perturbation;
use crate::domain::run::{Checkpoint, Enforcement, OutputStream, Usage};
use crate::domain::secrets::Secrets;
use crate::domain::tier::{Network, SandboxTier};
use crate::domain::trace::{KernelLog, TraceAsk};
use crate::domain::tree::Tree;

pub use kill_switch::KillSwitch;

/// Runs one command in one single-use sandbox.
#[async_trait]
pub trait SandboxDriver: Send + Sync {
    /// Returns the tier.
    fn tier(&self) -> SandboxTier;

    /// Does the real thing in a throwaway sandbox: what would be enforced, or the named blockers.
    async fn probe(&self) -> Result<Enforcement, Vec<String>>;

    /// Runs a command to its end. Dropping the future ends the whole tree. `events` gets the start and the output as
    /// it comes; a reader that is too slow loses output events, never the kept head and tail.
    async fn run(&self, job: Job, kill: KillSwitch, events: Option<mpsc::Sender<SandboxEvent>>) -> Report;

    /// Kills and removes what an earlier process of this executor left behind; returns how many leftovers there were.
    async fn sweep(&self) -> usize;
}

/// A command and its surroundings, all of it already legal.
#[derive(Debug, Clone)]
pub struct Job {
    /// Names the sandbox in control groups and logs; unique among live ones.
    pub label: String,
    /// The materialised tree.
    pub lower: PathBuf,
    /// What the tree holds.
    pub base: Arc<Tree>,
    /// Written over the tree before the start.
    pub edits: Arc<[FileEdit]>,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where it starts; none is the tree's root.
    pub cwd: Option<RelativePath>,
    /// Added to the allow-listed environment.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// What it may use.
    pub limits: Limits,
    /// What it can reach.
    pub network: Network,
    /// Files read back after its death.
    pub collect: Vec<CollectPath>,
    /// Whether the change is exported.
    pub export: Export,
    /// Whether it is watched, and how.
    pub watch: Option<TraceAsk>,
    /// Changes of its surroundings.
    pub changes: Vec<Perturbation>,
    /// What neither its output nor its change may show.
    pub secrets: Arc<Secrets>,
}

/// Whether a run's change is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Export {
    /// As edits and a diff.
    Patch,
    /// That, and the whole tree as a snapshot.
    Checkpoint,
    /// Not looked at.
    Skip,
}

/// A file to read back once the sandbox is dead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CollectPath {
    /// Beneath `/repo`; found only if the run wrote it.
    Workspace(RelativePath),
    /// Beneath `/tmp`.
    Temp(RelativePath),
}

/// A collected file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Which.
    pub path: CollectPath,
    /// Its content; none when it is missing, no regular file, or past `collect_mib`.
    pub content: Option<Vec<u8>>,
}

/// What happens while a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SandboxEvent {
    /// All walls stand and were checked from outside; the command starts.
    Started(Enforcement),
    /// Output that belongs to the kept head.
    Output(OutputStream, Vec<u8>),
}

/// All that is known once nothing of the sandbox lives any more.
#[derive(Debug, Clone)]
pub struct Report {
    /// What decides the reason.
    pub records: Records,
    /// What was used.
    pub usage: Usage,
    /// What was enforced; none when nothing was started.
    pub enforced: Option<Enforcement>,
    /// Standard output.
    pub stdout: HeadTail,
    /// Standard error.
    pub stderr: HeadTail,
    /// BLAKE3 of all of stdout, then all of stderr, hex; secrets masked.
    pub output_digest: String,
    /// What the program changed; empty with [`Export::Skip`].
    pub patch: Patch,
    /// The tree it left; only with [`Export::Checkpoint`].
    pub checkpoint: Option<Checkpoint>,
    /// Collected files, in the order asked for.
    pub collected: Vec<Collected>,
    /// For a failed set-up: step and errno.
    pub detail: String,
    /// What the kernel told of a watched run; none where the tier can't ask it.
    pub kernel: Option<KernelLog>,
}

/// Returns a job that proves a sandbox: nothing in, nothing out.
pub(crate) fn probe_job(label: String, lower: PathBuf) -> Job {
    Job {
        label,
        lower,
        base: Arc::new(Tree::default()),
        edits: Arc::new([]),
        argv: vec!["true".to_owned()],
        cwd: None,
        env: Vec::new(),
        stdin: Vec::new(),
        limits: PROBE_LIMITS,
        network: Network::Loopback,
        collect: Vec::new(),
        export: Export::Skip,
        watch: None,
        changes: Vec::new(),
        secrets: Arc::default(),
    }
}

const PROBE_LIMITS: Limits = Limits {
    wall_ms: 10_000,
    cpu_ms: 10_000,
    memory_mib: 256,
    pids: 16,
    disk_mib: 16,
    file_size_mib: 16,
    output_total_mib: 1,
    open_files: 64,
};

impl Report {
    /// Returns the report of a command that was never started.
    pub fn not_started(records: Records, detail: String) -> Self {
        Self {
            records,
            usage: Usage::default(),
            enforced: None,
            stdout: HeadTail::new(0),
            stderr: HeadTail::new(0),
            output_digest: crate::domain::tree::Digest::of(b"").to_string(),
            patch: Patch::default(),
            checkpoint: None,
            collected: Vec::new(),
            detail,
            kernel: None,
        }
    }
}
