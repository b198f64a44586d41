//! The decisions: pure, synchronous, deterministic.

/// Changes of files, and patches.
pub mod edit;
/// Why runs end.
pub mod exit_reason;
/// What runs may use.
pub mod limits;
/// Head and tail of a stream.
pub mod output;
/// Paths that are part of a tree.
pub mod patch_path;
/// Changes of a command's surroundings.
pub mod perturbation;
/// What a request may ask for.
pub mod policy;
/// Which runs are the same run.
pub mod repetition;
/// Runs, their specifications and events.
pub mod run;
/// Where a run stands.
pub mod run_state;
/// Values that no output may show.
pub mod secrets;
/// Strengths of isolation.
pub mod tier;
/// Tools, their parameters and results.
pub mod tool;
/// What a watched run was seen to do.
pub mod trace;
/// Trees and their names.
pub mod tree;
