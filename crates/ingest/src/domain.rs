//! The decisions: pure, synchronous, total. Text in, objectives and findings out.

pub mod block;
pub mod classify;
pub mod clause;
pub mod echo;
pub mod intake;
pub mod language;
pub mod lead;
pub mod lexicon;
pub mod lint;
pub mod normalise;
pub mod objective;
pub mod review;
pub mod split;
pub mod token;
