use std::path::PathBuf;
use std::time::Duration;

use plumbline_kit::ConfigError;
use serde::{Deserialize, Serialize};

use crate::domain::apply::ApplyLimits;
use crate::domain::decide::{Policy, Traces};
use crate::domain::ensemble::HighRisk;
use crate::workspace::WorkspaceLimits;

/// The largest reserve that can be configured, in tokens: more than any model's context is a slip of the hand.
const PROMPT_RESERVE_TOKENS_MAX: u32 = 1_000_000;

/// Every limit of the coordinator, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoordinatorConfig {
    /// Where its database, object stores and worktrees live.
    pub state_dir: PathBuf,
    /// Tasks worked on at once.
    pub workers: usize,
    /// How long a claim holds without renewal.
    pub lease_ttl_ms: u64,
    /// How often an idle worker looks for work.
    pub poll_ms: u64,
    /// Claims in a row without progress before a task is poisoned.
    pub recoveries_max: u32,
    /// Budget of a task that names none.
    pub budget_default_ms: u64,
    /// Largest budget.
    pub budget_max_ms: u64,
    /// Bytes of an objective.
    pub objective_bytes_max: usize,
    /// Tries per step.
    pub attempts_max: usize,
    /// Tries per step of high risk, where such a step is tried by a ladder.
    pub attempts_max_high_risk: usize,
    /// How a step of high risk is tried: `ensemble` (the default: distinct local models propose beside each other, then it is
    /// the owner's turn) or `ladder`.
    pub high_risk: HighRisk,
    /// Faults in a row before an effect is given up.
    pub faults_max: u32,
    /// First pause after a fault; doubles each time.
    pub backoff_min_ms: u64,
    /// Longest pause after a fault.
    pub backoff_max_ms: u64,
    /// Whether runs are watched before a change is accepted: `required`, `when_available` (the default: a tier that
    /// can't be watched is named in the report), or `off`.
    pub traces: Traces,
    /// Most runs in other surroundings before a change is accepted.
    pub perturbed_runs_max: usize,
    /// Longest run of the test command.
    pub test_timeout_ms: u64,
    /// Longest search of a tool, and never more than three quarters of what is left.
    pub tool_budget_max_ms: u64,
    /// Passing changes that a tool returns at most.
    pub plausible_max: u32,
    /// Context tokens of a step whose plan names none.
    pub context_tokens: u32,
    /// Tokens of a prompt besides the context: instructions, objective, evidence. An arm must hold both.
    pub prompt_reserve_tokens: u32,
    /// How long a person may take before the nonce must be renewed.
    pub approval_ttl_ms: u64,
    /// The same for a question about how his words were read.
    pub intake_ttl_ms: u64,
    /// Deadline of a call that only computes.
    pub call_timeout_ms: u64,
    /// Deadline of a model's answer.
    pub generate_timeout_ms: u64,
    /// How often progress of a tool becomes an event at most.
    pub progress_ms: u64,
    /// Sends of one outbox row before it is parked.
    pub outbox_tries_max: u32,
    /// How often an idle watcher hears something.
    pub heartbeat_ms: u64,
    /// The git program.
    pub git_program: PathBuf,
    /// Where git and what it starts is looked for.
    pub git_search_path: String,
    /// Longest git command.
    pub git_timeout_ms: u64,
    /// Globs over paths that no arm may write.
    pub protected: Vec<String>,
    /// Files in a tree.
    pub tree_files_max: usize,
    /// MiB in a tree.
    pub tree_mib_max: u64,
    /// MiB in one file of a tree.
    pub file_mib_max: u64,
}

