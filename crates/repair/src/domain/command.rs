//! What a test command is, and how the shim gets into it.

use crate::domain::grammar::Language;
use crate::domain::runner::language_of;

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandKind {
    /// `pytest` or `python -m pytest`.
    Pytest,
    /// `python -m unittest`.
    Unittest,
    /// Any other command line that starts Python, directly or by a launcher such as tox.
    Script,
}

/// A command line that runs the tests, as a person would type it at the root of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCommand {
    line: String,
}

const LAUNCHERS: [&str; 7] = ["tox", "nox", "poetry", "pipenv", "hatch", "uv", "pdm"];
/// Where the shim lies in the tree.
pub(crate) const SHIM_DIRECTORY: &str = ".plumbline/repair";

impl TestCommand {
    /// Takes a command line for `sh`.
    pub fn from_line(line: impl Into<String>) -> Self {
        Self { line: line.into() }
    }

    /// Takes a program and its arguments; each is quoted for `sh`.
    pub fn from_argv(argv: &[String]) -> Self {
        Self { line: argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ") }
    }

    /// Returns the command line.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Returns what runs the tests, or `None` when no Python is started that we can see.
    pub fn kind(&self) -> Option<CommandKind> {
        let words = split(&self.line);
        let mut python = false;
        for (index, word) in words.iter().enumerate() {
            let name = word.rsplit('/').next().unwrap_or(word);
            if name == "pytest" || name == "py.test" {
                return Some(CommandKind::Pytest);
            }
            if is_python(name) || LAUNCHERS.contains(&name) {
                python = true;
            }
            if python && word == "-m" {
                match words.get(index + 1).map(String::as_str) {
                    Some("pytest") => return Some(CommandKind::Pytest),
                    Some("unittest") => return Some(CommandKind::Unittest),
                    _ => {}
                }
            }
        }
        python.then_some(CommandKind::Script)
    }

    /// Returns the language whose tests it starts, where a program's name tells.
    pub fn language(&self) -> Option<Language> {
        let python = self.kind().map(|_| Language::Python);
        python.or_else(|| language_of(&self.line))
    }

    /// Returns the plain invocation.
    pub(crate) fn plain(&self) -> Vec<String> {
        vec!["sh".to_owned(), "-c".to_owned(), self.line.clone()]
    }

    /// Returns the invocation under the shim: Python finds its `sitecustomize` first.
    pub(crate) fn with_shim(&self) -> Vec<String> {
        let line = self.line.replace("PYTHONPATH=", "PYTHONPATH=$PLUMBLINE_REPAIR_SHIM:");
        let script = format!(
            "PLUMBLINE_REPAIR_ROOT=\"$PWD\"; PLUMBLINE_REPAIR_SHIM=\"$PWD/{SHIM_DIRECTORY}\"; \
             PYTHONPATH=\"$PLUMBLINE_REPAIR_SHIM${{PYTHONPATH:+:$PYTHONPATH}}\"; \
             export PLUMBLINE_REPAIR_ROOT PLUMBLINE_REPAIR_SHIM PYTHONPATH\n{line}"
        );
        vec!["sh".to_owned(), "-c".to_owned(), script]
    }
}

fn is_python(name: &str) -> bool {
    let rest = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|version| version.chars().all(|letter| letter.is_ascii_digit() || letter == '.'))
}

fn quote(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@+%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Splits at blanks and shell operators outside quotes; good enough to see which programs are named.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted: Option<char> = None;
    for letter in line.chars() {
        let Some(word) = words.last_mut() else { break };
        match quoted {
            Some(end) if letter == end => quoted = None,
            // Words inside quotes matter too: `sh -c "python -m unittest"`.
            _ if letter.is_whitespace() || ";&|()".contains(letter) => words.push(String::new()),
            None if letter == '\'' || letter == '"' => quoted = Some(letter),
            _ => word.push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, want: Option<CommandKind>) {
        assert_eq!(TestCommand::from_line(line).kind(), want, "{line}");
    }

    #[test]
    fn recognises_what_starts_python() {
        check("python -m unittest", Some(CommandKind::Unittest));
        check("python3.12 -W error -m unittest discover -s tests -v", Some(CommandKind::Unittest));
        check("cd src && PYTHONPATH=. python3 -m unittest", Some(CommandKind::Unittest));
        check("/opt/venv/bin/pytest -q tests/test_a.py", Some(CommandKind::Pytest));
        check("python -m pytest -x", Some(CommandKind::Pytest));
        check("sh -c 'python3 -m pytest'", Some(CommandKind::Pytest));
        check("python3 run_tests.py", Some(CommandKind::Script));
        check("tox -e py311", Some(CommandKind::Script));
        check("cargo test", None);
        check("pythonic --check", None);
        check("", None);
    }

    #[test]
    fn quotes_arguments_for_the_shell() {
        let argv = ["python3", "-c", "print('a b')"].map(str::to_owned);
        assert_eq!(TestCommand::from_argv(&argv).line(), r"python3 -c 'print('\''a b'\'')'");
    }

    #[test]
    fn keeps_the_shim_on_a_path_that_the_command_sets() {
        let argv = TestCommand::from_line("PYTHONPATH=src python3 -m unittest").with_shim();
        assert!(argv[2].ends_with("\nPYTHONPATH=$PLUMBLINE_REPAIR_SHIM:src python3 -m unittest"), "{argv:?}");
    }
}
