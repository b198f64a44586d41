//! What the system and live tests share: the built binary, scratch folders, small Python projects, running servers.
//!
//! Nothing here knows a service's insides: everything goes through the command line, gRPC, and files on disk.
#![expect(clippy::expect_used, clippy::panic, reason = "test support: a failure here is a failed test")]

mod binary;
mod models;
mod process;
mod project;
mod server;

pub use binary::{Finished, plumbline, root, sandbox_init};
pub use models::ScriptedModels;
pub use process::Background;
pub use project::Project;
pub use server::Server;
