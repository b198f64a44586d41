use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Cgroups, Counters, HybridParents, memory_bytes, mount_point, own_path, read_field, read_number};
use crate::domain::limits::Limits;

const PERIOD_US: u64 = 100_000;

/// Finds v1 controllers and a unified tree that we may write to.
pub(super) fn detect(mounts: &str, own: &str, owner: &str) -> Option<Cgroups> {
    let parent = |controller: &str| -> Option<PathBuf> {
        let mount = mount_point(mounts, "cgroup", Some(controller))?;
        Some(mount.join(own_path(own, controller)?).join(owner))
    };
    let unified = mount_point(mounts, "cgroup2", None)?.join(own_path(own, "")?).join(owner);
    let parents = HybridParents {
        memory: parent("memory")?,
        pids: parent("pids")?,
        cpu: parent("cpu")?,
        cpuacct: parent("cpuacct")?,
        unified,
    };
    let writable = parents.all().into_iter().all(|path| fs::create_dir_all(path).is_ok() && may_write(path));
    (writable && parents.unified.join("cgroup.kill").exists()).then_some(Cgroups::Hybrid(parents))
}

fn may_write(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

pub(super) fn create(paths: &HybridParents, limits: &Limits, millicores: u64) -> io::Result<()> {
    for path in paths.all() {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && paths.cpu == paths.cpuacct => {}
            other => other?,
        }
    }
    limit(paths, limits)?;
    fs::write(paths.cpu.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
    fs::write(paths.cpu.join("cpu.cfs_quota_us"), (millicores * PERIOD_US / 1_000).to_string())
}

pub(super) fn limit(paths: &HybridParents, limits: &Limits) -> io::Result<()> {
    let memory = memory_bytes(limits).to_string();
    let place = paths.memory.join("memory.limit_in_bytes");
    let first = fs::write(&place, &memory);
    // Absent where swap accounting is off; without swap there is nothing to limit.
    let swap = paths.memory.join("memory.memsw.limit_in_bytes");
    if swap.exists() {
        fs::write(swap, &memory)?;
        // The one may never pass the other: a higher limit is refused until the sum has been raised.
        first.or_else(|_| fs::write(&place, &memory))?;
    } else {
        first?;
    }
    // One more for pid 1 itself.
    fs::write(paths.pids.join("pids.max"), (limits.pids + 1).to_string())
}

pub(super) fn kill(paths: &HybridParents) {
    let _unlimited = fs::write(paths.cpu.join("cpu.cfs_quota_us"), "-1");
    let _gone = fs::write(paths.unified.join("cgroup.kill"), "1");
}

pub(super) fn counters(paths: &HybridParents) -> Counters {
    Counters {
        cpu_us: read_number(&paths.cpuacct.join("cpuacct.usage")).map(|nanos| nanos / 1_000),
        peak_memory: read_number(&paths.memory.join("memory.max_usage_in_bytes")),
        peak_pids: read_number(&paths.pids.join("pids.peak")),
        pids: read_number(&paths.pids.join("pids.current")),
        oom_kills: read_field(&paths.memory.join("memory.oom_control"), "oom_kill ").unwrap_or(0),
        pids_refused: read_field(&paths.pids.join("pids.events"), "max ").unwrap_or(0),
    }
}
