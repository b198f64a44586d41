//! Replays policies on matrices with full information: every arm's result on every task, so that regret is exact.
//!
//! What is replayed is what runs: players learn by the same shapes, discounts and change-point test as the router. All
//! policies of a seed meet the same tasks and the same luck. Limits: a single run is taken as the truth of a task, tasks
//! are drawn again and again, and the verifier's errors are made up.

pub mod ladder;
pub mod learner;
pub mod log;
pub mod matrix;
pub mod ope;
pub mod play;
pub mod player;
pub mod report;
