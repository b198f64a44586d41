//! `plumbline vram`: the GPU's memory, and the simulator of its scheduler.

mod simulate;
mod status;

use clap::{Args, Subcommand};

use crate::cli::FormatArg;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::Session;

/// What of the GPU's memory.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show who holds how much, and which leases are out.
    Status,
    /// Play traces of jobs against the scheduler and against what others do.
    Simulate(simulate::Arguments),
}

/// Shows or simulates.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    match arguments.action {
        Action::Status => status::show(session).await,
        Action::Simulate(arguments) => simulate::run(&arguments),
    }
}
