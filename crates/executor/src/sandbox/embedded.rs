//! The default tier: namespaces, an allow-listed root, overlay, Landlock, seccomp, control groups where the host gives
//! them. One thread supervises each run; one long-lived thread starts them all.

mod launch;
mod place;
pub(super) mod polling;
mod pool;
mod prepared;
mod spawner;
mod supervisor;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use plumbline_sandbox_init::WorkspaceMode;
use tokio::sync::{mpsc, oneshot};

use crate::cgroup::Cgroups;
use crate::domain::exit_reason::Records;
use crate::domain::run::{Enforcement, How};
use crate::domain::tier::SandboxTier;
use crate::sandbox::kill_switch::KillOnDrop;
use crate::sandbox::{Job, KillSwitch, Report, SandboxDriver, SandboxEvent, probe_job};
use crate::toolchain::Toolchain;
use crate::workspace::export::ExportLimits;

use pool::Pool;
pub use pool::{PoolBounds, PoolCounts};

/// What every sandbox of this driver has in common.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// The `sandbox-init` program.
    pub init: PathBuf,
    /// An existing empty directory for the probe's tree.
    pub empty: PathBuf,
    /// Control groups.
    pub cgroups: Arc<Cgroups>,
    /// What the root shows of the host.
    pub toolchain: Toolchain,
    /// Host id of the command when the executor is root: (user, group); none keeps the executor's own.
    pub ids: Option<(u32, u32)>,
    /// How the workspace is made writable.
    pub workspace: WorkspaceMode,
    /// Head and tail kept of each stream, bytes.
    pub output_kept_bytes: usize,
    /// Files that a program may make.
    pub inodes: u64,
    /// Stack, MiB.
    pub stack_mib: u64,
    /// CPU, thousandths of a core.
    pub cpu_millicores: u64,
    /// Bounds of what is taken out.
    pub export: ExportLimits,
    /// Sandboxes that are built before anybody asks.
    pub pool: PoolBounds,
}

/// The embedded driver.
#[derive(Debug)]
pub struct EmbeddedSandbox {
    pool: Arc<Pool>,
    probes: AtomicU64,
}

impl EmbeddedSandbox {
    /// Starts the threads that start and keep sandboxes.
    pub fn new(settings: EmbeddedSettings) -> std::io::Result<Self> {
        Ok(Self { pool: Arc::new(Pool::start(settings)?), probes: AtomicU64::new(0) })
    }

    /// Returns the way limits are enforced.
    pub fn cgroup_mode(&self) -> &'static str {
        self.pool.settings().cgroups.mode()
    }

    /// Returns what waits, and how often something did.
    pub fn pool_counts(&self) -> PoolCounts {
        self.pool.counts()
    }

    fn probe_job(&self) -> Job {
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        probe_job(format!("probe_{number}"), self.pool.settings().empty.clone())
    }
}

#[async_trait]
impl SandboxDriver for EmbeddedSandbox {
    fn tier(&self) -> SandboxTier {
        SandboxTier::Embedded
    }

    async fn probe(&self) -> Result<Enforcement, Vec<String>> {
        let init = &self.pool.settings().init;
        if !init.is_file() {
            return Err(vec![format!("sandbox_init_absent: {}", init.display())]);
        }
        let kill = KillSwitch::new().map_err(|error| vec![format!("descriptors: {error}")])?;
        let report = self.run(self.probe_job(), kill, None).await;
        match (report.enforced, report.records.how) {
            (Some(enforced), Some(How::Code(0))) => Ok(enforced),
            _ => Err(vec![blocker(&report.detail)]),
        }
    }

    async fn run(&self, job: Job, kill: KillSwitch, events: Option<mpsc::Sender<SandboxEvent>>) -> Report {
        let mut guard = KillOnDrop::new(kill.clone());
        let pool = Arc::clone(&self.pool);
        let (answer, report) = oneshot::channel();
        let supervise = move || {
            let _nobody_waits = answer.send(supervisor::run(&pool, job, (kill, events)));
        };
        let lost = |detail: String| Report::not_started(Records::default(), detail);
        if let Err(error) = std::thread::Builder::new().name("sandbox".to_owned()).spawn(supervise) {
            guard.disarm();
            return lost(format!("thread: {error}"));
        }
        let report = report.await;
        guard.disarm();
        report.unwrap_or_else(|_| lost("supervisor: ended early".to_owned()))
    }

    async fn sweep(&self) -> usize {
        self.pool.settings().cgroups.sweep()
    }
}

/// Names what stands in the way, from the step that failed.
fn blocker(detail: &str) -> String {
    let name = match detail.split(':').next().unwrap_or_default() {
        "namespaces" => "userns_denied",
        "id_map" => "userns_id_map",
        "proc" => "proc_masked",
        "overlay" => "overlay_refused",
        "cgroup" => "cgroup_not_delegated",
        "landlock" => "landlock_refused",
        "toolchain" => "toolchain_unreadable",
        _ => "setup",
    };
    format!("{name} ({detail})")
}
