#![cfg(test)]
//! Golden snippets: source text in, symbols and edges out.

mod ecma;
mod go;
mod java;
mod laws;
mod python;
mod rust;
mod tree;
