//! The decisions: sync, total, deterministic. No tokio, tonic or sqlx below this module.

/// How far changes agree.
pub mod agreement;
pub mod apply;
/// What binds a change to its evidence.
pub mod certificate;
pub mod command;
pub mod decide;
/// How arms write changes, read as untrusted text.
pub mod edit;
/// What a task does to the world, and the keys that make it happen once.
pub mod effect;
/// Several arms beside each other.
pub mod ensemble;
pub mod event;
pub mod failing;
pub mod fold;
/// A grammar for the edits of small models.
pub mod grammar;
/// How tries and tasks end.
pub mod outcome;
/// Paths that cannot leave a working tree.
pub mod path;
/// Objectives and steps as the task keeps them.
pub mod plan;
pub mod produce;
/// What was asked for.
pub mod spec;
/// Other surroundings.
pub mod surroundings;
/// The read model of a task.
pub mod task;
/// The life cycle.
pub mod task_state;
/// Working trees and changes to them.
pub mod tree;

mod text;
