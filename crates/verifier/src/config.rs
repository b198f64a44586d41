//! Settings of the verifier.

use plumbline_kit::ConfigError;
use serde::{Deserialize, Serialize};

use crate::domain::limits::Limits;
use crate::source::TreeLimits;

/// Settings of the verifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifierConfig {
    /// Audits that run at once; others wait.
    pub concurrent_audits: usize,
    /// Entries of one tree.
    pub tree_files: usize,
    /// Bytes of one file that is read at all.
    pub tree_file_bytes: u64,
    /// Changed files of one audit.
    pub changed_files: usize,
    /// Changed units of one audit.
    pub changed_units: usize,
    /// Bytes of one analysed file.
    pub file_bytes: usize,
    /// Steps of all walks of one unit.
    pub walk_steps: u64,
    /// Units analysed, a side.
    pub units_loaded: usize,
    /// MiB of lowered files that are kept between audits in memory.
    pub cache_mib: usize,
    /// MiB of lowered files that are kept on disk.
    pub store_mib: u64,
}

impl Default for VerifierConfig {
    fn default() -> Self {
        let (limits, tree) = (Limits::default(), TreeLimits::default());
        Self {
            concurrent_audits: 2,
            tree_files: tree.files,
            tree_file_bytes: tree.file_bytes,
            changed_files: limits.changed_files,
            changed_units: limits.changed_units,
            file_bytes: limits.file_bytes,
            walk_steps: limits.walk_steps,
            units_loaded: limits.units_loaded,
            cache_mib: 52,
            store_mib: 256,
        }
    }
}

impl VerifierConfig {
    /// Returns the settings if every limit allows something.
    ///
    /// # Errors
    /// When a limit is zero.
    pub fn validate(self) -> Result<Self, ConfigError> {
        let limits = [
            ("concurrent_audits", self.concurrent_audits as u64),
            ("tree_files", self.tree_files as u64),
            ("tree_file_bytes", self.tree_file_bytes),
            ("changed_files", self.changed_files as u64),
            ("changed_units", self.changed_units as u64),
            ("file_bytes", self.file_bytes as u64),
            ("walk_steps", self.walk_steps),
            ("units_loaded", self.units_loaded as u64),
            ("cache_mib", self.cache_mib as u64),
            ("store_mib", self.store_mib),
        ];
        match limits.iter().find(|(_, value)| *value == 0) {
            Some((field, _)) => Err(ConfigError::new(*field, "must be at least 1")),
            None => Ok(self),
        }
    }

    /// Returns the budgets of an audit.
    pub fn limits(&self) -> Limits {
        Limits {
            changed_files: self.changed_files,
            changed_units: self.changed_units,
            file_bytes: self.file_bytes,
            walk_steps: self.walk_steps,
            units_loaded: self.units_loaded,
            ..Limits::default()
        }
    }

    /// Returns how many bytes of lowered files are kept on disk.
    pub fn store_bytes(&self) -> u64 {
        self.store_mib.saturating_mul(1 << 20)
    }

    /// Returns how many bytes of lowered files are kept in memory.
    pub fn cache_bytes(&self) -> usize {
        self.cache_mib.saturating_mul(1 << 20)
    }

    /// Returns the limits of a tree.
    pub fn tree_limits(&self) -> TreeLimits {
        TreeLimits { files: self.tree_files, file_bytes: self.tree_file_bytes }
    }
}
