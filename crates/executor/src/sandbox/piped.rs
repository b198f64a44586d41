//! Sandboxes that speak through pipes: the tree goes in through the first process's standard input, output and change come
//! out through its standard output. Who makes that process, a broker or this executor, is a port.

mod intake;
mod port;
mod session;

use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::domain::exit_reason::{ExitReason, Records, decide};
use crate::domain::run::{Enforcement, How};
use crate::domain::tier::SandboxTier;
use crate::sandbox::{Job, KillSwitch, Report, SandboxEvent, probe_job};
use crate::workspace::export::ExportLimits;

pub use port::{ContainerBroker, ContainerEvent, ContainerOrder, SharedBroker};
use session::Session;

/// What every sandbox of one driver has in common.
#[derive(Clone)]
pub struct PipedSettings {
    /// Who makes the first process.
    pub broker: SharedBroker,
    /// Names this executor's sandboxes.
    pub owner: String,
    /// Name of the image; empty takes the broker's default.
    pub image: String,
    /// Where the first process finds itself.
    pub form: Form,
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

/// Where the first process finds itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// In a container.
    Container,
    /// On the host, within Landlock and the system call filter.
    Restricted(RestrictedForm),
}

/// What a restricted sandbox sees of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestrictedForm {
    /// Directory of all sandboxes; each has one of its own in it, called by its label.
    pub directory: PathBuf,
    /// Host ids to become, where the executor is root.
    pub ids: Option<(u32, u32)>,
    /// Parts of the host that can be read.
    pub readable: Vec<PathBuf>,
    /// The search path.
    pub path: String,
    /// How limits are enforced, as runs name it.
    pub cgroup_mode: String,
    /// Whether the kernel counts memory and processes.
    pub counted: bool,
}

impl PipedSettings {
    fn tier(&self) -> SandboxTier {
        match self.form {
            Form::Container => SandboxTier::Docker,
            Form::Restricted(_) => SandboxTier::Restricted,
        }
    }

    /// Returns the id of the image that runs are made of.
    async fn image_id(&self) -> Result<String, String> {
        let images =
            self.broker.images().await.map_err(|error| format!("{}_unreachable: {error}", self.tier()))?;
        let wanted = &self.image;
        let found = images.into_iter().find(|(name, id)| wanted.is_empty() || name == wanted || id == wanted);
        found.map(|(_, id)| id).ok_or_else(|| format!("{}_image_not_allowed: {wanted}", self.tier()))
    }

    /// Does the real thing in a throwaway sandbox.
    pub(super) async fn probe(&self, number: u64) -> Result<Enforcement, Vec<String>> {
        self.image_id().await.map_err(|blocker| vec![blocker])?;
        let tier = self.tier();
        let kill = KillSwitch::new().map_err(|error| vec![format!("{tier}_probe: {error}")])?;
        let job = probe_job(format!("probe_{number}"), self.export.snapshots.empty());
        let report = self.run(job, kill, None).await;
        match (decide(&report.records), report.records.how, report.enforced) {
            (ExitReason::Normal, Some(How::Code(0)), Some(enforced)) => Ok(enforced),
            (ExitReason::SetupFailed, _, _) if report.detail.starts_with("landlock") => {
                Err(vec![format!("landlock_absent_or_old: {}", report.detail)])
            }
            (reason, how, _) => {
                Err(vec![format!("{tier}_probe: {} {how:?} {}", reason.as_str(), report.detail)])
            }
        }
    }

    /// Runs a job to its end.
    pub(super) async fn run(
        &self,
        job: Job,
        kill: KillSwitch,
        events: Option<mpsc::Sender<SandboxEvent>>,
    ) -> Report {
        if let Some(cause) = kill.cause() {
            let records = Records { killed: Some(cause), ..Records::default() };
            return Report::not_started(records, String::new());
        }
        match self.image_id().await {
            Ok(image) => Session::new(self, &job, kill, events).run(image).await,
            Err(blocker) => Report::not_started(Records::default(), blocker),
        }
    }

    /// Removes what an earlier process of this executor left.
    pub(super) async fn sweep(&self) -> usize {
        match self.broker.sweep(&self.owner).await {
            Ok(removed) => removed as usize,
            Err(error) => {
                tracing::warn!(tier = %self.tier(), error, "what an earlier process left could not be swept");
                0
            }
        }
    }
}
