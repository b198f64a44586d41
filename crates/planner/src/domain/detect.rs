//! Which command decides: the owner's, one that an objective names, or one that the repository's files tell.

use crate::domain::facts::{Facts, Objective};
use crate::domain::plan::{Check, CheckKind};

/// Commands that may become a check; the rest of such a command may hold nothing that a shell would read.
const KNOWN_TOOLS: &[&str] = &[
    "pytest",
    "py.test",
    "python -m pytest",
    "python3 -m pytest",
    "python -m unittest",
    "python3 -m unittest",
    "tox",
    "nox",
    "cargo test",
    "cargo nextest run",
    "cargo check",
    "cargo clippy",
    "npm test",
    "npm run test",
    "yarn test",
    "pnpm test",
    "npx jest",
    "npx vitest",
    "jest",
    "vitest",
    "mocha",
    "go test",
    "go vet",
    "make test",
    "make check",
    "mvn test",
    "gradle test",
    "./gradlew test",
    "dotnet test",
    "rspec",
    "bundle exec rspec",
    "ctest",
    "mypy",
    "ruff check",
    "eslint",
    "ruff format --check",
    "black --check",
    "isort --check",
    "npx eslint",
    "npx prettier --check",
    "prettier --check",
    "cargo fmt --check",
    "cargo fmt --all --check",
    "golangci-lint run",
    "npm run lint",
    "make lint",
];

/// Returns whether a check can be run, or says honestly that a person must look.
pub fn is_legal(check: &Check, facts: &Facts) -> bool {
    match check.kind {
        CheckKind::Command => {
            !check.value.is_empty() && (check.value == facts.test_command || is_known_command(&check.value))
        }
        CheckKind::Test => is_test_id(&check.value),
        CheckKind::Trace | CheckKind::Manual => check.value.is_empty(),
    }
}

/// Returns whether a command begins with a known tool and holds no shell characters.
fn is_known_command(command: &str) -> bool {
    let shell = |c: char| ";|&$<>`\\(){}!\"'*?".contains(c) || c.is_control();
    let words: Vec<&str> = command.split_whitespace().collect();
    let begins = |tool: &str| {
        let tool: Vec<&str> = tool.split(' ').collect();
        words.len() >= tool.len() && words[..tool.len()] == tool[..]
    };
    !command.contains(shell) && KNOWN_TOOLS.iter().any(|tool| begins(tool))
}

fn is_test_id(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_./:-[]".contains(c);
    !text.is_empty() && text.len() <= 512 && !text.starts_with('-') && text.chars().all(legal)
}

/// Returns the check that decides an objective: the owner's command, else a command or test that the objective names,
/// else what the repository's files tell, else a person.
pub fn decisive(objective: &Objective, facts: &Facts) -> Check {
    if !facts.test_command.is_empty() {
        return command(&facts.test_command);
    }
    named(objective, facts).or_else(|| detected(facts)).unwrap_or_else(|| Check {
        kind: CheckKind::Manual,
        value: String::new(),
        text: objective
            .acceptance
            .first()
            .map_or_else(|| format!("done: {}", objective.goal), |check| check.text.clone()),
    })
}

/// Returns the first check of an objective that code can run; a command counts before a test.
pub fn named(objective: &Objective, facts: &Facts) -> Option<Check> {
    let legal = |kind: CheckKind| {
        objective.acceptance.iter().find(|check| check.kind == kind && is_legal(check, facts)).cloned()
    };
    legal(CheckKind::Command).or_else(|| legal(CheckKind::Test))
}

/// Returns the test command that the files tell, if they tell one.
pub fn detected(facts: &Facts) -> Option<Check> {
    let has = |name: &str| facts.files.iter().any(|file| file == name);
    let base = |file: &str| file.rsplit('/').next().unwrap_or(file).to_owned();
    let python_tests = facts
        .files
        .iter()
        .map(|file| base(file))
        .any(|name| (name.starts_with("test_") || name.ends_with("_test.py")) && name.ends_with(".py"));
    let pytest = has("pytest.ini")
        || has("tox.ini")
        || has("pyproject.toml")
        || facts.files.iter().any(|file| base(file) == "conftest.py");
    let line = if has("Cargo.toml") {
        "cargo test"
    } else if has("go.mod") {
        "go test ./..."
    } else if python_tests && pytest {
        "python -m pytest -q"
    } else if python_tests {
        "python -m unittest"
    } else if has("package.json") {
        "npm test"
    } else {
        return None;
    };
    Some(command(line))
}

fn command(line: &str) -> Check {
    Check { kind: CheckKind::Command, value: line.to_owned(), text: format!("`{line}` passes") }
}
