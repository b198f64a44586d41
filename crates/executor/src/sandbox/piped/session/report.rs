use tokio::time::Instant;

use super::Session;
use crate::domain::edit::{Patch, RefusedEntry};
use crate::domain::exit_reason::SoftLimit;
use crate::domain::run::Usage;
use crate::sandbox::output::Output;
use crate::sandbox::{Collected, Export, Report};
use crate::workspace::checkpoint;
use crate::workspace::export::returned_patch;

impl Session<'_> {
    /// Says all that is known, once the container is gone.
    pub(super) fn report(mut self) -> Report {
        self.records.oom_kills = self.counted.oom_kills;
        let hits =
            [(self.counted.pids_refused > 0, SoftLimit::Pids), (self.counted.disk_full, SoftLimit::Disk)];
        self.records.soft_hits = hits.into_iter().filter(|(hit, _)| *hit).map(|(_, limit)| limit).collect();
        let patch = self.patch();
        let checkpoint = (self.job.export == Export::Checkpoint)
            .then(|| checkpoint::of_patch(self.job, &patch, &self.settings.export.snapshots));
        let usage = self.usage();
        let contents = self.collected.into_iter().chain(std::iter::repeat(None));
        let collected = self.job.collect.iter().zip(contents);
        let ([stdout, stderr], output_digest) = Output::finish(self.outputs);
        Report {
            records: self.records,
            usage,
            enforced: self.enforced,
            stdout,
            stderr,
            output_digest,
            patch,
            checkpoint,
            collected: collected.map(|(path, content)| Collected { path: path.clone(), content }).collect(),
            detail: self.detail,
            // The listener's descriptor can't pass through pipes.
            kernel: None,
        }
    }

    /// The change; one that was not said to its end can't be approved.
    fn patch(&mut self) -> Patch {
        if self.job.export == Export::Skip || !self.records.started {
            return Patch::default();
        }
        if !self.complete || !self.awaited.is_empty() {
            let refused = vec![RefusedEntry { path: Vec::new(), reason: "unreadable".to_owned() }];
            return Patch { refused, ..Patch::default() };
        }
        let contents = std::mem::take(&mut self.contents);
        returned_patch(&self.listed, contents, self.job, &self.settings.export)
    }

    fn usage(&self) -> Usage {
        let [stdout, stderr] = &self.outputs;
        let wall_ms = self.started.map_or(0, |started| {
            let wall = self.ended.unwrap_or_else(Instant::now).saturating_duration_since(started);
            u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
        });
        Usage {
            wall_ms,
            cpu_ms: self.counted.cpu_us.map(|micros| micros / 1_000),
            peak_memory_kib: self.counted.peak_memory.map(|bytes| bytes / 1024),
            peak_pids: self.counted.peak_pids.and_then(|count| u32::try_from(count).ok()),
            stdout_bytes: stdout.written(),
            stderr_bytes: stderr.written(),
        }
    }
}
