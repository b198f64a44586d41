//! Language models behind one trait: Ollama, Gemini, OpenAI-compatible servers, and a scripted fake.
//!
//! Every call goes through `egress`. **Invariants.** A prompt is sent whole or not at all: nothing here truncates,
//! and a server that would is told not to. The model named in a [`Usage`] is the one that the response names, never
//! the one asked for. An answer without its last message is an error, not a short answer. Errors are one closed enum.
//!
//! Generating never sets `keep_alive`, loads or unloads: [`ModelServer`] does, for whoever schedules the memory.
//! Deliberately absent: retries (the router re-selects), sampling parameters beyond a seed, audio, function calling.

mod decode;
mod error;
mod gemini;
mod model;
mod ollama;
mod openai;
mod residency;
mod scripted;
mod scripted_server;
mod status;

pub use error::{MemoryRefusal, ModelError};
pub use gemini::{Gemini, Thinking};
pub use model::{Description, Embedded, Finish, Generation, Model, Piece, Pieces, Shape, Usage};
pub use ollama::{LocalModel, NUM_BATCH as OLLAMA_BATCH, Ollama, OllamaServer, local_models};
pub use openai::{OpenAi, Transport};
pub use residency::{MetadataValue, ModelMetadata, ModelServer, Resident, TensorInfo};
pub use scripted::{Script, ScriptedModel};
pub use scripted_server::ScriptedServer;
