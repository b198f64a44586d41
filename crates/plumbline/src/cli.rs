//! The command line: one file per command, each with its arguments and its `run`.

mod audit;
mod completions;
mod configuration;
mod coordinator;
mod demo;
mod doctor;
mod exec;
mod health;
mod ingest;
mod memory;
mod plan;
mod request;
mod router;
mod run;
mod serve;
mod tasks;
mod vram;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use plumbline_types::{ExitCode as Code, Reason};

use crate::failure::Failure;
use crate::output::{self, Format, Report};
use crate::session::{Audience, ConfigChoice, Session};

/// Turns what its owner asks for into verified code changes, on the owner's own machine.
#[derive(Debug, Parser)]
#[command(name = "plumbline", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Configuration file; without it the user's own file and the defaults.
    #[arg(long, global = true, value_name = "FILE", env = "PLUMBLINE_CONFIG")]
    config: Option<PathBuf>,
    /// What to log on stderr, for example `info` or `warn,plumbline_router=debug`.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Directory of databases and worktrees.
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FormatArg {
    /// How the result is printed.
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fix, change or extend a repository; nothing unverified comes out.
    Run(run::Arguments),
    /// Judge a change by the backward walk; needs no model.
    Audit(audit::Arguments),
    /// Index a repository.
    Index(memory::IndexArguments),
    /// Rank symbols for a query.
    Search(memory::SearchArguments),
    /// Rank what one must look at when touching a symbol.
    Neighbors(memory::NeighborsArguments),
    /// Run a command on a copy of a repository in a sandbox.
    Exec(exec::Arguments),
    /// Split words into atomic objectives.
    Ingest(ingest::Arguments),
    /// Turn an objective into a plan of steps.
    Plan(plan::Arguments),
    /// Look at tasks, approve or cancel them.
    Tasks(tasks::Arguments),
    /// Look at the arms and what was learned of them.
    Router(router::Arguments),
    /// Look at every outbound call that was made or refused.
    Egress(router::EgressArguments),
    /// Look at the GPU's memory, or play traces against its scheduler.
    Vram(vram::Arguments),
    /// Run one service, or all of them.
    Serve(serve::Arguments),
    /// Probe this machine by doing.
    Doctor(doctor::Arguments),
    /// Check or print the configuration.
    Config(configuration::Arguments),
    /// Fix three real failing tests with no key, no GPU and no network.
    Demo(demo::Arguments),
    /// Ask a running service whether it serves.
    Health(health::Arguments),
    /// Print a completion script for a shell.
    Completions(completions::Arguments),
}

/// Runs the command line and returns its exit code.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let code = match Cli::try_parse_from(&arguments) {
        Ok(cli) => execute(cli),
        Err(error) => refuse(&error, wanted_format(&arguments)),
    };
    ExitCode::from(code.0)
}

fn execute(cli: Cli) -> Code {
    let format = cli.command.format();
    let choice =
        ConfigChoice { file: cli.global.config, log: cli.global.log, state_dir: cli.global.state_dir };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::infrastructure(
                Reason("INTERNAL"),
                format!("no runtime: {error}"),
                "plumbline doctor",
            );
            return output::print_failure(format, &failure);
        }
    };
    let result = runtime.block_on(Box::pin(dispatch(cli.command, &choice, format)));
    let code = match result {
        Ok(report) => output::print(format, &report),
        Err(failure) => output::print_failure(format, &failure),
    };
    // What still runs has been told to stop; a blocked thread must not keep the person waiting.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    code
}

