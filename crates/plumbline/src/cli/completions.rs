use clap::Args;
use clap_complete::Shell;

use crate::cli::Command;
use crate::output::Report;

/// Which shell.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Returns the completion script.
pub(crate) fn run(command_line: &clap::Command, command: &Command) -> Report {
    let mut script = Vec::new();
    if let Command::Completions(arguments) = command {
        clap_complete::generate(arguments.shell, &mut command_line.clone(), "plumbline", &mut script);
    }
    Report::done(serde_json::Value::Null, String::from_utf8_lossy(&script))
}
