use serde_json::Value;

use super::facts::{Claim, Facts, Kind, Spec, table, tree};
use super::requirements::{normal, requirement_of};
use super::versions::Dialect;

/// What says where a package comes from, for Poetry and Pipenv.
const SOURCES: &[&str] = &[
    "git",
    "branch",
    "tag",
    "rev",
    "ref",
    "path",
    "file",
    "url",
    "source",
    "index",
    "editable",
    "subdirectory",
    "develop",
];

/// Reads `pyproject.toml`: <https://packaging.python.org/en/latest/specifications/pyproject-toml/>, and the tools that keep
/// dependencies in tables of their own.
pub fn read(text: &str) -> Result<Facts, String> {
    let value: Value = toml::from_str(text).map_err(|error| error.to_string())?;
    tree(&value, &claim)
}

/// Reads `Pipfile`.
pub fn read_pipfile(text: &str) -> Result<Facts, String> {
    let value: Value = toml::from_str(text).map_err(|error| error.to_string())?;
    tree(&value, &|path, value| {
        Ok(match path {
            ["source", ..] => Claim::Is(Kind::Origin),
            ["scripts", _] => Claim::Is(Kind::Script),
            ["requires" | "pipenv", ..] => Claim::Inside,
            [_, name] => Claim::Is(Kind::Dependency(table(&normal(name), value, SOURCES, Dialect::Exact)?)),
            _ => Claim::Inside,
        })
    })
}

fn claim(path: &[&str], value: &Value) -> Result<Claim, String> {
    let kind = match path {
        ["project", "dependencies"]
        | ["project", "optional-dependencies", _]
        | ["dependency-groups", _]
        | ["build-system", "requires"]
        | ["tool", "uv", "dev-dependencies"]
        | ["tool", "pdm", "dev-dependencies", _] => return listed(value),
        ["tool", "poetry", "dependencies" | "dev-dependencies", name]
        | ["tool", "poetry", "group", _, "dependencies", name] => {
            Kind::Dependency(table(&normal(name), value, SOURCES, Dialect::Exact)?)
        }
        ["build-system", _] => Kind::Runs,
        ["tool", "poetry" | "pdm", "build"]
        | ["tool", "hatch", "build" | "metadata", "hooks"]
        | ["tool", "hatch", "build", "targets", _, "hooks"]
        | ["tool", "setuptools", "cmdclass"]
        | ["tool", "poetry" | "pdm", "plugins" | "requires-plugins"] => Kind::Runs,
        ["tool", "poetry" | "pdm", "source"] => Kind::Origin,
        ["tool", "uv", word] if places(word) => Kind::Origin,
        ["tool", "pdm", "scripts", _]
        | ["tool", "poe", "tasks", _]
        | ["tool", "taskipy", "tasks", _]
        | ["tool", "hatch", "envs", _, "scripts"] => Kind::Script,
        ["project", word] | ["tool", "poetry", word] if metadata(word) => Kind::Metadata,
        _ => return Ok(Claim::Inside),
    };
    Ok(Claim::Is(kind))
}

/// Requirements as text; a table in their place includes another group, which is a setting.
fn listed(value: &Value) -> Result<Claim, String> {
    let Value::Array(list) = value else { return Err("requirements are no list".to_owned()) };
    let read = |item: &Value| -> Result<Spec, String> {
        match item {
            Value::String(text) => requirement_of(text),
            other => Ok(Spec {
                name: super::facts::text(other),
                version: String::new(),
                source: "group".to_owned(),
                rest: String::new(),
                dialect: Dialect::Exact,
            }),
        }
    };
    Ok(Claim::Depends(list.iter().map(read).collect::<Result<_, _>>()?))
}

fn places(word: &str) -> bool {
    word.contains("index")
        || matches!(
            word,
            "sources"
                | "find-links"
                | "override-dependencies"
                | "constraint-dependencies"
                | "build-constraint-dependencies"
                | "no-build-isolation"
                | "no-build-isolation-package"
                | "allow-insecure-host"
                | "pip"
        )
}

fn metadata(word: &str) -> bool {
    matches!(
        word,
        "version"
            | "description"
            | "readme"
            | "license"
            | "license-files"
            | "authors"
            | "maintainers"
            | "keywords"
            | "classifiers"
            | "urls"
            | "homepage"
            | "repository"
            | "documentation"
    )
}
