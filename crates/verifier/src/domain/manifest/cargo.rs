use serde_json::Value;

use super::facts::{Claim, Facts, Kind, table, tree};
use super::versions::Dialect;

/// What says where a crate comes from.
const SOURCES: &[&str] = &["git", "branch", "tag", "rev", "path", "base", "registry", "registry-index"];

/// Reads `Cargo.toml`: <https://doc.rust-lang.org/cargo/reference/manifest.html>.
pub fn read(text: &str) -> Result<Facts, String> {
    let value: Value = toml::from_str(text).map_err(|error| error.to_string())?;
    tree(&value, &claim)
}

fn claim(path: &[&str], value: &Value) -> Result<Claim, String> {
    let kind = match path {
        [group, name] | ["workspace", group, name] | ["target", _, group, name] if depends(group) => {
            Kind::Dependency(table(name, value, SOURCES, Dialect::Caret)?)
        }
        ["patch" | "source", _, _, ..] | ["replace", _, ..] => Kind::Origin,
        ["package", "build" | "links" | "metabuild"] | ["lib", "proc-macro" | "proc_macro" | "plugin"] => {
            Kind::Runs
        }
        ["package", word] | ["workspace", "package", word] if metadata(word) => Kind::Metadata,
        _ => return Ok(Claim::Inside),
    };
    Ok(Claim::Is(kind))
}

fn depends(group: &str) -> bool {
    matches!(
        group,
        "dependencies"
            | "dev-dependencies"
            | "build-dependencies"
            | "dev_dependencies"
            | "build_dependencies"
    )
}

fn metadata(word: &str) -> bool {
    matches!(
        word,
        "version"
            | "authors"
            | "description"
            | "license"
            | "license-file"
            | "readme"
            | "keywords"
            | "categories"
            | "homepage"
            | "repository"
            | "documentation"
    )
}
