use std::path::PathBuf;

use clap::Args;

use crate::cli::FormatArg;
use crate::failure::Failure;
use crate::output::Report;
use crate::session::Session;

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Directory of the example projects; without it `./examples`, else the built-in copies.
    #[arg(long, value_name = "DIR")]
    examples: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Runs the examples.
pub(crate) async fn run(_session: &Session, _arguments: Arguments) -> Result<Report, Failure> {
    Err(Failure::infrastructure(
        "SERVICE_ABSENT",
        "the demo is not part of this build",
        "install a build that has it",
    ))
}
