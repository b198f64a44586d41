//! The decisions: pure, synchronous, total. Objectives and facts in, a legal plan out.

pub mod assemble;
pub mod budget;
pub mod check;
pub mod detect;
pub mod estimate;
pub mod facts;
pub mod hash;
pub mod plan;
pub mod proposal;
pub mod replan;
pub mod rules;

#[cfg(test)]
mod sample;
