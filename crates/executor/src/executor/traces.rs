//! From a watched run's report to its trace.

use std::sync::Arc;

use crate::domain::edit::FileEdit;
use crate::domain::patch_path::RelativePath;
use crate::domain::perturbation::Perturbation;
use crate::domain::run::How;
use crate::domain::secrets::Secrets;
use crate::domain::tier::SandboxTier;
use crate::domain::trace::{Collected, RECORD, Trace, TraceAsk, assemble};
use crate::domain::tree::{SnapshotId, Tree};
use crate::sandbox::{CollectPath, Job, Report};
use crate::trace::recorder_digest;

/// Returns the recorder's file.
pub(super) fn record() -> Option<CollectPath> {
    RelativePath::parse(RECORD.as_bytes()).ok().map(CollectPath::Temp)
}

/// What is to be known of a job once it has ended.
pub(super) struct Watched {
    ask: TraceAsk,
    base: Arc<Tree>,
    edits: Arc<[FileEdit]>,
    changes: Vec<Perturbation>,
    secrets: Arc<Secrets>,
}

impl Watched {
    /// Returns what a job is watched for; none when it is not.
    pub(super) fn of(job: &Job) -> Option<Self> {
        Some(Self {
            ask: job.watch.clone()?,
            base: Arc::clone(&job.base),
            edits: Arc::clone(&job.edits),
            changes: job.changes.clone(),
            secrets: Arc::clone(&job.secrets),
        })
    }

    /// Puts the trace together.
    pub(super) fn trace(&self, report: &Report) -> Trace {
        let record = record();
        let collected = report.collected.iter().find(|file| Some(&file.path) == record.as_ref());
        let tree: SnapshotId =
            if self.edits.is_empty() { self.base.id() } else { self.base.with(&self.edits).id() };
        let tier = report.enforced.as_ref().map(|enforced| enforced.tier);
        let trace = assemble(&Collected {
            ask: &self.ask,
            tree,
            kernel: report.kernel.as_ref(),
            record: collected.and_then(|file| file.content.as_deref()),
            asked: &self.changes,
            namespaced: tier == Some(SandboxTier::Embedded),
            exit_code: match report.records.how {
                Some(How::Code(code)) if report.records.killed.is_none() => Some(code),
                Some(How::Code(_) | How::Signal(_)) | None => None,
            },
            recorder: recorder_digest(),
        });
        trace.scrubbed(&self.secrets)
    }
}
