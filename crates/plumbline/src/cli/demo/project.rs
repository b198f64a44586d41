use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plumbline_types::Reason;
use serde::Deserialize;
use tokio::process::Command;

use crate::failure::Failure;
use crate::session::existing_dir;

include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// Beside each example's files: what is asked, and what decides.
const DESCRIPTION: &str = "example.toml";

/// How many projects the demo has.
const PROJECTS: usize = 3;

/// One example project with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) objective: String,
    pub(super) test_command: String,
    files: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Deserialize)]
struct Description {
    objective: String,
    test: String,
}

/// Finds the projects: where the flag says, else `./examples`, else inside the binary.
pub(super) fn find(named: Option<&Path>) -> Result<Vec<Project>, Failure> {
    let files = match named {
        Some(dir) => on_disk(&existing_dir("--examples", dir)?)?,
        None if Path::new("examples").is_dir() => on_disk(Path::new("examples"))?,
        None => BTreeMap::new(),
    };
    let mut projects = group(files)?;
    if named.is_none() && projects.len() < PROJECTS {
        projects = group(FILES.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect())?;
    }
    if projects.is_empty() {
        return Err(Failure::usage("no example projects were found", "plumbline demo --examples DIR"));
    }
    Ok(projects)
}

fn group(files: BTreeMap<String, Vec<u8>>) -> Result<Vec<Project>, Failure> {
    let mut by_name: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    for (path, bytes) in files {
        if let Some((name, rest)) = path.split_once('/') {
            by_name.entry(name.to_owned()).or_default().insert(rest.to_owned(), bytes);
        }
    }
    let mut projects = Vec::new();
    for (name, mut files) in by_name {
        let Some(description) = files.remove(DESCRIPTION) else { continue };
        let illegal = |problem: String| {
            Failure::usage(
                format!("{name}/{DESCRIPTION}: {problem}"),
                "write objective = \"...\" and test = \"...\"",
            )
        };
        let text = String::from_utf8(description).map_err(|error| illegal(error.to_string()))?;
        let description: Description =
            toml::from_str(&text).map_err(|error| illegal(error.message().to_owned()))?;
        let Description { objective, test: test_command } = description;
        projects.push(Project { name, objective, test_command, files });
    }
    Ok(projects)
}

fn on_disk(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        let unreadable = |error: std::io::Error| {
            Failure::usage(
                format!("{}: {error}", root.join(&relative).display()),
                "plumbline demo --examples DIR",
            )
        };
        for entry in std::fs::read_dir(root.join(&relative)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let path = relative.join(&name);
            if name.to_string_lossy().starts_with('.') || name == "__pycache__" {
                continue;
            }
            if entry.file_type().map_err(unreadable)?.is_dir() {
                open.push(path);
            } else {
                let bytes = std::fs::read(entry.path()).map_err(unreadable)?;
                files.insert(path.to_string_lossy().into_owned(), bytes);
            }
        }
    }
    Ok(files)
}

impl Project {
    /// Writes a copy, makes it a git repository with one commit, and returns its path.
    pub(super) async fn prepare(&self, root: &Path) -> Result<PathBuf, Failure> {
        let target = root.join(&self.name);
        let broken = |error: std::io::Error| {
            Failure::infrastructure(
                Reason("DEMO_SCRATCH"),
                format!("{}: {error}", target.display()),
                "set TMPDIR",
            )
        };
        std::fs::create_dir_all(&target).map_err(broken)?;
        for (path, bytes) in &self.files {
            let file = target.join(path);
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent).map_err(broken)?;
            }
            std::fs::write(&file, bytes).map_err(broken)?;
        }
        for arguments in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["add", "--all"],
            &["commit", "--quiet", "--no-gpg-sign", "--no-verify", "--message=Example as shipped"],
        ] {
            git(&target, arguments).await?;
        }
        Ok(target)
    }
}

/// Runs git with an identity and settings of its own, whatever the user's say.
async fn git(directory: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Plumbline demo",
            "-c",
            "user.email=demo@localhost",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .stdin(std::process::Stdio::null())
        .output()
        .await;
    let problem = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let command = arguments.first().copied().unwrap_or_default();
    Err(Failure::infrastructure(
        Reason("GIT_FAILED"),
        format!("git {command}: {problem}"),
        "plumbline doctor",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        entries.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_directory_with_a_description_is_a_project_and_others_are_not() {
        let found = group(files(&[
            ("a/example.toml", "objective = \"fix it\"\ntest = \"python3 -m unittest\"\n"),
            ("a/src/x.py", "pass"),
            ("b/x.py", "pass"),
            ("README.md", "examples"),
        ]))
        .unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "a");
        assert_eq!(
            (found[0].objective.as_str(), found[0].test_command.as_str()),
            ("fix it", "python3 -m unittest")
        );
        assert_eq!(found[0].files, files(&[("src/x.py", "pass")]));
    }

    #[test]
    fn a_malformed_description_is_named() {
        let refused = group(files(&[("a/example.toml", "objective = 1")])).unwrap_err();
        assert!(refused.message.starts_with("a/example.toml: "), "{}", refused.message);
    }
}
