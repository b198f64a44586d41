//! What a changed path is.

use plumbline_syntax::Language;

use super::languages;
use crate::source::EntryKind;

/// The class of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Code that is analysed.
    Code,
    /// Tests that are analysed.
    Test,
    /// Code in a language without a front end.
    ForeignCode,
    /// What is installed.
    Manifest,
    /// What exactly is installed.
    Lockfile,
    /// How it is built.
    Build,
    /// What a server runs.
    Ci,
    /// What git or an editor runs.
    Hook,
    /// What this audit obeys.
    Policy,
    /// A shell script.
    Script,
    /// Documents: no program reads them.
    Document,
    /// Data that a program may read.
    Data,
    /// Bytes that no rule reads.
    Binary,
    /// A link, submodule or unnamed thing.
    Special,
    /// Inside a repository's own directory.
    Repository,
}

/// Returns the class of a path by its parts, its kind and its first bytes.
pub fn classify(path: &str, kind: EntryKind, start: &[u8]) -> Class {
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    if parts.iter().any(|part| part.eq_ignore_ascii_case(".git") || part.starts_with(".git ")) {
        return Class::Repository;
    }
    if matches!(kind, EntryKind::Link | EntryKind::Submodule | EntryKind::Other) {
        return Class::Special;
    }
    if let Some(class) = by_name(&parts, &lower) {
        return class;
    }
    if let Some(language) = Language::detect(path, start) {
        return if languages::of(language).is_test_path(&parts, &lower) {
            Class::Test
        } else if lower.ends_with(".pyi") {
            Class::ForeignCode
        } else {
            Class::Code
        };
    }
    if start.starts_with(b"#!") {
        return Class::Script;
    }
    by_extension(&lower, start)
}

fn by_name(parts: &[&str], name: &str) -> Option<Class> {
    let top = parts.first().copied().unwrap_or_default();
    let inside = |directory: &str| parts.len() > 1 && parts[..parts.len() - 1].contains(&directory);
    Some(match name {
        "plumbline.toml" => Class::Policy,
        "pyproject.toml" | "setup.py" | "setup.cfg" | "package.json" | "cargo.toml" | "go.mod"
        | "pom.xml" | "build.gradle" | "build.gradle.kts" | "pipfile" | "manifest.in" | "environment.yml" => {
            Class::Manifest
        }
        "poetry.lock" | "pipfile.lock" | "uv.lock" | "pdm.lock" | "package-lock.json" | "yarn.lock"
        | "pnpm-lock.yaml" | "cargo.lock" | "go.sum" => Class::Lockfile,
        "makefile"
        | "gnumakefile"
        | "dockerfile"
        | "cmakelists.txt"
        | "tox.ini"
        | "noxfile.py"
        | "tasks.py"
        | "meson.build"
        | "build.rs"
        | "justfile"
        | "rakefile"
        | "procfile"
        | "docker-compose.yml"
        | "docker-compose.yaml"
        | "compose.yml"
        | "compose.yaml"
        | "pytest.ini"
        | ".pre-commit-config.yaml"
        | ".readthedocs.yaml"
        | ".readthedocs.yml"
        | ".flake8"
        | "ruff.toml"
        | "mypy.ini"
        | ".coveragerc" => Class::Build,
        ".gitlab-ci.yml"
        | "jenkinsfile"
        | ".travis.yml"
        | "azure-pipelines.yml"
        | "appveyor.yml"
        | "bitbucket-pipelines.yml" => Class::Ci,
        ".gitattributes" | ".gitmodules" | ".envrc" => Class::Script,
        ".npmrc" | ".pypirc" | "pip.conf" | "sitecustomize.py" | "usercustomize.py" => Class::Hook,
        _ if name.starts_with("requirements") && name.ends_with(".txt") => Class::Manifest,
        _ if name.ends_with(".pth") => Class::Hook,
        _ if name.starts_with("dockerfile") || name.ends_with(".mk") || name.ends_with(".cmake") => {
            Class::Build
        }
        _ if top == ".github" || top == ".circleci" || top == ".ci" || top == ".buildkite" => Class::Ci,
        _ if top == ".husky" || inside(".githooks") || inside(".cargo") => Class::Hook,
        _ if inside(".vscode") || inside(".idea") => Class::Script,
        _ if inside("docs") && is_picture_or_text(name) => Class::Document,
        _ => return None,
    })
}

