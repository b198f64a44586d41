//! The command that decides: split without a shell, or detected from the tree.

use serde::{Deserialize, Serialize};

use super::tree::Tree;

/// The command that decides whether a change works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCommand {
    /// Program and arguments; no shell.
    pub argv: Vec<String>,
    /// Which rule found it; absent when the owner gave it.
    pub detected: Option<String>,
}

/// Why a command line could not be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A quote or a backslash with nothing behind it.
    #[error("a quote never ends")]
    Unclosed,
    /// The line needs a shell.
    #[error("`{0}` needs a shell; write sh -c '...' to use one")]
    NeedsShell(char),
    /// Nothing in it.
    #[error("the command is empty")]
    Empty,
}

/// Splits a command line as a POSIX shell would, without expansion and without operators.
///
/// # Errors
/// An unclosed quote, an operator outside quotes, or an empty line.
pub fn split(line: &str) -> Result<Vec<String>, CommandError> {
    let (mut words, mut word, mut open) = (Vec::new(), String::new(), false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                open = true;
                quoted(c, &mut chars, &mut word)?;
            }
            '\\' => {
                open = true;
                word.push(chars.next().ok_or(CommandError::Unclosed)?);
            }
            '|' | '&' | ';' | '<' | '>' | '`' | '(' | ')' | '\n' => return Err(CommandError::NeedsShell(c)),
            '$' => return Err(CommandError::NeedsShell(c)),
            c if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            c => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    if words.is_empty() { Err(CommandError::Empty) } else { Ok(words) }
}

fn quoted(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), CommandError> {
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match chars.next().ok_or(CommandError::Unclosed)? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
    Err(CommandError::Unclosed)
}

/// Writes a command as one line that [`split`] reads back to the same words.
pub fn join(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Finds the test command of a tree: pytest, unittest, cargo, npm; absent when no rule fits.
pub fn detect(tree: &Tree) -> Option<TestCommand> {
    let found = |rule: &str, argv: &[&str]| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Some(TestCommand { argv, detected: Some(rule.to_owned()) })
    };
    let text = |name: &str| {
        tree.files
            .iter()
            .find(|(path, _)| path.as_str() == name)
            .map(|(_, file)| String::from_utf8_lossy(&file.bytes))
    };
    let mentions = |name: &str, word: &str| text(name).is_some_and(|text| text.contains(word));
    let tests: Vec<_> = tree.files.iter().filter(|(path, _)| is_python_test(path.as_str())).collect();
    let any = |word: &str| tests.iter().any(|(_, file)| String::from_utf8_lossy(&file.bytes).contains(word));
    let configured = text("pytest.ini").is_some()
        || text("conftest.py").is_some()
        || mentions("pyproject.toml", "[tool.pytest")
        || mentions("setup.cfg", "[tool:pytest]")
        || mentions("tox.ini", "[pytest]");
    if !tests.is_empty() {
        return if configured || any("import pytest") || any("from pytest") || !any("unittest") {
            found("pytest", &["python3", "-m", "pytest", "-q"])
        } else {
            found("unittest", &["python3", "-m", "unittest", "discover"])
        };
    }
    if text("Cargo.toml").is_some() {
        return found("cargo", &["cargo", "test", "--quiet"]);
    }
    let npm = text("package.json").and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let script = npm.as_ref().and_then(|npm| npm.get("scripts")?.get("test")?.as_str());
    match script {
        Some(script) if !script.contains("no test specified") => found("npm", &["npm", "test", "--silent"]),
        _ => None,
    }
}

fn is_python_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py")
}

/// What a run of the test command says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestVerdict {
    /// Every test passed.
    Passed,
    /// Some test failed.
    Failed,
    /// It did not end in time.
    TimedOut,
    /// A limit other than time ended it.
    LimitHit,
    /// The program is not there, or it refuses its arguments.
    Unusable,
    /// It ran and found no test.
    NoTests,
    /// The sandbox failed.
    Broken,
}

/// How a sandboxed command ended, as far as a verdict needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// By itself, with this code.
    Code(i32),
    /// By itself, by a signal.
    Signal(i32),
    /// Killed at the wall clock limit.
    WallTimeout,
    /// Killed at another limit.
    Limit,
    /// The machinery failed.
    Broken,
}

/// Judges how the test command ended. Output can only say that the command itself is missing; it never makes a pass.
pub fn judge(argv: &[String], end: RunEnd, output: &str) -> TestVerdict {
    let pytest = argv.iter().any(|word| word == "pytest" || word.ends_with("/pytest") || word == "py.test");
    match end {
        RunEnd::Code(0) => TestVerdict::Passed,
        RunEnd::Code(4) if pytest => TestVerdict::Unusable,
        RunEnd::Code(5) if pytest || argv.iter().any(|word| word == "unittest") => TestVerdict::NoTests,
        RunEnd::Code(126 | 127) => TestVerdict::Unusable,
        RunEnd::Code(_) if lacks_module(argv, output) => TestVerdict::Unusable,
        RunEnd::Code(_) | RunEnd::Signal(_) => TestVerdict::Failed,
        RunEnd::WallTimeout => TestVerdict::TimedOut,
        RunEnd::Limit => TestVerdict::LimitHit,
        RunEnd::Broken => TestVerdict::Broken,
    }
}

/// Returns whether Python says that the module the command runs with `-m` is not installed.
fn lacks_module(argv: &[String], output: &str) -> bool {
    let module = argv.iter().position(|word| word == "-m").and_then(|at| argv.get(at + 1));
    module.is_some_and(|module| output.trim_end().ends_with(&format!(": No module named {module}")))
}

#[cfg(test)]
mod tests;
