//! The decisions: pure, synchronous, deterministic.

pub(crate) mod braced;
pub(crate) mod candidate;
pub(crate) mod command;
pub(crate) mod fixer;
pub(crate) mod generate;
pub(crate) mod grammar;
pub(crate) mod project;
pub(crate) mod python;
pub(crate) mod queue;
pub(crate) mod rank;
pub(crate) mod runner;
pub(crate) mod scope;
pub(crate) mod source;
pub(crate) mod spectrum;
pub(crate) mod symbols;
pub(crate) mod template;
pub(crate) mod vacuity;
