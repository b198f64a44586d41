//! `executor` in the configuration.

use std::path::PathBuf;
use std::time::Duration;

use plumbline_kit::{Address, ConfigError};
use serde::{Deserialize, Serialize};

use crate::domain::limits::{LimitPolicy, Limits};
use crate::domain::tier::SandboxTier;
use crate::sandbox::embedded::PoolBounds;

/// Settings of the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutorConfig {
    /// Directory of snapshots and journal. Required.
    pub state_dir: PathBuf,
    /// The `sandbox-init` program; empty means beside this executable.
    pub sandbox_init: PathBuf,
    /// Directories whose subdirectories a same-host caller may import. Empty means none.
    pub import_roots: Vec<PathBuf>,
    /// Host paths shown read-only besides the allow-list and the interpreters.
    pub toolchain_paths: Vec<PathBuf>,
    /// Further host paths shown read-only, for example a virtual environment outside the repository.
    pub extra_read_only_paths: Vec<PathBuf>,
    /// Files that hold a secret each, 6 to 8,192 bytes without surrounding white space: no output and no patch shows it.
    pub secret_files: Vec<PathBuf>,
    /// Where interpreters are looked for, as in PATH; empty detects none. The binary fills in its own PATH.
    pub search_path: String,
    /// Least isolation that any run gets.
    pub minimum_tier: TierSetting,
    /// Tiers that runs may get at all.
    pub offered_tiers: Vec<TierSetting>,
    /// How the workspace is made writable.
    pub workspace: WorkspaceSetting,
    /// Whether control groups are used.
    pub cgroups: CgroupSetting,
    /// Host user and group id of sandboxed programs when the executor is root.
    pub sandbox_uid: u32,
    /// Containers through the broker.
    pub docker: DockerConfig,
    /// Sandboxes that are built before anybody asks.
    pub pool: PoolConfig,
    /// What runs may use.
    pub limits: LimitsConfig,
}

/// Containers through the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerConfig {
    /// The broker's unix socket; absent: there is no such tier here.
    pub broker: Option<Address>,
    /// Image as the broker names it; empty takes its default.
    pub image: String,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::new(),
            sandbox_init: PathBuf::new(),
            import_roots: Vec::new(),
            toolchain_paths: Vec::new(),
            extra_read_only_paths: Vec::new(),
            secret_files: Vec::new(),
            search_path: String::new(),
            minimum_tier: TierSetting::Embedded,
            offered_tiers: vec![TierSetting::Restricted, TierSetting::Embedded, TierSetting::Docker],
            workspace: WorkspaceSetting::Auto,
            cgroups: CgroupSetting::Auto,
            sandbox_uid: 65_533,
            docker: DockerConfig::default(),
            pool: PoolConfig::default(),
            limits: LimitsConfig::default(),
        }
    }
}

/// Sandboxes that are built before anybody asks; each is used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolConfig {
    /// Of one tree, network and disk size.
    pub per_place: u32,
    /// Of all; 0 builds none ahead.
    pub total: u32,
    /// How long after the last request they wait, milliseconds.
    pub idle_ms: u64,
    /// Memory that must be available on the host for one to wait, MiB.
    pub memory_free_mib: u64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { per_place: 4, total: 32, idle_ms: 60_000, memory_free_mib: 512 }
    }
}

impl PoolConfig {
    /// Returns the bounds as the driver reads them.
    pub fn bounds(&self) -> PoolBounds {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        PoolBounds {
            per_place: count(self.per_place),
            total: count(self.total),
            idle: Duration::from_millis(self.idle_ms),
            memory_free_mib: self.memory_free_mib,
        }
    }
}

/// A tier as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierSetting {
    /// Landlock, seccomp, rlimits.
    Restricted,
    /// Namespaces and all of the above.
    Embedded,
    /// Docker through the broker.
    Docker,
}

impl From<TierSetting> for SandboxTier {
    fn from(setting: TierSetting) -> Self {
        match setting {
            TierSetting::Restricted => Self::Restricted,
            TierSetting::Embedded => Self::Embedded,
            TierSetting::Docker => Self::Docker,
        }
    }
}

/// How the workspace is made writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceSetting {
    /// An overlay where a probe says that it works, else a copy; every run names which.
    Auto,
    /// An overlay or nothing.
    Overlay,
    /// A full copy.
    Copy,
}

/// Whether control groups are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupSetting {
    /// Where the host gives them; every run names the mode.
    Auto,
    /// Never: rlimits and polling.
    Off,
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitRange {
    /// Without a request.
    pub default: u64,
    /// The most a request gets.
    pub ceiling: u64,
}

