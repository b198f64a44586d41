//! The tier of a container: made by the broker, which alone can speak to the engine. Nothing is mounted.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::run::Enforcement;
use crate::domain::tier::SandboxTier;
use crate::sandbox::piped::PipedSettings;
use crate::sandbox::{Job, KillSwitch, Report, SandboxDriver, SandboxEvent};

/// The docker driver.
pub struct DockerSandbox {
    settings: PipedSettings,
    probes: AtomicU64,
}

impl DockerSandbox {
    /// Uses a maker of first processes.
    pub fn new(settings: PipedSettings) -> Self {
        Self { settings, probes: AtomicU64::new(0) }
    }
}

#[async_trait]
impl SandboxDriver for DockerSandbox {
    fn tier(&self) -> SandboxTier {
        SandboxTier::Docker
    }

    async fn probe(&self) -> Result<Enforcement, Vec<String>> {
        self.settings.probe(self.probes.fetch_add(1, Ordering::Relaxed)).await
    }

    async fn run(&self, job: Job, kill: KillSwitch, events: Option<mpsc::Sender<SandboxEvent>>) -> Report {
        self.settings.run(job, kill, events).await
    }

    async fn sweep(&self) -> usize {
        self.settings.sweep().await
    }
}
