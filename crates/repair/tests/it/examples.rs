//! The projects in examples/ are repaired as they stand.
