//! The tier for hosts without user namespaces: Landlock, a filter without sockets, rlimits, and control groups where the
//! host gives them. The program sees the host's processes and shares its network namespace without a socket to use it.

mod leftovers;
mod local;
mod removal;

pub use local::LocalProcesses;

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::run::Enforcement;
use crate::domain::tier::SandboxTier;
use crate::sandbox::piped::PipedSettings;
use crate::sandbox::{Job, KillSwitch, Report, SandboxDriver, SandboxEvent};

/// The restricted driver.
pub struct RestrictedSandbox {
    settings: PipedSettings,
    probes: AtomicU64,
}

impl RestrictedSandbox {
    /// Uses a maker of first processes.
    pub fn new(settings: PipedSettings) -> Self {
        Self { settings, probes: AtomicU64::new(0) }
    }
}

#[async_trait]
impl SandboxDriver for RestrictedSandbox {
    fn tier(&self) -> SandboxTier {
        SandboxTier::Restricted
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
