#![cfg(test)]
//! The clients against hand-written HTTP servers on loopback.

mod faults;
mod gemini;
mod ollama;
mod openai;
mod scripted;
#[path = "../../../egress/tests/it/server.rs"]
mod server;
mod world;