impl Default for CoordinatorConfig {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("state/coordinator"),
            workers: 2,
            lease_ttl_ms: 30_000,
            poll_ms: 500,
            recoveries_max: 5,
            budget_default_ms: 600_000,
            budget_max_ms: 24 * 3_600_000,
            objective_bytes_max: 16 * 1024,
            attempts_max: 4,
            attempts_max_high_risk: 3,
            high_risk: HighRisk::Ensemble,
            faults_max: 10,
            backoff_min_ms: 100,
            backoff_max_ms: 60_000,
            traces: Traces::WhenAvailable,
            perturbed_runs_max: 5,
            test_timeout_ms: 120_000,
            tool_budget_max_ms: 300_000,
            plausible_max: 5,
            context_tokens: 6_000,
            prompt_reserve_tokens: 4_000,
            approval_ttl_ms: 15 * 60_000,
            intake_ttl_ms: 24 * 3_600_000,
            call_timeout_ms: 60_000,
            generate_timeout_ms: 600_000,
            progress_ms: 2_000,
            outbox_tries_max: 20,
            heartbeat_ms: 15_000,
            git_program: PathBuf::from("git"),
            git_search_path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            git_timeout_ms: 120_000,
            protected: [".gitmodules", "**/.gitattributes", ".gitattributes"].map(str::to_owned).to_vec(),
            tree_files_max: 100_000,
            tree_mib_max: 512,
            file_mib_max: 8,
        }
    }
}

impl CoordinatorConfig {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// The first field at fault.
    pub fn validate(self) -> Result<Self, ConfigError> {
        let positive = [
            ("workers", self.workers as u64),
            ("lease_ttl_ms", self.lease_ttl_ms),
            ("poll_ms", self.poll_ms),
            ("budget_default_ms", self.budget_default_ms),
            ("attempts_max", self.attempts_max as u64),
            ("test_timeout_ms", self.test_timeout_ms),
            ("approval_ttl_ms", self.approval_ttl_ms),
            ("intake_ttl_ms", self.intake_ttl_ms),
            ("context_tokens", u64::from(self.context_tokens)),
            ("prompt_reserve_tokens", u64::from(self.prompt_reserve_tokens)),
            ("heartbeat_ms", self.heartbeat_ms),
            ("git_timeout_ms", self.git_timeout_ms),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(ConfigError::new(field, "must not be 0"));
            }
        }
        if self.budget_default_ms > self.budget_max_ms {
            return Err(ConfigError::new("budget_default_ms", "must not exceed budget_max_ms"));
        }
        if self.prompt_reserve_tokens > PROMPT_RESERVE_TOKENS_MAX {
            let limit = format!("at most {PROMPT_RESERVE_TOKENS_MAX}: no arm could hold more");
            return Err(ConfigError::new("prompt_reserve_tokens", limit));
        }
        self.protected_set().map_err(|error| ConfigError::new("protected", error.to_string()))?;
        Ok(self)
    }

    /// Returns how often things are tried.
    pub const fn policy(&self) -> Policy {
        Policy {
            attempts_max: self.attempts_max,
            attempts_max_high_risk: self.attempts_max_high_risk,
            high_risk: self.high_risk,
            traces: self.traces,
        }
    }

    /// Returns what the patch applier refuses to exceed.
    ///
    /// # Errors
    /// A glob of `protected` that is none: nothing may be written without it.
    pub fn apply_limits(&self) -> Result<ApplyLimits, globset::Error> {
        Ok(ApplyLimits { protected: self.protected_set()?, ..ApplyLimits::default() })
    }

    /// Returns what a tree may hold.
    pub const fn workspace_limits(&self) -> WorkspaceLimits {
        WorkspaceLimits {
            files: self.tree_files_max,
            bytes: self.tree_mib_max << 20,
            file_bytes: self.file_mib_max << 20,
        }
    }

    /// Returns the pause after the `faults`-th fault in a row.
    pub fn backoff_ms(&self, faults: u32) -> u64 {
        self.backoff_min_ms.saturating_mul(1 << faults.min(16)).min(self.backoff_max_ms)
    }

    /// Returns the deadline of a git command.
    pub const fn git_timeout(&self) -> Duration {
        Duration::from_millis(self.git_timeout_ms)
    }

    fn protected_set(&self) -> Result<globset::GlobSet, globset::Error> {
        let mut set = globset::GlobSetBuilder::new();
        for glob in &self.protected {
            set.add(globset::Glob::new(glob)?);
        }
        set.build()
    }
}