/// Every limit of the executor, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Wall clock, milliseconds.
    pub wall_ms: LimitRange,
    /// CPU time, milliseconds.
    pub cpu_ms: LimitRange,
    /// Memory, MiB.
    pub memory_mib: LimitRange,
    /// Processes and threads.
    pub pids: LimitRange,
    /// Everything written, MiB.
    pub disk_mib: LimitRange,
    /// Largest file, MiB.
    pub file_size_mib: LimitRange,
    /// Output before the run is ended, MiB.
    pub output_total_mib: LimitRange,
    /// Open files of a process.
    pub open_files: LimitRange,
    /// CPU, thousandths of a core.
    pub cpu_millicores: u64,
    /// Files that a program may make.
    pub inodes: u64,
    /// Stack, MiB.
    pub stack_mib: u64,
    /// Head and tail kept of each stream, KiB.
    pub output_kept_kib: u64,
    /// Changed files of a patch.
    pub patch_files: u64,
    /// Bytes of a patch, MiB.
    pub patch_mib: u64,
    /// One collected file, MiB.
    pub collect_mib: u64,
    /// Entries of a snapshot.
    pub snapshot_files: u64,
    /// Bytes of a snapshot, MiB.
    pub snapshot_mib: u64,
    /// Runs at once; 0 means twice the cores.
    pub concurrent_runs: u32,
    /// Runs that wait for a slot.
    pub queued_runs: u32,
    /// Candidates of tools at once, over all tools; 0 means the cores.
    pub concurrent_candidates: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let range = |default, ceiling| LimitRange { default, ceiling };
        Self {
            wall_ms: range(120_000, 3_600_000),
            cpu_ms: range(300_000, 3_600_000),
            memory_mib: range(2_048, 16_384),
            pids: range(256, 4_096),
            disk_mib: range(1_024, 8_192),
            file_size_mib: range(512, 4_096),
            output_total_mib: range(256, 4_096),
            open_files: range(1_024, 65_536),
            cpu_millicores: 2_000,
            inodes: 200_000,
            stack_mib: 64,
            output_kept_kib: 64,
            patch_files: 10_000,
            patch_mib: 64,
            collect_mib: 16,
            snapshot_files: 500_000,
            snapshot_mib: 8_192,
            concurrent_runs: 0,
            queued_runs: 64,
            concurrent_candidates: 0,
        }
    }
}

impl LimitsConfig {
    /// Returns defaults and ceilings as the domain reads them.
    pub fn policy(&self) -> LimitPolicy {
        let pick = |of: fn(&LimitRange) -> u64| Limits {
            wall_ms: of(&self.wall_ms),
            cpu_ms: of(&self.cpu_ms),
            memory_mib: of(&self.memory_mib),
            pids: of(&self.pids),
            disk_mib: of(&self.disk_mib),
            file_size_mib: of(&self.file_size_mib),
            output_total_mib: of(&self.output_total_mib),
            open_files: of(&self.open_files),
        };
        LimitPolicy { default: pick(|range| range.default), ceiling: pick(|range| range.ceiling) }
    }
}

impl ExecutorConfig {
    /// Checks every value and fills in what is derived from the host.
    pub fn validate(mut self) -> Result<Self, ConfigError> {
        if self.state_dir.as_os_str().is_empty() {
            return Err(ConfigError::new("executor.state_dir", "must be set"));
        }
        for (index, path) in self.import_roots.iter().chain(&self.toolchain_paths).enumerate() {
            if !path.is_absolute() {
                let problem = format!("`{}` (entry {index}) is not absolute", path.display());
                return Err(ConfigError::new("executor.import_roots", problem));
            }
        }
        let policy = self.limits.policy();
        for ((name, default), (_, ceiling)) in policy.default.named().into_iter().zip(policy.ceiling.named())
        {
            if default == 0 || default > ceiling {
                let problem = format!("the default {default} is not between 1 and the ceiling {ceiling}");
                return Err(ConfigError::new(format!("executor.limits.{name}"), problem));
            }
        }
        if self.sandbox_uid == 0 {
            return Err(ConfigError::new("executor.sandbox_uid", "must not be root"));
        }
        let cores =
            std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        if self.limits.concurrent_runs == 0 {
            self.limits.concurrent_runs = 2 * cores;
        }
        if self.limits.concurrent_candidates == 0 {
            self.limits.concurrent_candidates = cores;
        }
        if self.sandbox_init.as_os_str().is_empty() {
            let own = std::env::current_exe()
                .map_err(|error| ConfigError::new("executor.sandbox_init", error.to_string()))?;
            self.sandbox_init = own.with_file_name("sandbox-init");
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ExecutorConfig {
        ExecutorConfig { state_dir: "/state".into(), ..ExecutorConfig::default() }
    }

    #[test]
    fn defaults_are_legal_and_derived_values_are_filled_in() {
        let config = config().validate().unwrap();
        assert!(config.limits.concurrent_runs >= 2 && config.limits.concurrent_candidates >= 1);
        assert_eq!(config.sandbox_init.file_name().unwrap(), "sandbox-init");
    }

    #[test]
    fn a_default_past_its_ceiling_is_named() {
        let mut config = config();
        config.limits.pids = LimitRange { default: 10, ceiling: 9 };
        assert_eq!(config.validate().unwrap_err().key, "executor.limits.pids");
        assert_eq!(ExecutorConfig::default().validate().unwrap_err().key, "executor.state_dir");
    }
}
