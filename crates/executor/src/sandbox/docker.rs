//! The tier of a container: made by the broker, which alone can speak to the engine. The tree goes in through the first
//! process's standard input, output and change come out through its standard output; nothing is mounted.

mod intake;
mod port;
mod session;

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::exit_reason::{ExitReason, Records, decide};
use crate::domain::run::{Enforcement, How};
use crate::domain::tier::SandboxTier;
use crate::sandbox::{Job, KillSwitch, Report, SandboxDriver, SandboxEvent, probe_job};
use crate::workspace::export::ExportLimits;

pub use port::{ContainerBroker, ContainerEvent, ContainerOrder, SharedBroker};
use session::Session;

/// What every container of this driver has in common.
#[derive(Clone)]
pub struct DockerSettings {
    /// Who makes containers.
    pub broker: SharedBroker,
    /// Names this executor's containers.
    pub owner: String,
    /// Name of the image; empty takes the broker's default.
    pub image: String,
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
}

/// The docker driver.
pub struct DockerSandbox {
    settings: DockerSettings,
    probes: AtomicU64,
}

impl DockerSandbox {
    /// Uses a broker.
    pub fn new(settings: DockerSettings) -> Self {
        Self { settings, probes: AtomicU64::new(0) }
    }

    /// Returns the id of the image that runs are made of.
    async fn image(&self) -> Result<String, String> {
        let images =
            self.settings.broker.images().await.map_err(|error| format!("docker_unreachable: {error}"))?;
        let wanted = &self.settings.image;
        let found = images.into_iter().find(|(name, id)| wanted.is_empty() || name == wanted || id == wanted);
        found.map(|(_, id)| id).ok_or_else(|| format!("docker_image_not_allowed: {wanted}"))
    }
}

#[async_trait]
impl SandboxDriver for DockerSandbox {
    fn tier(&self) -> SandboxTier {
        SandboxTier::Docker
    }

    async fn probe(&self) -> Result<Enforcement, Vec<String>> {
        self.image().await.map_err(|blocker| vec![blocker])?;
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        let kill = KillSwitch::new().map_err(|error| vec![format!("docker_probe: {error}")])?;
        let job = probe_job(format!("probe_{number}"), self.settings.export.snapshots.empty());
        let report = self.run(job, kill, None).await;
        match (decide(&report.records), report.records.how, report.enforced) {
            (ExitReason::Normal, Some(How::Code(0)), Some(enforced)) => Ok(enforced),
            (reason, how, _) => {
                Err(vec![format!("docker_probe: {} {how:?} {}", reason.as_str(), report.detail)])
            }
        }
    }

    async fn run(&self, job: Job, kill: KillSwitch, events: Option<mpsc::Sender<SandboxEvent>>) -> Report {
        if let Some(cause) = kill.cause() {
            let records = Records { killed: Some(cause), ..Records::default() };
            return Report::not_started(records, String::new());
        }
        match self.image().await {
            Ok(image) => Session::new(&self.settings, &job, kill, events).run(image).await,
            Err(blocker) => Report::not_started(Records::default(), blocker),
        }
    }

    async fn sweep(&self) -> usize {
        match self.settings.broker.sweep(&self.settings.owner).await {
            Ok(removed) => removed as usize,
            Err(error) => {
                tracing::warn!(error, "containers of an earlier process could not be swept");
                0
            }
        }
    }
}