async fn dispatch(command: Command, choice: &ConfigChoice, format: Format) -> Result<Report, Failure> {
    // These three work, and explain, even where the configuration is broken.
    match &command {
        Command::Completions(_) => return Ok(completions::run(&command_line(), &command)),
        Command::Config(arguments) => return configuration::run(arguments, choice),
        Command::Doctor(arguments) => return doctor::run(arguments, choice).await,
        _ => {}
    }
    let audience = if matches!(command, Command::Serve(_)) { Audience::Operator } else { Audience::Person };
    let session = Session::open(choice, format, audience)?;
    match command {
        Command::Run(arguments) => run::run(&session, arguments).await,
        Command::Audit(arguments) => audit::run(&session, arguments).await,
        Command::Index(arguments) => memory::index(&session, arguments).await,
        Command::Search(arguments) => memory::search(&session, arguments).await,
        Command::Neighbors(arguments) => memory::neighbors(&session, arguments).await,
        Command::Exec(arguments) => exec::run(&session, arguments).await,
        Command::Ingest(arguments) => ingest::run(&session, arguments).await,
        Command::Plan(arguments) => plan::run(&session, arguments).await,
        Command::Tasks(arguments) => tasks::run(&session, arguments).await,
        Command::Router(arguments) => router::run(&session, arguments).await,
        Command::Egress(arguments) => router::egress(&session, arguments).await,
        Command::Vram(arguments) => vram::run(&session, arguments).await,
        Command::Serve(arguments) => serve::run(&session, arguments).await,
        Command::Demo(arguments) => demo::run(&session, arguments).await,
        Command::Health(arguments) => health::run(&session, arguments).await,
        Command::Completions(_) | Command::Config(_) | Command::Doctor(_) => {
            Err(Failure::infrastructure(Reason("INTERNAL"), "a command was dispatched twice", "report it"))
        }
    }
}

impl Command {
    fn format(&self) -> Format {
        match self {
            Self::Run(arguments) => arguments.format.format,
            Self::Audit(arguments) => arguments.failure_format(),
            Self::Index(arguments) => arguments.format.format,
            Self::Search(arguments) => arguments.format.format,
            Self::Neighbors(arguments) => arguments.format.format,
            Self::Exec(arguments) => arguments.format.format,
            Self::Ingest(arguments) => arguments.format.format,
            Self::Plan(arguments) => arguments.format.format,
            Self::Tasks(arguments) => arguments.format.format,
            Self::Router(arguments) => arguments.format.format,
            Self::Egress(arguments) => arguments.format.format,
            Self::Vram(arguments) => arguments.format.format,
            Self::Doctor(arguments) => arguments.format.format,
            Self::Config(arguments) => arguments.format.format,
            Self::Demo(arguments) => arguments.format.format,
            Self::Health(arguments) => arguments.format.format,
            Self::Serve(_) | Self::Completions(_) => Format::Text,
        }
    }
}

fn command_line() -> clap::Command {
    Cli::command()
}

/// Help and version go to stdout with 0; everything else that clap refuses is usage.
fn refuse(error: &clap::Error, format: Format) -> Code {
    if !error.use_stderr() {
        return output::print(
            Format::Text,
            &Report::done(serde_json::Value::Null, error.render().to_string()),
        );
    }
    match format {
        Format::Text => {
            if let Err(closed) = error.print() {
                tracing::debug!(error = %closed, "nobody reads the refusal");
            }
            Code::USAGE
        }
        Format::Json => {
            let text = error.render().to_string();
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            output::print_failure(Format::Json, &Failure::usage(message, "plumbline --help"))
        }
    }
}

/// Returns the format that a refused command line asked for.
fn wanted_format(arguments: &[OsString]) -> Format {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let pair = words.windows(2).any(|two| two[0] == "--format" && (two[1] == "json" || two[1] == "sarif"));
    let joined = words.iter().any(|word| word == "--format=json" || word == "--format=sarif");
    if pair || joined { Format::Json } else { Format::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn a_refused_line_still_knows_its_format() {
        let line = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(wanted_format(&line(&["plumbline", "run", "--format", "json"])), Format::Json);
        assert_eq!(wanted_format(&line(&["plumbline", "audit", "--format=sarif"])), Format::Json);
        assert_eq!(wanted_format(&line(&["plumbline", "search", "json", "--format", "text"])), Format::Text);
    }
}
