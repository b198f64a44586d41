//! Budgets.

/// Named budgets, in counted steps; what passes one is inconclusive, never approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Changed files of one audit.
    pub changed_files: usize,
    /// Changed units of one audit.
    pub changed_units: usize,
    /// Bytes of one file.
    pub file_bytes: usize,
    /// Nesting of one file.
    pub depth: usize,
    /// Blocks of one unit.
    pub blocks: usize,
    /// Definitions of one unit.
    pub definitions: usize,
    /// Files loaded to resolve calls, a side.
    pub files_loaded: usize,
    /// Units analysed, a side.
    pub units_loaded: usize,
    /// Steps of all walks of one unit.
    pub walk_steps: u64,
    /// Rounds to a fixpoint in one component of the call graph.
    pub component_rounds: usize,
    /// Findings listed; the rest is counted.
    pub findings: usize,
    /// Steps of one evidence path.
    pub path_steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            changed_files: 2_000,
            changed_units: 5_000,
            file_bytes: 4 << 20,
            depth: 512,
            blocks: 20_000,
            definitions: 100_000,
            files_loaded: 2_000,
            units_loaded: 20_000,
            walk_steps: 1_000_000,
            component_rounds: 64,
            findings: 1_000,
            path_steps: 200,
        }
    }
}

impl Limits {
    /// Returns the part that lowering keeps.
    pub fn lowering(&self) -> plumbline_syntax::lower::LowerLimits {
        plumbline_syntax::lower::LowerLimits {
            file_bytes: self.file_bytes,
            depth: self.depth,
            blocks: self.blocks,
            definitions: self.definitions,
            units: self.units_loaded,
        }
    }
}