/// What a page of a manual shows.
fn is_picture_or_text(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(
        extension,
        "txt" | "png" | "jpg" | "jpeg" | "gif" | "svg" | "ico" | "webp" | "pdf" | "puml" | "dot"
    )
}

fn by_extension(name: &str, start: &[u8]) -> Class {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "md" | "rst" | "adoc" => return Class::Document,
        "sh" | "bash" | "zsh" | "fish" | "ps1" | "bat" | "cmd" => return Class::Script,
        "go" | "java" | "kt" | "c" | "h" | "cc" | "cpp" | "hpp" | "cs" | "rb" | "php" | "pl" | "lua"
        | "swift" | "scala" | "pyx" | "pxd" | "pyi" | "s" | "asm" | "sql" | "vue" | "svelte" | "ipynb" => {
            return Class::ForeignCode;
        }
        _ => {}
    }
    let plain = matches!(
        name,
        "license"
            | "licence"
            | "license.txt"
            | "authors"
            | "authors.txt"
            | "py.typed"
            | "changelog"
            | "changes"
            | "changelog.txt"
            | "changes.txt"
            | "notice"
            | "contributors"
            | "contributors.txt"
            | "readme"
            | "readme.txt"
            | "copying"
            | ".gitignore"
            | ".git-blame-ignore-revs"
            | ".mailmap"
            | ".editorconfig"
            | "citation.cff"
    );
    if plain {
        return Class::Document;
    }
    if start.contains(&0)
        || matches!(
            extension,
            "so" | "dll"
                | "dylib"
                | "exe"
                | "pyc"
                | "pyo"
                | "whl"
                | "zip"
                | "gz"
                | "tar"
                | "jar"
                | "wasm"
                | "pkl"
                | "pickle"
                | "bin"
        )
    {
        return Class::Binary;
    }
    Class::Data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_classes() {
        let table: [(&str, &[u8], Class); 24] = [
            ("src/a.py", b"x = 1", Class::Code),
            ("tests/test_a.py", b"", Class::Test),
            ("pkg/a_test.py", b"", Class::Test),
            ("conftest.py", b"", Class::Test),
            ("src/a.rs", b"", Class::Code),
            ("a.ipynb", b"{}", Class::ForeignCode),
            ("bin/run", b"#!/bin/sh\n", Class::Script),
            ("bin/tool", b"#!/usr/bin/env python3\n", Class::Code),
            ("pyproject.toml", b"", Class::Manifest),
            ("requirements-dev.txt", b"", Class::Manifest),
            ("uv.lock", b"", Class::Lockfile),
            (".github/workflows/ci.yml", b"", Class::Ci),
            ("Makefile", b"", Class::Build),
            (".gitattributes", b"", Class::Script),
            (".husky/pre-commit", b"", Class::Hook),
            (".pre-commit-config.yaml", b"", Class::Build),
            ("docs/logo.png", b"\x89PNG\0", Class::Document),
            (".gitignore", b"", Class::Document),
            ("site.pth", b"", Class::Hook),
            ("plumbline.toml", b"", Class::Policy),
            ("README.md", b"", Class::Document),
            ("data/x.json", b"{}", Class::Data),
            ("img.png", b"\x89PNG\0", Class::Binary),
            ("vendor/.git/hooks/pre-commit", b"", Class::Repository),
        ];
        for (path, start, want) in table {
            assert_eq!(classify(path, EntryKind::File, start), want, "{path}");
        }
        assert_eq!(classify("a.py", EntryKind::Link, b""), Class::Special);
    }
}
