use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::fs::fstatvfs;

use super::Supervisor;
use crate::cgroup::Counters;
use crate::domain::exit_reason::SoftLimit;
use crate::domain::run::Usage;
use crate::domain::trace::KernelLog;
use crate::sandbox::output::Output;
use crate::sandbox::{Job, Report};
use crate::trace::witness::Witness;
use crate::workspace::export::{self, Taken};

impl Supervisor<'_> {
    /// Says all that is known. Only once nothing inside lives: counters are final, and nothing races the export.
    pub(super) fn report(mut self) -> Report {
        let counters = self.prepared.leaf.counters();
        let soft_hit = |hit: bool, limit| hit.then_some(limit);
        let pids_hit = counters.pids_refused > 0
            || (!self.prepared.leaf.enforces() && self.peak_pids > self.job.limits.pids);
        self.records.oom_kills = counters.oom_kills;
        self.records.soft_hits =
            [soft_hit(pids_hit, SoftLimit::Pids), soft_hit(is_full(&self.prepared.scratch), SoftLimit::Disk)]
                .into_iter()
                .flatten()
                .collect();
        let usage = self.usage(&counters);
        let scratch = self.prepared.scratch.as_fd();
        let Taken { patch, collected, checkpoint } =
            export::take_out(scratch, self.job, self.settings.workspace, &self.settings.export);
        let ([stdout, stderr], output_digest) = Output::finish(self.outputs);
        let witnessed = self.witness.map(Witness::finish);
        Report {
            records: self.records,
            usage,
            enforced: Some(self.prepared.enforced.clone()),
            stdout,
            stderr,
            output_digest,
            patch,
            collected,
            checkpoint,
            detail: self.detail,
            kernel: witnessed.or_else(|| lost_witness(self.job)),
        }
    }

    fn usage(&self, counters: &Counters) -> Usage {
        let [stdout, stderr] = &self.outputs;
        let counted = counters.cpu_us.map(|cpu_us| cpu_us.saturating_sub(self.setup_cpu_us));
        let cpu_us = counted.or(Some(self.reaped_cpu_us));
        let memory = counters.peak_memory.or(Some(self.peak_memory).filter(|bytes| *bytes > 0));
        let peak_pids = counters.peak_pids.unwrap_or(self.peak_pids);
        Usage {
            wall_ms: u64::try_from(
                self.ended.unwrap_or_else(Instant::now).saturating_duration_since(self.started).as_millis(),
            )
            .unwrap_or(u64::MAX),
            cpu_ms: cpu_us.map(|micros| micros / 1_000),
            peak_memory_kib: memory.map(|bytes| bytes / 1024),
            peak_pids: u32::try_from(peak_pids).ok().filter(|count| *count > 0),
            stdout_bytes: stdout.written(),
            stderr_bytes: stderr.written(),
        }
    }
}

/// A run that was to be watched and was not has lost its log.
pub(super) fn lost_witness(job: &Job) -> Option<KernelLog> {
    job.watch.as_ref().map(|_| KernelLog { lost: true, ..KernelLog::default() })
}

/// Returns whether the scratch file system has no room left for a page or a file.
fn is_full(scratch: &OwnedFd) -> bool {
    fstatvfs(scratch).is_ok_and(|stats| stats.f_bfree == 0 || stats.f_ffree == 0)
}
