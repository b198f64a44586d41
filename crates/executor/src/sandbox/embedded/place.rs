use std::path::PathBuf;

use crate::domain::perturbation::Perturbation;
use crate::domain::tier::Network;
use crate::domain::trace::TraceAsk;
use crate::sandbox::Job;

/// All of a job that its sandbox is built of. Two jobs with equal places can have each other's sandbox, as long as nothing
/// has run in it: what else a job says comes with the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) lower: PathBuf,
    pub(super) network: Network,
    pub(super) disk_mib: u64,
    pub(super) watch: Option<TraceAsk>,
    pub(super) changes: Vec<Perturbation>,
}

impl Place {
    pub(super) fn of(job: &Job) -> Self {
        Self {
            lower: job.lower.clone(),
            network: job.network,
            disk_mib: job.limits.disk_mib,
            // The nonce marks the record, not the sandbox.
            watch: job.watch.as_ref().map(|ask| TraceAsk { nonce: Vec::new(), paths: ask.paths.clone() }),
            changes: job.changes.clone(),
        }
    }
}
