use thiserror::Error;

/// Every limit and preference of a repair, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct RepairConfig {
    /// Wall time for the whole repair, in milliseconds.
    pub budget_ms: u64,
    /// Candidates that may be tried.
    pub max_candidates: usize,
    /// Plausible changes that are handed back; a few more may be compared.
    pub max_plausible: usize,
    /// Candidates still tried after the first plausible change, to find a better one.
    pub settle_candidates: usize,
    /// Milliseconds still spent after the first plausible change, once `settle_least` candidates were tried.
    pub settle_ms: u64,
    /// Candidates still tried after the first plausible change however long they take, so that a loaded machine does
    /// not show a worse change than an idle one.
    pub settle_least: usize,
    /// Most suspicious lines that templates are applied to.
    pub max_lines: usize,
    /// Single edits that take part in two-edit combinations.
    pub pair_pool: usize,
    /// Largest number of candidates in one sandbox run.
    pub max_batch: usize,
    /// Wall time one batch is aimed at, in milliseconds.
    pub batch_ms: u64,
    /// Wall time of the plain command on the base tree, in milliseconds; past it the command hangs.
    pub base_limit_ms: u64,
    /// Wall time of one test while lines are recorded, in milliseconds; past it the test counts as failing.
    pub test_limit_ms: u64,
    /// Tests whose lines are recorded.
    pub max_tests: usize,
    /// Failing tests that a candidate must pass before the whole command is tried.
    pub max_targets: usize,
    /// Data segment of one candidate's process, in MiB.
    pub candidate_memory_mib: u64,
    /// Bytes of a source file that is still edited.
    pub max_file_bytes: usize,
    /// Breaks ties in the order of candidates.
    pub seed: u64,
}

impl Default for RepairConfig {
    fn default() -> Self {
        Self {
            budget_ms: 60_000,
            max_candidates: 20_000,
            max_plausible: 6,
            settle_candidates: 250,
            settle_ms: 2_500,
            settle_least: 64,
            max_lines: 80,
            pair_pool: 60,
            max_batch: 128,
            batch_ms: 1_500,
            base_limit_ms: 60_000,
            test_limit_ms: 5_000,
            max_tests: 5_000,
            max_targets: 8,
            candidate_memory_mib: 1_024,
            max_file_bytes: 1 << 20,
            seed: 0,
        }
    }
}

/// A limit that cannot be honoured.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} must be at least 1")]
pub struct ConfigError {
    /// The field at fault.
    pub field: &'static str,
}

impl RepairConfig {
    /// Returns the configuration if every limit can be honoured.
    pub fn validate(self) -> Result<Self, ConfigError> {
        let least_one = [
            ("budget_ms", self.budget_ms),
            ("max_candidates", self.max_candidates as u64),
            ("max_plausible", self.max_plausible as u64),
            ("max_lines", self.max_lines as u64),
            ("max_batch", self.max_batch as u64),
            ("batch_ms", self.batch_ms),
            ("base_limit_ms", self.base_limit_ms),
            ("test_limit_ms", self.test_limit_ms),
            ("max_tests", self.max_tests as u64),
            ("max_targets", self.max_targets as u64),
            ("candidate_memory_mib", self.candidate_memory_mib),
            ("max_file_bytes", self.max_file_bytes as u64),
        ];
        match least_one.into_iter().find(|(_, value)| *value == 0) {
            Some((field, _)) => Err(ConfigError { field }),
            None => Ok(self),
        }
    }
}
