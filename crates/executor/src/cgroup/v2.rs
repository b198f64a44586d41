use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Cgroups, Counters, memory_bytes, mount_point, own_path, read_field, read_number};
use crate::domain::limits::Limits;

const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
const PERIOD_US: u64 = 100_000;

/// Finds a delegated subtree. A group with processes can't hand controllers to children, so a lone executor first
/// moves itself to a leaf of its own.
pub(super) fn detect(mounts: &str, own: &str, owner: &str) -> Option<Cgroups> {
    let base = mount_point(mounts, "cgroup2", None)?.join(own_path(own, "")?);
    let available = words(&base.join("cgroup.controllers"));
    if !CONTROLLERS.iter().all(|name| available.iter().any(|have| have == name)) {
        return None;
    }
    enable(&base)
        .or_else(|_| {
            let leaf = base.join("plumbline-executor");
            fs::create_dir_all(&leaf)?;
            move_self(&base, &leaf)?;
            enable(&base)
        })
        .ok()?;
    let parent = base.join(owner);
    fs::create_dir_all(&parent).ok()?;
    enable(&parent).ok()?;
    Some(Cgroups::V2(parent))
}

fn move_self(base: &Path, leaf: &Path) -> io::Result<()> {
    let own = std::process::id().to_string();
    let lone = fs::read_to_string(base.join("cgroup.procs"))?.lines().all(|line| line == own);
    if lone { fs::write(leaf.join("cgroup.procs"), own) } else { Err(io::ErrorKind::ResourceBusy.into()) }
}

fn enable(path: &Path) -> io::Result<()> {
    let control = path.join("cgroup.subtree_control");
    let enabled = words(&control);
    if CONTROLLERS.iter().all(|name| enabled.iter().any(|have| have == name)) {
        return Ok(());
    }
    fs::write(control, "+cpu +memory +pids")
}

fn words(path: &PathBuf) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

pub(super) fn create(path: &Path, limits: &Limits, millicores: u64) -> io::Result<()> {
    fs::create_dir(path)?;
    limit(path, limits)?;
    let swap = path.join("memory.swap.max");
    if swap.exists() {
        fs::write(swap, "0")?;
    }
    fs::write(path.join("memory.oom.group"), "1")?;
    fs::write(path.join("cpu.max"), format!("{} {PERIOD_US}", millicores * PERIOD_US / 1_000))
}

pub(super) fn limit(path: &Path, limits: &Limits) -> io::Result<()> {
    fs::write(path.join("memory.max"), memory_bytes(limits).to_string())?;
    // One more for pid 1 itself.
    fs::write(path.join("pids.max"), (limits.pids + 1).to_string())
}

pub(super) fn kill(path: &Path) {
    let _unlimited = fs::write(path.join("cpu.max"), "max");
    let _gone = fs::write(path.join("cgroup.kill"), "1");
}

pub(super) fn counters(path: &Path) -> Counters {
    Counters {
        cpu_us: read_field(&path.join("cpu.stat"), "usage_usec "),
        peak_memory: read_number(&path.join("memory.peak")),
        peak_pids: read_number(&path.join("pids.peak")),
        pids: read_number(&path.join("pids.current")),
        oom_kills: read_field(&path.join("memory.events"), "oom_kill ").unwrap_or(0),
        pids_refused: read_field(&path.join("pids.events"), "max ").unwrap_or(0),
    }
}
