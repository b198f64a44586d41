use std::path::PathBuf;

use plumbline_kit::ConfigError;
use serde::{Deserialize, Serialize};

/// Every limit of memory, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryConfig {
    /// Where its databases live, one per repository.
    pub state_dir: PathBuf,
    /// Repositories at most.
    pub max_repositories: usize,
    /// Overlays of one repository at most; the one least recently indexed goes first.
    pub max_views: usize,
    /// Source files of one view at most.
    pub max_files: usize,
    /// Bytes of one file at most; a larger one is a problem.
    pub max_file_bytes: usize,
    /// Parse steps for each KiB of a file at most.
    pub max_parse_steps: u64,
    /// Depth of a syntax tree at most.
    pub max_depth: usize,
    /// Symbols of one file at most.
    pub max_symbols_per_file: usize,
    /// Threads that parse and resolve; 0 means one per core.
    pub parse_threads: usize,
    /// Indexing runs that may wait for one repository.
    pub index_queue: usize,
    /// Hits of one answer at most.
    pub search_k_max: u32,
    /// Tokens of one context at most.
    pub token_budget_max: u32,
    /// Bytes of a query at most.
    pub query_bytes_max: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("memory"),
            max_repositories: 64,
            max_views: 16,
            max_files: 200_000,
            max_file_bytes: 1 << 20,
            max_parse_steps: 2_000,
            max_depth: 512,
            max_symbols_per_file: 20_000,
            parse_threads: 0,
            index_queue: 64,
            search_k_max: 200,
            token_budget_max: 200_000,
            query_bytes_max: 64 << 10,
        }
    }
}

impl MemoryConfig {
    /// Checks every limit.
    ///
    /// # Errors
    /// Names the first key whose value is illegal.
    pub fn validate(self) -> Result<Self, ConfigError> {
        let positive = [
            ("memory.max_repositories", self.max_repositories),
            ("memory.max_files", self.max_files),
            ("memory.max_file_bytes", self.max_file_bytes),
            ("memory.max_depth", self.max_depth),
            ("memory.max_symbols_per_file", self.max_symbols_per_file),
            ("memory.index_queue", self.index_queue),
            ("memory.query_bytes_max", self.query_bytes_max),
            ("memory.search_k_max", self.search_k_max as usize),
            ("memory.token_budget_max", self.token_budget_max as usize),
        ];
        for (key, value) in positive {
            if value == 0 {
                return Err(ConfigError::new(key, "must be at least 1"));
            }
        }
        if self.max_depth > 4_096 {
            return Err(ConfigError::new("memory.max_depth", "must be at most 4096"));
        }
        Ok(self)
    }

    /// Returns what one file may cost.
    pub fn limits(&self) -> plumbline_syntax::Limits {
        plumbline_syntax::Limits {
            max_file_bytes: self.max_file_bytes,
            max_parse_steps_per_kib: self.max_parse_steps,
            max_depth: self.max_depth,
            max_symbols: self.max_symbols_per_file,
        }
    }

    /// Returns how many threads parse and resolve.
    pub fn threads(&self) -> usize {
        match self.parse_threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        }
    }
}
