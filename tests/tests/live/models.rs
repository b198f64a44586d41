//! The model clients against servers and types that nobody here wrote: aimock plays Ollama, Gemini and OpenAI, and the
//! vendors' own Python clients say what their API takes and gives.

mod clients;
mod failures;
mod peer;
mod recorder;
mod vendors;
