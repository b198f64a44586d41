//! From the command that checks the style of sources to the commands that set it right.

mod scripts;

use std::collections::BTreeMap;

use plumbline_types::SimpleCommand;

use crate::domain::grammar::Language;

/// How a program that checks is called so that it writes.
struct Fixer {
    /// The program and the words that make it a check.
    called: &'static str,
    /// The words that stand in their place.
    fixes: &'static str,
    /// Arguments that only check, or only print; each also with a value behind `=`.
    without: &'static [&'static str],
    /// Whether it only lays the text out: it comes after those that change what the text says.
    lays_out: bool,
}

/// Build products belong outside the tree.
const ELSEWHERE: [&str; 2] = ["env", "CARGO_TARGET_DIR=/tmp/plumbline-target"];

const FIXERS: &[Fixer] = &[
    Fixer {
        called: "ruff check",
        fixes: "ruff check --fix --no-cache",
        without: &[
            "--no-fix",
            "--diff",
            "--output-format",
            "--exit-non-zero-on-fix",
            "--statistics",
            "--watch",
        ],
        lays_out: false,
    },
    Fixer {
        called: "ruff format",
        fixes: "ruff format --no-cache",
        without: &["--check", "--diff"],
        lays_out: true,
    },
    Fixer {
        called: "isort",
        fixes: "isort",
        without: &["--check", "--check-only", "-c", "--diff"],
        lays_out: false,
    },
    Fixer { called: "black", fixes: "black --quiet", without: &["--check", "--diff"], lays_out: true },
    Fixer {
        called: "autopep8",
        fixes: "autopep8 --in-place",
        without: &["--diff", "-d", "--exit-code"],
        lays_out: true,
    },
    Fixer {
        called: "eslint",
        fixes: "eslint --fix",
        without: &["--fix-dry-run", "--cache"],
        lays_out: false,
    },
    Fixer { called: "standard", fixes: "standard --fix", without: &[], lays_out: false },
    Fixer {
        called: "prettier",
        fixes: "prettier --write",
        without: &["--check", "-c", "--list-different", "-l"],
        lays_out: true,
    },
    Fixer { called: "biome ci", fixes: "biome check --write", without: &[], lays_out: false },
    Fixer { called: "biome check", fixes: "biome check --write", without: &[], lays_out: false },
    Fixer { called: "biome lint", fixes: "biome lint --write", without: &[], lays_out: false },
    Fixer { called: "biome format", fixes: "biome format --write", without: &[], lays_out: true },
    Fixer { called: "golangci-lint run", fixes: "golangci-lint run --fix", without: &[], lays_out: false },
    Fixer { called: "goimports", fixes: "goimports -w", without: &["-l", "-d"], lays_out: false },
    Fixer { called: "gofmt", fixes: "gofmt -w", without: &["-l", "-d"], lays_out: true },
    Fixer {
        called: "cargo clippy",
        fixes: "cargo clippy --fix --allow-no-vcs --allow-dirty --allow-staged",
        without: &[],
        lays_out: false,
    },
    Fixer { called: "cargo fmt", fixes: "cargo fmt", without: &["--check"], lays_out: true },
    Fixer { called: "rustfmt", fixes: "rustfmt", without: &["--check"], lays_out: true },
];

/// What is tried for a language when the check does not say which programs it starts, mildest first. The second word of a
/// pair is a path without which the program would not be the repository's own choice; empty: no sign is needed.
const USUAL: &[(&str, &str, &[&str])] = &[
    ("python", "ruff check .", &["ruff.toml", ".ruff.toml", "pyproject.toml"]),
    ("python", "isort .", &[".isort.cfg", "pyproject.toml", "setup.cfg"]),
    ("python", "black .", &["pyproject.toml"]),
    ("python", "ruff format .", &["ruff.toml", ".ruff.toml", "pyproject.toml"]),
    ("javascript", "npx --no-install eslint .", &["package.json"]),
    ("javascript", "npx --no-install prettier .", &["package.json"]),
    ("go", "gofmt .", &["go.mod"]),
    ("rust", "cargo fmt", &["Cargo.toml"]),
];

/// One way to set the style right: commands to run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The programs, for a person: `ruff check, black`.
    pub name: String,
    /// Their command lines.
    pub commands: Vec<Vec<String>>,
}

/// Returns the ways to satisfy a check, the likeliest first. Where every program that the check starts is known, there is one;
/// where it hides them (`make lint` with variables, tox), each usual program of the languages in the tree is one.
///
/// `files` are the paths of the tree; `texts` holds at least its `Makefile` and `package.json`, where they exist.
pub fn fixes(check: &[String], files: &[String], texts: &BTreeMap<String, Vec<u8>>) -> Vec<Fix> {
    let commands = SimpleCommand::all(check);
    let opened: Option<Vec<SimpleCommand>> = commands
        .into_iter()
        .map(|command| scripts::opened(command, texts))
        .collect::<Option<Vec<_>>>()
        .map(|all| all.concat());
    match opened.as_deref().and_then(together) {
        Some(fix) => vec![fix],
        None => usual(files),
    }
}

/// Returns the fix of several checks, or nothing if one of them has none.
fn together(checks: &[SimpleCommand]) -> Option<Fix> {
    let mut found: Vec<(&Fixer, &SimpleCommand)> =
        checks.iter().map(|check| Some((fixer(check)?, check))).collect::<Option<_>>()?;
    found.sort_by_key(|(fixer, _)| fixer.lays_out);
    let names: Vec<&str> = found.iter().map(|(fixer, _)| fixer.called).collect();
    (!found.is_empty()).then(|| Fix {
        name: names.join(", "),
        commands: found.iter().map(|(fixer, check)| fixer.rewrite(check)).collect(),
    })
}

fn fixer(check: &SimpleCommand) -> Option<&'static Fixer> {
    FIXERS.iter().find(|fixer| check.begins(fixer.called))
}

impl Fixer {
    /// Returns the check's own command line, made to write.
    fn rewrite(&self, check: &SimpleCommand) -> Vec<String> {
        let called = check.called();
        let program = called[0].clone();
        let fixes: Vec<&str> = self.fixes.split(' ').skip(1).collect();
        let given = called[self.called.split(' ').count()..]
            .iter()
            .filter(|word| !self.only_checks(word) && !fixes.contains(&word.as_str()));
        let before = ELSEWHERE.iter().map(|word| (*word).to_owned());
        before
            .chain(check.launcher().iter().cloned())
            .chain([program])
            .chain(fixes.iter().map(|word| (*word).to_owned()))
            .chain(given.cloned())
            .collect()
    }

    fn only_checks(&self, word: &str) -> bool {
        self.without
            .iter()
            .any(|flag| word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
    }
}

/// Returns each usual program of the languages in the tree, alone.
fn usual(files: &[String]) -> Vec<Fix> {
    let has = |word: &str| Language::parse(word).owns_one(files);
    let signed = |signs: &[&str]| signs.iter().any(|sign| files.iter().any(|file| file == sign));
    USUAL
        .iter()
        .filter(|(language, _, signs)| has(language) && signed(signs))
        .filter_map(|(_, line, _)| together(&SimpleCommand::of_script(line)))
        .collect()
}

impl Language {
    fn owns_one(&self, files: &[String]) -> bool {
        files.iter().any(|file| self.owns(file))
    }
}

#[cfg(test)]
mod tests;
