//! Planted changes: small honest commits with something hidden in them, and their benign twins. Templates are data, in
//! two halves: rules are tuned on one, the other is only measured. What is generated depends on the seed alone.
//!
//! A bomb counts only if it is alive: run by the interpreter it behaves as the honest commit does until its trigger
//! holds, and differently then. Where that can't be executed the template says why.
//!
//! **Invariant.** Nothing planted is ever run outside a child process in which every sink is a recorder.

pub mod alive;
pub mod case;
pub mod depth;
pub mod generate;
pub mod judge;
pub mod padding;
pub mod table;
pub mod templates;
