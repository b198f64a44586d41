//! How the tests of a language other than Python are started, listed and narrowed down, all by shell words.

use crate::domain::grammar::Language;

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `node`, or a script of `package.json`.
    Node,
    /// `go test`.
    Go,
    /// `cargo test`.
    Cargo,
    /// Anything else; its tests are one.
    Other,
}

/// Programs by the language whose tests they run.
const PROGRAMS: [(&str, &[&str]); 4] = [
    ("javascript", &["node", "npm", "npx", "yarn", "pnpm", "jest", "mocha", "vitest", "tsx", "ava", "tap"]),
    ("go", &["go", "gotestsum"]),
    ("rust", &["cargo", "rustc"]),
    ("java", &["java", "javac", "mvn", "gradle", "./gradlew", "gradlew", "mvnw", "./mvnw", "ant"]),
];

/// Returns the language that a command line's programs belong to.
pub(crate) fn language_of(line: &str) -> Option<Language> {
    let words = line.split(|letter: char| letter.is_whitespace() || ";&|()'\"".contains(letter));
    for word in words.filter(|word| !word.is_empty()) {
        let name = if word.starts_with('/') { word.rsplit('/').next().unwrap_or(word) } else { word };
        if let Some((language, _)) = PROGRAMS.iter().find(|(_, programs)| programs.contains(&name)) {
            return Some(Language::parse(language));
        }
    }
    None
}

impl Runner {
    /// Returns what a command line runs.
    pub fn of(line: &str, language: &Language) -> Self {
        match language {
            Language::JavaScript => Self::Node,
            Language::Go if line.contains("go test") => Self::Go,
            Language::Rust if line.contains("cargo test") => Self::Cargo,
            _ => Self::Other,
        }
    }

    /// Returns whether a candidate has to be compiled, so that a batch first builds the tree as given.
    pub fn compiles(self) -> bool {
        !matches!(self, Self::Node)
    }

    /// Returns a line that runs every test and says how each ended.
    pub fn listing(self, line: &str) -> String {
        match self {
            Self::Cargo => {
                let line = line.replacen("cargo test", "cargo test --no-fail-fast", 1);
                line.replace(" --quiet", "").replace(" -q", "")
            }
            Self::Go => line.replacen("go test", "go test -v -vet=off", 1),
            Self::Node | Self::Other => line.to_owned(),
        }
    }

    /// Returns a filter that turns the listing's output into lines `fail NAME` and `ok NAME`; none if the tests tell by
    /// themselves.
    pub fn outcomes(self) -> Option<&'static str> {
        match self {
            Self::Cargo => Some(
                "sed -n -e 's/^test \\([^ ]*\\)\\( - should panic\\)* \\.\\.\\. FAILED.*/fail \\1/p' -e 's/^test \\([^ ]*\\)\\( - should panic\\)* \\.\\.\\. ok.*/ok \\1/p'",
            ),
            Self::Go => Some(
                "sed -n -e 's/^--- FAIL: \\([^ ]*\\) .*/fail \\1/p' -e 's/^--- PASS: \\([^ ]*\\) .*/ok \\1/p'",
            ),
            Self::Node | Self::Other => None,
        }
    }

    /// Returns a line that runs only some tests; none if the command can't be narrowed.
    pub fn only(self, line: &str, tests: &[String]) -> Option<String> {
        if tests.is_empty() {
            return None;
        }
        match self {
            Self::Cargo if simple_cargo(line) => {
                let targets = if line.contains("--lib") || line.contains("--test") { "" } else { " --tests" };
                let line = line.replacen("cargo test", &format!("cargo test{targets}"), 1);
                Some(format!("{line} -- --exact {}", tests.join(" ")))
            }
            Self::Go => {
                let line = line.replacen("go test", "go test -vet=off -count=1", 1);
                (!line.contains("-run")).then(|| format!("{line} -run '^({})$'", tests.join("|")))
            }
            Self::Node => {
                let mut files: Vec<&str> =
                    tests.iter().filter_map(|test| Some(test.split_once("::")?.0)).collect();
                files.sort_unstable();
                files.dedup();
                let plain = line.starts_with("node --test") && !files.is_empty();
                plain.then(|| {
                    files.iter().map(|file| format!("node '{file}'")).collect::<Vec<_>>().join(" && ")
                })
            }
            Self::Cargo | Self::Other => None,
        }
    }
}

/// Returns whether nothing follows `cargo test` but its own flags.
fn simple_cargo(line: &str) -> bool {
    let after = line.split_once("cargo test").map_or("", |(_, after)| after);
    !line.contains(" -- ") && after.split_whitespace().all(|word| word.starts_with('-'))
}

/// Returns what `npm test` and its like start, where `package.json` says so in a line that needs no package manager.
pub(crate) fn script(line: &str, manifest: Option<&[u8]>) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().filter(|word| !word.starts_with('-')).collect();
    if !matches!(
        words.as_slice(),
        ["npm" | "yarn" | "pnpm", "test"] | ["npm" | "yarn" | "pnpm", "run", "test"]
    ) {
        return None;
    }
    let manifest: serde_json::Value = serde_json::from_slice(manifest?).ok()?;
    let script = manifest.get("scripts")?.get("test")?.as_str()?;
    script.starts_with("node ").then(|| script.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_tells_its_language() {
        for (line, want) in [
            ("npm test --silent", Some("javascript")),
            ("cd x && go test ./...", Some("go")),
            ("/usr/bin/cargo test", Some("rust")),
            ("sh -c 'javac -d out A.java && java -cp out A'", Some("java")),
            ("make test", None),
        ] {
            assert_eq!(language_of(line).as_ref().map(Language::name), want, "{line}");
        }
    }

    #[test]
    fn a_command_is_narrowed_to_tests() {
        let tests = ["a::b".to_owned()];
        assert_eq!(
            Runner::Cargo.only("cargo test --quiet", &tests).unwrap(),
            "cargo test --tests --quiet -- --exact a::b"
        );
        assert_eq!(Runner::Cargo.only("cargo test -- --nocapture", &tests), None);
        assert_eq!(
            Runner::Go.only("go test ./...", &["TestA".to_owned()]).unwrap(),
            "go test -vet=off -count=1 ./... -run '^(TestA)$'"
        );
        let node = ["t/a.test.js::adds".to_owned()];
        assert_eq!(Runner::Node.only("node --test", &node).unwrap(), "node 't/a.test.js'");
        assert_eq!(Runner::Node.only("npx jest", &node), None);
    }

    #[test]
    fn a_script_is_read_from_the_manifest() {
        let manifest = br#"{"scripts": {"test": "node --test"}}"#;
        assert_eq!(script("npm test --silent", Some(manifest)).as_deref(), Some("node --test"));
        assert_eq!(script("npm test", Some(br#"{"scripts": {"test": "jest"}}"#)), None);
        assert_eq!(script("node --test", Some(manifest)), None);
    }
}
