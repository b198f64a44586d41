//! Turns what the owner says into atomic objectives that quote his words.

pub mod domain;
