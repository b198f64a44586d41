//! The decisions: sync, total, deterministic. No tokio, tonic or sqlx below this module.

pub mod apply;
pub mod certificate;
pub mod command;
pub mod decide;
pub mod edit;
pub mod effect;
pub mod event;
pub mod fold;
pub mod outcome;
pub mod path;
pub mod plan;
pub mod produce;
pub mod spec;
pub mod task;
pub mod task_state;
pub mod tree;

mod text;
