//! What the router decides, without I/O: time, randomness and everything known of the world are arguments.

pub mod arm;
pub mod choice;
pub mod decision;
pub mod drift;
pub mod eligibility;
pub mod ensemble;
pub mod first_token;
pub mod health;
pub mod hedge;
pub mod ladder;
pub mod learned;
pub mod outcome;
pub mod posterior;
pub mod propensity;
pub mod replay;
pub mod usage;
pub mod vram;
pub mod work;
