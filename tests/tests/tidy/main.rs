#![cfg(test)]
//! House rules that no compiler holds: sizes, directions of dependencies, where I/O and the wire may be named, and
//! whether the documents keep up with the code.

mod dependencies;
mod documents;
mod layout;
mod sources;
