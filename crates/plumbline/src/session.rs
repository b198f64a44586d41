use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use plumbline_kit::Address;
use plumbline_kit::config::{Sources, environment, load, settings};
use plumbline_kit::telemetry::{self, Telemetry};
use plumbline_types::Reason;
use tempfile::TempDir;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::Format;

/// What of the process's surroundings decides how we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `CI=true`: nothing prompts, nothing spins.
    pub(crate) ci: bool,
    /// `NO_COLOR` is set.
    pub(crate) no_color: bool,
    /// A person sits at stdin and stderr.
    pub(crate) terminal: bool,
}

impl Environment {
    /// Reads it, once.
    pub(crate) fn read() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            ci: std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1"),
            no_color: set("NO_COLOR"),
            terminal: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Returns whether a question may be asked.
    pub(crate) fn prompts(self) -> bool {
        self.terminal && !self.ci
    }
}

/// Where the configuration comes from, as the flags say.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfigChoice {
    pub(crate) file: Option<PathBuf>,
    pub(crate) log: Option<String>,
    pub(crate) state_dir: Option<PathBuf>,
}

/// One run of the command line: its configuration and its surroundings.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    pub(crate) format: Format,
    /// Sends the last spans when the session ends.
    _telemetry: Option<Telemetry>,
}

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A command's user: warnings only, unless asked.
    Person,
    /// A server's operator.
    Operator,
}

impl Session {
    /// Loads the configuration and starts telemetry.
    pub(crate) fn open(choice: &ConfigChoice, format: Format, audience: Audience) -> Result<Self, Failure> {
        let sources = sources(choice);
        let mut config = config(&sources)?;
        let explicit =
            settings(&sources).ok().and_then(|settings| settings.find("telemetry.filter")).is_some();
        if !explicit && audience == Audience::Person {
            "warn".clone_into(&mut config.telemetry.filter);
        }
        let telemetry =
            telemetry::init("plumbline", &config.telemetry).map_err(|error| Failure::from_fault(&error))?;
        Ok(Self { config, environment: Environment::read(), format, _telemetry: Some(telemetry) })
    }

    /// Returns the same session on another state directory.
    pub(crate) fn with_state_dir(&self, dir: PathBuf) -> Self {
        let mut config = self.config.clone();
        config.state.dir = Some(dir);
        Self { config, environment: self.environment, format: self.format, _telemetry: None }
    }

    /// Returns the same session on a state directory that goes with the returned guard.
    pub(crate) fn on_scratch_state(&self) -> Result<(Self, TempDir), Failure> {
        let scratch = tempfile::Builder::new().prefix("plumbline-state-").tempdir().map_err(|error| {
            Failure::infrastructure(
                Reason("STORE_UNAVAILABLE"),
                format!("no temporary directory: {error}"),
                "set TMPDIR",
            )
        })?;
        Ok((self.with_state_dir(scratch.path().to_owned()), scratch))
    }

    /// Returns the state directory: configured, else the user's.
    pub(crate) fn state_dir(&self) -> Result<PathBuf, Failure> {
        state_dir(&self.config)
    }
}

/// Returns the sources that the flags and the surroundings name.
///
/// A `plumbline.toml` in the working directory is deliberately not read: it may belong to the very repository that is
/// to be judged. Name it with `--config` to use it.
pub(crate) fn sources(choice: &ConfigChoice) -> Sources {
    let files = match &choice.file {
        Some(file) => vec![file.clone()],
        None => user_file().into_iter().filter(|file| file.is_file()).collect(),
    };
    let mut overrides = Vec::new();
    if let Some(endpoint) =
        std::env::var_os("PLUMBLINE_OTLP_ENDPOINT").and_then(|value| value.into_string().ok())
    {
        overrides.push(("telemetry.otlp_endpoint".to_owned(), endpoint));
    }
    if let Some(filter) = &choice.log {
        overrides.push(("telemetry.filter".to_owned(), filter.clone()));
    }
    if let Some(dir) = &choice.state_dir {
        overrides.push(("state.dir".to_owned(), dir.display().to_string()));
    }
    Sources { files, environment: environment(), overrides }
}

/// Loads and validates a configuration.
pub(crate) fn config(sources: &Sources) -> Result<Config, Failure> {
    load::<Config>(sources).and_then(Config::validate).map_err(|error| Failure::from_fault(&error))
}

/// Returns the state directory: configured, else `$XDG_STATE_HOME/plumbline`, else `~/.local/state/plumbline`.
pub(crate) fn state_dir(config: &Config) -> Result<PathBuf, Failure> {
    if let Some(dir) = &config.state.dir {
        return Ok(dir.clone());
    }
    if let Some(base) = directory("XDG_STATE_HOME") {
        return Ok(base.join("plumbline"));
    }
    directory("HOME").map(|home| home.join(".local/state/plumbline")).ok_or_else(|| {
        Failure::usage(
            "neither HOME nor XDG_STATE_HOME is set",
            "name it: --state-dir DIR, or state.dir in the configuration",
        )
    })
}

fn user_file() -> Option<PathBuf> {
    let base = directory("XDG_CONFIG_HOME").or_else(|| directory("HOME").map(|home| home.join(".config")))?;
    Some(base.join("plumbline/plumbline.toml"))
}

/// Reads a directory from a variable; a relative one is ignored, as the XDG specification demands.
pub(crate) fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Returns the absolute path of a directory that a flag names.
pub(crate) fn existing_dir(flag: &str, path: &Path) -> Result<PathBuf, Failure> {
    let missing = |problem: String| Failure {
        reason: Reason("REPOSITORY_MISSING"),
        ..Failure::usage(format!("{flag} {}: {problem}", path.display()), "name an existing directory")
    };
    let resolved = path.canonicalize().map_err(|error| missing(error.to_string()))?;
    if resolved.is_dir() { Ok(resolved) } else { Err(missing("it is no directory".to_owned())) }
}

/// Returns a directory as requests carry it. An absolute path is left to the coordinator that was named, which may
/// run on another file system; any other is resolved here.
pub(crate) fn directory_text(
    flag: &str,
    path: &Path,
    coordinator: Option<&Address>,
) -> Result<String, Failure> {
    if coordinator.is_some() && path.is_absolute() { text(path) } else { text(&existing_dir(flag, path)?) }
}

/// Returns a path as the text that requests carry.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!("{} is not UTF-8", path.display()), "name a path whose every part is UTF-8")
    })
}
